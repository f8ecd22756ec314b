/**
 * What nodes ask of each other about effects: to run one, to tell it something, to end it, who
 * has it. Live only, never stored. Invariant: an errand decides nothing about an actor; what an
 * effect has to say reaches its actor through the log alone, and counts only while it is pending.
 */
import type { Address } from './address.ts'
import { decode, encode, type Ref } from './codec.ts'
import type { AnyEvent } from './envelope.ts'
import { Fault } from './fault.ts'
import type { Effect } from './state.ts'

/** One process, so that a restart under the same name is somebody else. */
export type NodeLife = { readonly node: string; readonly life: string }

/** How far somebody is with an effect. `ended`: its result is stored, or on its way there. */
export type RunState = {
  readonly state: 'running' | 'failed' | 'ended'
  readonly attempt: number
  /** The number of the last event that it told. */
  readonly nth: number
  /** Of one that failed and may be tried again: its owner says so. */
  readonly error?: unknown
}

export type RunReport = RunState & { readonly id: string; readonly address: Address }

export type Errand =
  | {
      readonly is: 'run'
      readonly address: Address
      readonly effect: Effect
      /** Of the kind's definition. */
      readonly version: number
      /** The names of the logic from the root's machine down to the one that asked. */
      readonly path: readonly string[]
      /** The names of its actor's family as they stand now. */
      readonly names: Readonly<Record<string, Ref>>
    }
  /** The nth event of this owner for a callback. */
  | { readonly is: 'tell'; readonly id: string; readonly nth: number; readonly event: AnyEvent }
  | { readonly is: 'abort'; readonly id: string }
  /** From a new owner: which of these run there? */
  | { readonly is: 'find'; readonly ids: readonly string[] }
  /** To the owner, of what runs for its actors. */
  | { readonly is: 'report'; readonly runs: readonly RunReport[] }

export type Reply =
  | { readonly is: 'done' }
  /** It runs, or waits in line behind others of its kind. */
  | { readonly is: 'accepted'; readonly isQueued: boolean }
  | { readonly is: 'known'; readonly run: RunState }
  | { readonly is: 'refused'; readonly reason: string }
  | { readonly is: 'found'; readonly runs: Readonly<Record<string, RunState>> }
  /** Pending no more, or running elsewhere by now: these can end. */
  | { readonly is: 'unwanted'; readonly ids: readonly string[] }

/** Who asks, and which process is meant: another one under its name must not answer. */
export type Addressed = { readonly errand: Errand; readonly from: NodeLife; readonly to: string }

const format = 1

export function encodeErrand({ errand, from, to }: Addressed): Uint8Array {
  return encode([format, errand, from.node, from.life, to])
}

export function decodeErrand(bytes: Uint8Array): Addressed {
  const array = decode(bytes)
  if (!Array.isArray(array) || array[0] !== format) throw new Fault('errand.unknown', { size: bytes.length })
  const [, errand, node, life, to] = array
  return { errand: errand as Errand, from: { node: node as string, life: life as string }, to: to as string }
}

export function encodeReply(reply: Reply): Uint8Array {
  return encode([format, reply])
}

export function decodeReply(bytes: Uint8Array): Reply {
  const array = decode(bytes)
  if (!Array.isArray(array) || array[0] !== format) throw new Fault('errand.unknown', { size: bytes.length })
  return array[1] as Reply
}
