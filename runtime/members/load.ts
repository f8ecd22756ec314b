/** How much this node has to do, for the heartbeat: what people and placement look at. */
import type { Heartbeat } from '#protocol/heartbeat.ts'
import type { Store } from '#store/store.ts'
import type { Clock } from '#runtime/clock.ts'
import type { Effects } from '#runtime/effects/effects.ts'
import type { Owners } from './owners.ts'

type World = {
  readonly clock: Clock
  readonly owners: Pick<Owners, 'partitions'>
  readonly store: Pick<Store, 'count' | 'underlays'>
  readonly effects: Pick<Effects, 'running'>
}

/** Of a node that says its last word: its store may be closed already. */
export const noLoad: Heartbeat['load'] = { cpu: 0, memoryBytes: 0, commitsPerSecond: 0, actors: 0, effects: 0 }

/** All that is measured is measured so often: a heartbeat's own interval says little of rates, and it is asked for more often. */
const spanMs = 1000

export function loadOf({ clock, owners, store, effects }: World): () => Heartbeat['load'] {
  let since = { at: clock.now(), cpu: process.cpuUsage(), commits: commitsOf(owners) }
  let rates = { cpu: 0, commitsPerSecond: 0, memoryBytes: process.memoryUsage.rss() }
  return () => {
    const now = clock.now()
    const passed = now - since.at
    if (passed >= spanMs) {
      const { user, system } = process.cpuUsage(since.cpu)
      const commits = commitsOf(owners)
      let made = 0
      for (const [partition, n] of commits) made += n - (since.commits.get(partition) ?? n)
      rates = {
        cpu: (user + system) / 1000 / passed,
        commitsPerSecond: (made * 1000) / passed,
        memoryBytes: process.memoryUsage.rss(),
      }
      since = { at: now, cpu: process.cpuUsage(), commits }
    }
    return { ...rates, actors: store.count(), effects: effects.running, packed: packedIn(store) }
  }
}

/** What a lazy restore brought and is not unpacked yet. */
export function packedIn(store: Pick<Store, 'underlays'>): number {
  return [...store.underlays().values()].reduce((sum, left) => sum + left, 0)
}

function commitsOf({ partitions }: World['owners']): Map<number, number> {
  return new Map([...partitions.values()].map(({ partition, position }) => [partition, position.n]))
}
