/** Realms beside each other in memory, as the servers of a real one hold them. */
import { Fault } from '#protocol/fault.ts'
import type { Clock } from '#runtime/clock.ts'
import type { Blobs } from '#runtime/bus.ts'
import type { Generations } from '#runtime/generations.ts'
import { type MemoryLog, openMemoryLog } from '#runtime/memory/memory-bus.ts'
import type { Realms, SeenFork } from '#runtime/realms.ts'

export type MemoryRealms = Realms & { log(realm: string): MemoryLog }

/** `beneath`: the cuts of the realm that is forked. */
export function memoryRealms(clock: Clock, parent: MemoryLog, beneath: Pick<Blobs, 'get'>): MemoryRealms {
  const logs = new Map<string, MemoryLog>([['shop', parent]])

  function log(realm: string): MemoryLog {
    const known = logs.get(realm) ?? openMemoryLog({ realm, partitions: 1, clock, beneath })
    logs.set(realm, known)
    return known
  }

  return {
    log,
    async forks() {
      const found: SeenFork[] = []
      for (const [name, { generations }] of logs) {
        const present = await generations.newest()
        if (present?.fork === undefined) continue
        const { realm, state, fork } = present
        found.push({
          name,
          generation: realm.generation,
          partitions: realm.partitions,
          state,
          fork,
          entries: 0,
          bytes: 0,
        })
      }
      return found
    },
    generations: (realm) => Promise.resolve(realm === 'shop' ? parent.generations : emptyGenerations(log(realm))),
    async remove(realm) {
      const present = await (realm === 'shop' ? parent.generations : emptyGenerations(log(realm))).newest()
      if (present === undefined) return false
      if (present.fork === undefined) throw new Fault('fork.notFork', { value: realm })
      return logs.delete(realm)
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
}

/** A realm that was never made: what stands in memory before is not counted. */
export function emptyGenerations({ generations }: MemoryLog): Generations {
  return {
    ...generations,
    async newest() {
      const found = await generations.newest()
      return found?.realm.generation === 0 ? undefined : found
    },
  }
}
