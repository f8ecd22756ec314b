/**
 * Whether a partition is the same on every disk that follows the log: what its owner and its
 * standbys hold after the same record must be the same bytes. A fold that lags is asked again.
 */
import { setTimeout as pause } from 'node:timers/promises'
import type { Folded } from './node-program.ts'
import type { NemesisWorld } from './world.ts'

const everyMs = 300

/** What differs, in sentences; also what could not be compared in time. */
export async function foldFaults(world: NemesisWorld, patienceMs = 20_000): Promise<readonly string[]> {
  const deadline = performance.now() + patienceMs
  const compared = new Set<string>()
  const differing = new Set<string>()
  let wanted: readonly string[] = []
  do {
    const folds = new Map<string, readonly Folded[]>()
    const alive = [...world.members.values()].filter(({ isAlive }) => isAlive)
    await Promise.all(alive.map(async (one) => folds.set(one.name, await one.fold())))
    wanted = pairsOf(world)
    for (const pair of wanted) {
      const [partition, owner, other] = pair.split(' ') as [string, string, string]
      const [left, right] = [owner, other].map((name) => folds.get(name)?.[Number(partition)])
      if (left === undefined || right === undefined || left.n !== right.n || left.n === 0) continue
      compared.add(pair)
      if (left.digest !== right.digest)
        differing.add(`partition ${partition} differs between ${owner} and ${other} after record ${left.n}`)
    }
    if (wanted.length > 0 && wanted.every((pair) => compared.has(pair))) break
    await pause(everyMs)
  } while (performance.now() < deadline)
  const missing = wanted.filter((pair) => !compared.has(pair))
  if (wanted.length === 0) missing.push('nobody follows anything')
  return [...differing, ...missing.map((pair) => `never at the same record: ${pair}`)]
}

/** Partition, owner, and one who follows it. */
function pairsOf(world: NemesisWorld): readonly string[] {
  const beats = [...world.heartbeats().values()]
  return beats.flatMap(({ name, followed }) =>
    followed.flatMap(([partition]) => {
      const owner = world.ownerOf(partition)
      return owner === undefined || owner === name ? [] : [`${partition} ${owner} ${name}`]
    }),
  )
}
