/**
 * What a simulated world is asked to do, and how one sees from the outside that it was done: the
 * checks look at the folded log and at what the programs were promised, never at a node.
 */
import type { ActorKind } from '#protocol/actor.ts'
import type { Address } from '#protocol/address.ts'
import type { LogEntry } from '#runtime/bus.ts'
import type { Audit } from './audit.ts'
import type { Outcome, Outside } from './outside.ts'

export type Workload = {
  readonly name: string
  readonly actors: readonly ActorKind[]
  /** So many requests, also in several rounds. Resolves when each of them was either promised or given up. */
  drive(outside: Outside, size: number): Promise<void>
  check(seen: Seen): string[]
}

export type Seen = { readonly audit: Audit; readonly entries: readonly LogEntry[] }

/** The context as its workload knows it. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters
export function contextOf<T>(seen: Seen, address: Address): T | undefined {
  return seen.audit.states.get(address)?.snapshot.context as T | undefined
}

/** One thing that was asked for, by a name of its own. */
export type Asked = { readonly id: string; outcome: Outcome }

/** `done` exactly once, `unknown` at most once. */
export function countFaults(what: string, asked: readonly Asked[], times: ReadonlyMap<string, number>): string[] {
  const known = new Set(asked.map(({ id }) => id))
  const faults = asked.flatMap(({ id, outcome }) => {
    const count = times.get(id) ?? 0
    if (outcome === 'done' ? count === 1 : count <= 1) return []
    return [`${what} ${id} was ${outcome}, and came to pass ${count} times`]
  })
  for (const id of times.keys()) if (!known.has(id)) faults.push(`${what} ${id} came to pass, but nobody asked for it`)
  return faults
}

export function timesOf(ids: Iterable<string>): Map<string, number> {
  const times = new Map<string, number>()
  for (const id of ids) times.set(id, (times.get(id) ?? 0) + 1)
  return times
}
