/**
 * Who waits for whom in a cut, and which of these waits can never end by themselves. It serves
 * "stable properties": what holds in a consistent cut and is stable holds ever after. Pure.
 * Invariants: a cycle is named only where nothing under way, armed or running could still move one of
 * its actors; what only looks like one, because an answer is in flight, is none.
 */
import { type Address, isAddress } from '#protocol/address.ts'
import type { Deadlock, Orphan, Wait } from '#protocol/cut-check.ts'
import type { ActorState } from '#protocol/state.ts'
import { matches } from '#protocol/subject.ts'

/** What is under way to an actor, or to whoever follows a topic. */
export type UnderWay = { readonly to: Address } | { readonly topic: string }

export type Waits = {
  /** Every actor of the cut, once. */
  add(address: Address, state: ActorState): void
  /** Everything in flight. */
  fly(one: UnderWay): void
  /** Whoever has to be asked for again: those who are waited for, or named, and hold nothing themselves. */
  readonly named: ReadonlySet<Address>
  found(isThere: (address: Address) => 'active' | 'ended' | undefined): Found
}

export type Found = { readonly deadlocks: readonly Deadlock[]; readonly orphans: readonly Orphan[] }

type Claim = Omit<Orphan, 'for'> & { readonly for: Address }

/** `at`: when the cut was taken; of a question whose time is over nobody waits for the answer. */
export function waitsOf(at: number): Waits {
  const waits: Wait[] = []
  /** Of those who may wait for somebody: what of themselves could move them. */
  const moves = new Map<Address, { readonly isMoved: boolean; readonly patterns: readonly string[] }>()
  const flying = new Set<Address>()
  const topics: string[] = []
  const claims: Claim[] = []
  const named = new Set<Address>()

  function add(address: Address, { book, steppedAt }: ActorState): void {
    if (book.ended !== undefined) return
    for (const { to, id, deadline } of book.asks ?? []) {
      if (!isAddress(to) || deadline <= at) continue
      waits.push({ from: to, for: address, how: 'asked', what: id, since: steppedAt })
      claim({ address, for: to, why: 'asker is gone', since: steppedAt })
    }
    for (const { envelope } of book.deferred ?? []) {
      const { from, content, at } = envelope
      if (from === undefined || !isAddress(from) || content.is !== 'event' || from === address) continue
      waits.push({ from, for: address, how: 'deferred', what: content.event.type, since: at })
    }
    for (const child of Object.values(book.children ?? {}))
      if (child.address !== undefined) claim({ address, for: child.address, why: 'child never was', since: steppedAt })
    if (book.parent !== undefined) claim({ address, for: book.parent.address, why: 'parent is gone', since: steppedAt })
    // Most actors hold nothing of anybody, and cannot be part of a cycle.
    if (book.asks === undefined && book.deferred === undefined) return
    const isMoved = book.timers !== undefined || book.effects !== undefined || book.outbox !== undefined
    moves.set(address, { isMoved, patterns: (book.subscriptions ?? []).map(({ pattern }) => pattern) })
  }

  function claim(one: Claim): void {
    claims.push(one)
    named.add(one.for)
  }

  /** It can do nothing until somebody else does something for it. */
  function isStuck(address: Address): boolean {
    const own = moves.get(address)
    if (own === undefined || own.isMoved || flying.has(address)) return false
    return !own.patterns.some((pattern) => topics.some((topic) => matches(pattern, topic)))
  }

  return {
    add,
    fly(one) {
      if ('to' in one) flying.add(one.to)
      else topics.push(one.topic)
    },
    named,
    found: (isThere) => ({ deadlocks: cyclesOf(waits, isStuck), orphans: orphansOf(claims, flying, isThere) }),
  }
}

/** Of one cycle. */
const namedMost = 50

/** Each is named once, from the one that is first by address. */
function cyclesOf(waits: readonly Wait[], isStuck: (address: Address) => boolean): Deadlock[] {
  const stuck = waits.filter((one) => isStuck(one.from) && isStuck(one.for))
  const from = Map.groupBy(stuck, (one) => one.from)
  const found: Deadlock[] = []
  const over = new Set<Address>()
  for (const start of [...from.keys()].toSorted()) {
    if (over.has(start)) continue
    const cycle = cycleFrom(from, start, over)
    if (cycle !== undefined) {
      const since = cycle.reduce((last, one) => Math.max(last, one.since), 0)
      found.push({ cycle: cycle.slice(0, namedMost), length: cycle.length, since })
    }
  }
  return found
}

/** Down along the waits until one comes back to somebody on the way; iterative, since chains may be long. */
function cycleFrom(
  from: ReadonlyMap<Address, readonly Wait[]>,
  start: Address,
  over: Set<Address>,
): Wait[] | undefined {
  const way: { readonly address: Address; next: number }[] = [{ address: start, next: 0 }]
  const on = new Map<Address, number>([[start, 0]])
  while (way.length > 0) {
    const top = way.at(-1) as (typeof way)[number]
    const wait = from.get(top.address)?.[top.next++]
    if (wait === undefined) {
      way.pop()
      on.delete(top.address)
      over.add(top.address)
      continue
    }
    const back = on.get(wait.for)
    if (back !== undefined) {
      for (const { address } of way) over.add(address)
      return way.slice(back).map(({ address, next }) => (from.get(address) as Wait[])[next - 1] as Wait)
    }
    if (over.has(wait.for)) continue
    on.set(wait.for, way.length)
    way.push({ address: wait.for, next: 0 })
  }
  return undefined
}

function orphansOf(
  claims: readonly Claim[],
  flying: ReadonlySet<Address>,
  isThere: (address: Address) => 'active' | 'ended' | undefined,
): Orphan[] {
  return claims.filter(({ address, for: other, why }) => {
    const there = isThere(other)
    // Its start is on its way.
    if (why === 'child never was') return there === undefined && !flying.has(other)
    // Whoever ended tells those who depend on it: that may be on its way.
    return there !== 'active' && !flying.has(address) && !flying.has(other)
  })
}
