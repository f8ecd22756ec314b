/**
 * The state of one actor as it is stored: the machine's snapshot as plain data, and its book:
 * everything else that must survive (timers, effects, children, questions, subscriptions). It
 * serves the clause "its new state", and is a value: it holds no clock, no connection and no
 * running thing, so a fork, a cut and a restart all start from the same bytes.
 */
import type { Address } from './address.ts'
import { decode, encode } from './codec.ts'
import type { AnyEvent, Ask, Envelope, ParentLink } from './envelope.ts'
import { Fault, type StoredFault } from './fault.ts'

export const stateFormat = 1

export type ActorStatus = 'active' | 'done' | 'error' | 'stopped'

/** XState's snapshot as data. For logic without states (`fromTransition`) `value` is null. */
export type StoredSnapshot = {
  readonly status: ActorStatus
  readonly value: unknown
  readonly context: unknown
  readonly history: Readonly<Record<string, readonly string[]>> | undefined
  readonly output: unknown
  readonly error: unknown
  /**
   * The active states by their number in the document, when they do not stand in that order:
   * XState asks the regions of a parallel state in the order in which they came to rest.
   */
  readonly order?: readonly number[] | undefined
}

/** What a timer does when its owner was away: fire at once, count only time awake, or begin again. */
export type ResumePolicy = 'deadline' | 'frozen' | 'restart'

export type Timer = {
  readonly name: string
  /** The visit that armed it; a late one of an earlier visit is refused by this. */
  readonly visit: number
  readonly due: number
  readonly delay: number
  readonly event: AnyEvent
  /** Nothing for the actor itself. */
  readonly to?: Address | undefined
  /** What runs for that actor, when the event is for it. */
  readonly effect?: string | undefined
  readonly policy: ResumePolicy
  /** For `frozen`: how long the partition had been away in all when this was armed. */
  readonly awayMs: number
  readonly ask?: Ask | undefined
  /** Where on the log that stands which armed it. */
  readonly cause?: string | undefined
}

export type Effect = {
  /** (generation, claim nonce, n, index): never given twice, in any future of this realm. */
  readonly id: string
  /** The name under which the machine (or the kind) knows its logic. */
  readonly name: string
  /** `logic`: a promise, callback or observable. `action`: a named custom action. */
  readonly is: 'logic' | 'action'
  readonly input: unknown
  /** The child id in the machine, for `logic`. */
  readonly child: string | undefined
  /** The number of the attempt that runs, or waits to. */
  readonly attempt: number
  /** The last attempt that may have begun; the present one when nothing is said. */
  readonly begun?: number | undefined
  readonly begunAt: number
  /** When the next attempt may start (backoff), and when all of them must have ended. */
  readonly notBefore: number
  readonly deadline: number | undefined
  readonly sync: boolean
  /** The number of stream events taken so far; a copy of one is dropped. */
  readonly taken: number
  readonly ask?: Ask | undefined
  readonly lastError?: unknown
  readonly cause?: string | undefined
}

export type Child = {
  readonly src: string
  readonly spawn: number
  /** An actor of its own, or an effect of this one. */
  readonly address: Address | undefined
  readonly effect: string | undefined
  readonly sync: boolean
  readonly systemId?: string | undefined
}

export type Subscription = { readonly pattern: string; readonly from: number }

/** `ask` is the question on whose behalf a timer or an effect told it; the envelope's own is one that it asks. */
export type Deferred = {
  readonly envelope: Envelope
  readonly sender: string | number
  readonly seq: number
  readonly ask?: Ask | undefined
}

export type Ended = {
  readonly reason: 'done' | 'error' | 'stopped' | 'deleted' | 'expired'
  readonly at: number
  readonly retire: number
}

/** Everything that must survive besides the machine's own snapshot. Empty parts are absent. */
export type Book = {
  timers?: Record<string, Timer>
  effects?: Record<string, Effect>
  children?: Record<string, Child>
  asks?: Ask[]
  watchers?: Address[]
  subscriptions?: Subscription[]
  /** Events that wait for a state that handles them (policy `defer`), oldest first. */
  deferred?: Deferred[]
  /** Ids that senders gave, with the instant; a second send with one of them is dropped. */
  ids?: Record<string, number>
  /** systemId to address; kept by the root for its whole family. */
  registry?: Record<string, { address: Address; id: string; effect?: string }>
  parent?: ParentLink
  ended?: Ended
  input?: unknown
  /** Instants of recent restarts, for supervision's intensity. */
  restarts?: number[]
  /** Set when the stored state does not fit the running definition. */
  unfit?: StoredFault
  /** Counts that a person asks for: unhandled, parked. */
  counts?: { unhandled?: number; parked?: number }
  /** What this actor still has to send (more than one batch holds). */
  outbox?: unknown[]
  /** The last schedule instant that was fired, for cron kinds. */
  cron?: { last: number }
}

export type ActorState = {
  readonly version: number
  /** Hash of the definition that made this state. */
  readonly hash: string
  readonly snapshot: StoredSnapshot
  readonly book: Book
  /** The number of spawns, visits and timers so far; never goes back. */
  readonly visits: number
  readonly steps: number
  readonly bornAt: number
  readonly steppedAt: number
}

const statuses: readonly ActorStatus[] = ['active', 'done', 'error', 'stopped']

export function encodeState(state: ActorState): Uint8Array {
  return encode(stateArrayOf(state))
}

/** The array form: what deltas are computed over. */
export function stateArrayOf(state: ActorState): unknown[] {
  const { snapshot, book } = state
  const fields: unknown[] = [
    stateFormat,
    state.version,
    state.hash,
    statuses.indexOf(snapshot.status),
    snapshot.value,
    snapshot.context,
    state.visits,
    state.steps,
    state.bornAt,
    state.steppedAt,
    isEmpty(book) ? null : book,
    snapshot.history ?? null,
    // In a list of one: null is an output, and not the same as none.
    snapshot.output === undefined ? null : [snapshot.output],
    snapshot.error === undefined ? null : [snapshot.error],
    snapshot.order ?? null,
  ]
  while (fields.length > 10 && fields.at(-1) === null) fields.pop()
  return fields
}

export function decodeState(bytes: Uint8Array): ActorState {
  let fields: unknown
  try {
    fields = decode(bytes)
  } catch (cause) {
    throw new Fault(
      'state.undecodable',
      { size: bytes.length, reason: cause instanceof Error ? cause.message : String(cause) },
      { cause },
    )
  }
  if (!Array.isArray(fields) || typeof fields[0] !== 'number')
    throw new Fault('state.undecodable', { size: bytes.length, reason: 'it is not a state' })
  return stateOfArray(fields)
}

export function stateOfArray(fields: readonly unknown[]): ActorState {
  if ((fields[0] as number) > stateFormat)
    throw new Fault('store.format', { value: 'an actor', have: String(fields[0]), want: stateFormat })
  return {
    version: fields[1] as number,
    hash: fields[2] as string,
    snapshot: {
      status: statuses[fields[3] as number] as ActorStatus,
      value: fields[4],
      context: fields[5],
      history: (fields[11] as Record<string, string[]> | null | undefined) ?? undefined,
      output: (fields[12] as [unknown] | null | undefined)?.[0],
      error: (fields[13] as [unknown] | null | undefined)?.[0],
      ...(fields[14] ? { order: fields[14] as number[] } : {}),
    },
    visits: fields[6] as number,
    steps: fields[7] as number,
    bornAt: fields[8] as number,
    steppedAt: fields[9] as number,
    book: (fields[10] as Book | null | undefined) ?? {},
  }
}

function isEmpty(book: Book): boolean {
  for (const name in book) if (book[name as keyof Book] !== undefined) return false
  return true
}
