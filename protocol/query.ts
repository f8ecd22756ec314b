/**
 * What one may ask the owner of a partition about the present: never stored, never trusted with
 * a decision. States travel in the array form of protocol/state.ts.
 */
import type { Address } from './address.ts'
import { decode, encode } from './codec.ts'
import type { StoredFault } from './fault.ts'
import { Fault } from './fault.ts'
import type { StepNote } from './record.ts'

export type Query =
  | { readonly is: 'state'; readonly address: Address }
  /** Tell every committed state of this actor to `inbox` for a while; asked again to go on. */
  | { readonly is: 'watch'; readonly address: Address; readonly inbox: string; readonly leaseMs: number }
  | { readonly is: 'unwatch'; readonly address: Address; readonly inbox: string }
  /** `brief`: without contexts and outputs, for those who only want to know where each one stands. */
  | {
      readonly is: 'list'
      readonly kind?: string | undefined
      readonly after?: Address | undefined
      readonly limit: number
      readonly brief?: boolean | undefined
    }
  | { readonly is: 'history'; readonly address: Address; readonly before?: number | undefined; readonly limit: number }
  | { readonly is: 'partition' }
  /** Whether what is stored of a kind could be taken back to that version; some at a time, and nothing is changed. */
  | { readonly is: 'rehearse'; readonly kind: string; readonly to: number; readonly after?: Address | undefined }
  /** The next part of an answer that did not fit into one entry. */
  | { readonly is: 'part'; readonly id: string; readonly part: number }

export type Seen = {
  readonly address: Address
  /** Absent when there is no such actor. */
  readonly state: Uint8Array | undefined
  /** Envelopes that were read and not stepped yet. */
  readonly depth: number
  /** Of its present states, by the definition that the owner runs; absent when it serves no such kind. */
  readonly tags?: readonly string[] | undefined
  /** Effects that wait for a person to say how they ended. */
  readonly undecided?: readonly string[] | undefined
  /** By id, effects that do not run where their actor is. */
  readonly places?: Readonly<Record<string, EffectPlace>> | undefined
  /** Why its stored state does not fit the definition that the owner runs. */
  readonly unfit?: StoredFault | undefined
}

/** The node that runs an effect, or why none does. */
export type EffectPlace = { readonly node: string } | { readonly reason: string }

export type SeenHistory = {
  readonly lines: readonly {
    readonly n: number
    readonly seq: number
    readonly at: number
    readonly steps: readonly Omit<StepNote, 'change'>[]
  }[]
}

export type Rehearsed = {
  readonly tried: number
  readonly failed: readonly (readonly [Address, reason: string])[]
  /** Where to go on; nothing when there is no more. */
  readonly last: Address | undefined
}

export type SeenPartition = {
  readonly partition: number
  readonly epoch: number
  readonly n: number
  readonly seq: number
  readonly cursor: number
  readonly queued: number
  readonly staged: number
  readonly residents: number
  readonly actors: number
  readonly node: string
}

export type Answered<T> =
  | { readonly ok: T }
  | { readonly fault: { readonly code: string; readonly message: string } }
  /** A part of the bytes of an answer; the others are asked for by this id. */
  | { readonly part: { readonly id: string; readonly of: number; readonly bytes: Uint8Array } }
  /** To a watcher: there is something new, too large to be told. */
  | { readonly again: true }

const format = 1

export function encodeQuery(query: Query): Uint8Array {
  return encode([format, query])
}

export function decodeQuery(bytes: Uint8Array): Query {
  return contentOf(bytes) as Query
}

export function encodeAnswered<T>(answer: Answered<T>): Uint8Array {
  return encode([format, answer])
}

export function decodeAnswered<T>(bytes: Uint8Array): Answered<T> {
  return contentOf(bytes) as Answered<T>
}

function contentOf(bytes: Uint8Array): unknown {
  const array = decode(bytes)
  if (!Array.isArray(array) || array[0] !== format) throw new Fault('query.unknown', { size: bytes.length })
  return array[1]
}
