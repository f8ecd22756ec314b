/**
 * What an actor is doing, from the outside: not only that it is there, but whether it goes on by
 * itself, and if not, what it waits for. A wedged actor that looks like a running one is found by
 * nobody. It serves those who look on, and decides nothing. Pure.
 */
import type { Address } from '#protocol/address.ts'
import type { StoredFault } from '#protocol/fault.ts'
import type { EffectPlace } from '#protocol/query.ts'
import type { ActorState, Book, Ended } from '#protocol/state.ts'

export type Wait =
  | {
      readonly is: 'effect'
      readonly name: string
      readonly attempt: number
      /** A pause before this attempt. */ readonly notBefore: number | undefined
    }
  | { readonly is: 'timer'; readonly name: string; readonly due: number }
  | { readonly is: 'child'; readonly id: string; readonly address: Address }
  /** Nothing but an event moves it. */
  | { readonly is: 'event' }

export type Health =
  | { readonly is: 'progressing'; readonly queued: number }
  /** In order: what it depends on most comes first. */
  | { readonly is: 'waiting'; readonly on: readonly [Wait, ...Wait[]] }
  | { readonly is: 'blocked'; readonly by: 'unserved' | 'unfit' | 'decision' | 'carrier'; readonly reason: string }
  | { readonly is: 'poisoned'; readonly parked: number }
  | { readonly is: 'ended'; readonly reason: Ended['reason'] }

export type HealthInput = {
  readonly state: ActorState
  /** Envelopes that its owner has read and not stepped. */
  readonly depth: number
  /** Whether a node runs its kind. */
  readonly isServed: boolean
  /** Its stored state does not fit the definition that runs. */
  readonly unfit: StoredFault | undefined
  /** Effects that wait for a person to say how they ended. */
  readonly undecided: readonly string[]
  /** By id, where effects run that are not here, or why they run nowhere. */
  readonly places: Readonly<Record<string, EffectPlace>>
  /** Envelopes to it that are set aside now, neither replayed nor dropped. */
  readonly parked: number
  readonly now: number
}

export function healthOf({ state, depth, isServed, unfit, undecided, places, parked, now }: HealthInput): Health {
  const { book } = state
  if (book.ended !== undefined) return { is: 'ended', reason: book.ended.reason }
  if (!isServed) return { is: 'blocked', by: 'unserved', reason: 'no node serves its kind' }
  if (unfit !== undefined) return { is: 'blocked', by: 'unfit', reason: unfit.message }
  const open = undecided.map((id) => book.effects?.[id]?.name).find((name) => name !== undefined)
  if (open !== undefined)
    return {
      is: 'blocked',
      by: 'decision',
      reason: `the outcome of the effect "${open}" is unknown; somebody must say it`,
    }
  for (const [id, place] of Object.entries(places)) {
    const name = book.effects?.[id]?.name
    if (name !== undefined && 'reason' in place)
      return { is: 'blocked', by: 'carrier', reason: `the effect "${name}" can run nowhere: ${place.reason}` }
  }
  if (parked > 0) return { is: 'poisoned', parked }
  if (depth > 0 || book.outbox !== undefined) return { is: 'progressing', queued: depth }
  const [first, ...rest] = waitsOf(book, now)
  return { is: 'waiting', on: [first ?? { is: 'event' }, ...rest] }
}

function waitsOf(book: Book, now: number): Wait[] {
  const effects = Object.values(book.effects ?? {}).map(({ name, attempt, notBefore }) => ({
    is: 'effect' as const,
    name,
    attempt,
    notBefore: notBefore > now ? notBefore : undefined,
  }))
  const timers = Object.values(book.timers ?? {})
    .toSorted((a, b) => a.due - b.due)
    .map(({ name, due }) => ({ is: 'timer' as const, name, due }))
  const children = Object.entries(book.children ?? {}).flatMap(([id, { address }]) =>
    address === undefined ? [] : [{ is: 'child' as const, id, address }],
  )
  return [...effects, ...timers, ...children]
}
