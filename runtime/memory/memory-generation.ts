/** The generations of a realm in memory: each with its log, and the bases that were made of it. */
import { Fault } from '#protocol/fault.ts'
import type { Fork } from '#protocol/fork.ts'
import type { Realm } from '#protocol/realm.ts'
import { subjects } from '#protocol/subject.ts'
import type { Bus } from '#runtime/bus.ts'
import type { Clock } from '#runtime/clock.ts'
import type { Generation, Generations } from '#runtime/generations.ts'
import { type Log, openLog } from './memory-log.ts'

export type MemoryGeneration = {
  readonly realm: Realm
  readonly log: Log
  readonly createdAt: string
  readonly blobs: Map<string, Uint8Array>
  readonly fork?: Fork | undefined
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

type World = {
  readonly clock: Clock
  readonly name: string
  readonly maxPayload: number
  readonly past: MemoryGeneration[]
  readonly present: () => MemoryGeneration
  readonly become: (next: MemoryGeneration) => void
  readonly connect: (generation: MemoryGeneration) => Bus
  readonly tell: (subject: string) => void
}

export function memoryGenerationsOf(world: World): Generations {
  const { clock, name, maxPayload, past, present, become, connect, tell } = world
  let attempt = { generation: 0, isDecided: true }
  const stateOf = (one: MemoryGeneration): Generation => ({ ...one, ...one.log.state() })

  function discard(before: number): void {
    while (present().state === 'restoring' && present().realm.generation < before)
      become(past.pop() as MemoryGeneration)
  }

  return {
    maxPayload,
    newest: () => Promise.resolve(stateOf(present())),
    async reserve(above) {
      attempt = { generation: Math.max(above, attempt.generation) + 1, isDecided: false }
      return attempt.generation
    },
    async seal() {
      if (present().state !== 'open') return
      present().state = 'sealed'
      tell(subjects.generation({ name }))
    },
    async begin({ generation, partitions, firstSeq, fork = present().fork }) {
      // As a server refuses a stream whose subjects another one has.
      if (present().state !== 'sealed') throw new Fault('bus.refused', { reason: 'subjects overlap', code: 10065 })
      past.push(present())
      become({ ...openMemoryGeneration({ name, generation, partitions }, clock, firstSeq), fork })
      return connect(present())
    },
    async open(generation) {
      if (attempt.generation !== generation)
        throw new Fault('restore.overtaken', { have: generation, want: attempt.generation })
      attempt = { generation, isDecided: true }
      if (present().realm.generation === generation) present().state = 'open'
      tell(subjects.generation({ name }))
    },
    discard: async (before) => discard(before),
    async unseal() {
      attempt = { generation: Math.max(attempt.generation, present().realm.generation) + 1, isDecided: false }
      discard(attempt.generation)
      if (present().state !== 'sealed') return undefined
      present().state = 'open'
      return stateOf(present())
    },
    async past(generation) {
      const found = [...past, present()].find(({ realm }) => realm.generation === generation)
      return found === undefined ? undefined : connect(found)
    },
  }
}
