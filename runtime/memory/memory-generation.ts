/** One generation of a realm in memory: its log, and the bases that were made of it. */
import type { Realm } from '#protocol/realm.ts'
import type { Clock } from '#runtime/clock.ts'
import type { Generation } from '#runtime/generations.ts'
import { type Log, openLog } from './memory-log.ts'

export type MemoryGeneration = {
  readonly realm: Realm
  readonly log: Log
  readonly createdAt: string
  readonly blobs: Map<string, Uint8Array>
  state: Generation['state']
}

/** The first one is open as it is made; a later one waits until all is in it that was restored. */
export function openMemoryGeneration(realm: Realm, clock: Clock, firstSeq = 1): MemoryGeneration {
  return {
    realm,
    log: openLog(realm.name, realm.partitions, () => clock.now(), firstSeq),
    createdAt: new Date(clock.now()).toISOString(),
    blobs: new Map(),
    state: realm.generation === 0 ? 'open' : 'restoring',
  }
}
