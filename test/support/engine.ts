/** A node and a client over the memory bus or a real server, with every option spelled out once. */
import type { ActorKind } from '#protocol/actor.ts'
import type { Bus } from '#runtime/bus.ts'
import { realmHandleOf, type RealmHandle } from '#runtime/client/realm-handle.ts'
import type { Clock } from '#runtime/clock.ts'
import { systemClock } from '#runtime/clock.ts'
import { startNode } from '#runtime/start-node.ts'
import type { Node, NodeOptions, NodeWorld } from '#runtime/node.ts'
import { openMemoryStore } from '#store/memory-store.ts'
import type { Archive } from '#store/archive.ts'
import type { Store } from '#store/store.ts'

export const nodeOptions: NodeOptions = {
  name: 'test',
  beatMs: 0,
  suspectMs: 300,
  deadMs: 1000,
  standbys: 1,
  capacity: 1,
  labels: [],
  release: '0',
  handOversMost: 4,
  handOverMs: 300,
  claimsMost: 64,
  entriesMost: 999,
  cheapMost: 16,
  queueMost: 10_000,
  stagedMost: 1000,
  stateBytesMost: 16_000_000,
  clientKeepMs: 3_600_000,
  clientsMost: 10_000,
  askMostMs: 604_800_000,
  askLateMs: 600_000,
  asksMost: 1000,
  deferLimit: 100,
  retainMs: 2_592_000_000,
  inFlightMost: 4,
  retryMs: 10,
  foldMs: 20,
  foldCommitsMost: 5000,
  mendKeepMs: 240_000,
  mendBytes: 64_000_000,
  effectLimit: 16,
  idleMs: 60_000,
  residentsMost: 10_000,
  aliveMs: 1000,
  claimLookMs: 2000,
  answerBytesMost: 64_000_000,
  graceMs: 1000,
  acceptChanged: false,
  rolloutShare: 'auto',
  trimEveryMs: 3_600_000,
  trimAnswerMs: 10_000,
  baseEveryBytes: 1e12,
  isolationMs: 2500,
  isolationMostMs: 15_000,
  parkedKeepMs: 1e12,
  parkedBytes: 1e12,
  historyMs: 86_400_000,
  historyBytes: 1_000_000_000,
  cutDeadlineMs: 10_000,
  cutLayersMost: 8,
  checkMs: 5000,
  cutEveryMs: 0,
  cutEveryBytes: 0,
  cutKeepLast: 6,
  cutKeepHourly: 24,
  cutKeepDaily: 7,
  drillEveryMs: 0,
  secondPlace: undefined,
}

export const realmOptions = {
  windowMost: 1000,
  sendTimeoutMs: 10_000,
  retryMs: 10,
  queryTimeoutMs: 2000,
  leaseMs: 2000,
  client: undefined,
}

export async function openTestStore(bus: Bus, archive?: Archive): Promise<Store> {
  const { realm } = bus
  const log = await bus.logState()
  return openMemoryStore({
    identity: { realm: realm.name, generation: realm.generation, partitions: realm.partitions, log: log.createdAt },
    unseal: archive?.unsealed,
  })
}

export async function openTestNode(
  bus: Bus,
  actors: readonly ActorKind[],
  given: {
    store?: Store
    archive?: Archive | undefined
    clock?: Clock
    invariants?: NodeWorld['invariants']
    journal?: NodeWorld['journal']
    options?: Partial<NodeOptions>
  } = {},
): Promise<Node> {
  const store = given.store ?? (await openTestStore(bus, given.archive))
  return await startNode(
    {
      ...{ bus, store, archive: given.archive, clock: given.clock ?? systemClock, actors },
      ...{ invariants: given.invariants, journal: given.journal },
    },
    { ...nodeOptions, ...given.options },
  )
}

export function openTestRealm(bus: Bus, clock: Clock = systemClock): RealmHandle {
  return realmHandleOf({ bus, clock }, realmOptions)
}
