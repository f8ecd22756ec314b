/**
 * What a realm is asked to do, and how one sees from the outside that it was done. A workload
 * knows neither the world nor its faults: it drives through handles of a realm, and judges by the
 * log alone and by what its programs were promised, never by a node. So the same workloads and
 * the same judges serve virtual time and real servers.
 */
import type { ActorKind } from '#protocol/actor.ts'
import type { Address } from '#protocol/address.ts'
import type { Outcome, Outside } from './outside.ts'
import type { Random } from './random.ts'
import type { Reader } from './reader.ts'

export type Workload = {
  readonly name: string
  readonly kinds: readonly ActorKind[]
  /** The same kinds as the next release of their program has them; absent: as they are. */
  readonly later?: readonly ActorKind[]
  /** Whether it is part of this workload that envelopes to this actor are parked. */
  parks?(address: Address): boolean
  /** So many requests, also in several rounds. Resolves when each of them was either promised or given up. */
  drive(outside: Outside, random: Random, rounds: number): Promise<void>
  /** What is broken, in sentences, once the realm has come to rest. */
  audit(reader: Reader): readonly string[]
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
