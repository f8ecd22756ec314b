/**
 * The measured node: a process of its own, so that its memory and its time are its own. It runs
 * with the defaults that a user gets, and says when how many steps were on the log.
 */
import { benchActors } from '#bench/actors.ts'
import { instantMs } from '#bench/instant.ts'
import { type Access, configFor } from '#bench/access.ts'
import { answerCalls } from '#bench/program.ts'
import { nodeWindowsOf, type Window } from '#bench/node-window.ts'
import type { Config } from '#config/open-config.ts'
import { archiveOptionsOf, busOptionsOf, keyPlaceOf, nodeOptionsOf, storeOptionsOf } from '#config/options.ts'
import { decodeState } from '#protocol/state.ts'
import { parseStored, subjects } from '#protocol/subject.ts'
import type { Bus } from '#runtime/bus.ts'
import { systemClock } from '#runtime/clock.ts'
import { ensureCutKey } from '#runtime/cuts/reading/cut-key.ts'
import { cutShelfOf } from '#runtime/cuts/reading/cut-shelf.ts'
import { openCut } from '#runtime/cuts/reading/open-cut.ts'
import { openBus } from '#runtime/nats/open-bus.ts'
import { startNode } from '#runtime/start-node.ts'
import type { Node } from '#runtime/node.ts'
import { onTrace } from '#runtime/trace.ts'
import type { Archive } from '#store/archive.ts'
import { openLmdbArchive } from '#store/lmdb-archive.ts'
import { openLmdbStore } from '#store/lmdb-store.ts'
import { openMemoryStore } from '#store/memory-store.ts'
import { sealerOf } from '#store/seal.ts'
import type { Store } from '#store/store.ts'

export type NodeSetup = {
  readonly access: Access
  /** The defaults of settings are what is measured; these say where, and what a work must change. */
  readonly flags?: Readonly<Record<string, string>>
  readonly store?: 'lmdb' | 'memory'
  /** Remember the instant of each step: for single hops, not for throughput. */
  readonly times?: boolean
  /** It takes part in cuts; none but those that are asked for. */
  readonly cuts?: boolean
  /** What they are sealed with, in hexadecimal digits; by default a new one. */
  readonly secret?: string
}

/** What the node that takes a cut knows of it, in ms since it was asked. */
export type CutFigures = {
  readonly id: string
  readonly recordedMs: number
  readonly wholeMs: number
  /** What referred to the log once all had recorded. */
  readonly referenceBytes: number
  readonly actors: number
  readonly inFlight: number
  readonly added: number
}

export type NodeCalls = typeof calls

type Opened = {
  readonly bus: Bus
  readonly store: Store
  readonly archive: Archive | undefined
  readonly node: Node
}

const noSchedule = { 'cuts-every-ms': '0', 'cuts-every-bytes': '0', 'cuts-drill-ms': '0' }

const stallMs = 30_000

let opened: Opened | undefined
let committed = 0
let firstAt = 0
/** When the last partition of a restore had become rows. */
let unpackedAt = 0
let lastAt = 0
const forms = { record: 0, cheap: 0, batch: 0 }
let stepTimes: number[] | undefined
type Waiting = {
  readonly steps: number
  readonly done: (at: { at: number }) => void
  readonly failed: (error: Error) => void
}
let waiting: Waiting[] = []
let problem: Error | undefined

/** Nothing in a work is parked or lost; when it is, who waits shall hear why. */
function fail(reason: string): void {
  problem ??= new Error(reason)
  for (const one of waiting.splice(0)) one.failed(problem)
}

export type Stay = { claimedAt: number; firstAt: number; lastAt: number; releasedAt: number }

/** Of each partition, how it came to this node and left it; 0: not yet. */
const stays = new Map<number, Stay>()

onTrace((event) => {
  if (event.is === 'partition.claimed')
    stays.set(event.partition, { claimedAt: instantMs(), firstAt: 0, lastAt: 0, releasedAt: 0 })
  const stay = 'partition' in event ? stays.get(event.partition) : undefined
  if (stay !== undefined && event.is === 'partition.released') stay.releasedAt = instantMs()
  if (stay !== undefined && event.is === 'committed') {
    stay.lastAt = instantMs()
    stay.firstAt ||= stay.lastAt
  }
})

onTrace((event) => {
  if (event.is === 'base.unpacked') unpackedAt = instantMs()
  if (event.is === 'stepped') {
    stepTimes?.push(instantMs())
  } else if (event.is === 'committed') {
    lastAt = instantMs()
    if (committed === 0) firstAt = lastAt
    committed += event.steps
    forms[event.form]++
    for (const one of waiting) if (one.steps <= committed) one.done({ at: lastAt })
    if (waiting.length > 0) waiting = waiting.filter((one) => one.steps > committed)
  } else if (event.is === 'partition.lost' || event.is === 'node.failed' || event.is === 'parked') {
    fail(JSON.stringify(event))
  }
})

async function open({
  access,
  flags = {},
  store: where = 'lmdb',
  times = false,
  cuts = false,
  secret: given,
}: NodeSetup): Promise<{ readyAt: number }> {
  if (times) stepTimes = []
  const config = configFor(access, { ...noSchedule, ...flags })
  const bus = await openBus({ ...busOptionsOf(config), auth: access.auth, create: true })
  const { realm } = bus
  const { createdAt } = await bus.logState()
  const identity = { realm: realm.name, generation: realm.generation, partitions: realm.partitions, log: createdAt }
  const archive = cuts ? await archiveOf(bus, config, given) : undefined
  const unseal = archive?.unsealed
  const store =
    where === 'lmdb'
      ? await openLmdbStore({ ...storeOptionsOf(config), identity, unseal })
      : openMemoryStore({ identity, unseal })
  const node = await startNode({ bus, store, archive, clock: systemClock, actors: benchActors }, nodeOptionsOf(config))
  opened = { bus, store, archive, node }
  return { readyAt: instantMs() }
}

/** As every node opens it: with the key of the realm, unless another one is given. */
async function archiveOf(bus: Bus, config: Config, given: string | undefined): Promise<Archive> {
  const secret =
    given === undefined
      ? await ensureCutKey(bus.notes, keyPlaceOf(config), (one) => sealerOf(one).keyName ?? '')
      : Buffer.from(given, 'hex')
  return openLmdbArchive({ ...archiveOptionsOf(config), secret })
}

function present(): Opened {
  if (opened === undefined) throw new Error('the node is not open')
  return opened
}

/** Every envelope that is on the log now was consumed by a commit, and every commit is in the store. */
async function drained(): Promise<void> {
  const { bus, node } = present()
  const ends = await Promise.all(
    node.partitions.map(async (one) => (await bus.lastMatching(subjects.mailbox(bus.realm, one.partition))) ?? 0),
  )
  while (node.partitions.some((one, at) => one.position.cursor < (ends[at] as number))) await tick(1)
  await node.settle()
}

/** What the log holds of one partition: bytes of records, and of the envelopes that led to them. */
async function logBytes(partition: number): Promise<{ records: number; mailbox: number; recordCount: number }> {
  const { bus } = present()
  const found = { records: 0, mailbox: 0, recordCount: 0 }
  const end = (await bus.logState()).lastSeq
  await new Promise<void>((done, failed) => {
    bus
      .read({
        filter: `${bus.realm.name}.>`,
        from: 1,
        onEntry(entry) {
          const stored = parseStored(entry.subject)
          if (stored.is === 'commit' && stored.partition === partition) {
            found.records += entry.data.length
            found.recordCount++
          } else if (stored.is === 'in' && stored.partition === partition) found.mailbox += entry.data.length
          if (entry.seq >= end) done()
        },
      })
      .catch(failed)
  })
  return found
}

let windows: (() => Window) | undefined

async function takeCut(name: string): Promise<CutFigures> {
  const { node } = present()
  if (node.cuts === undefined) throw new Error('the node takes no part in cuts')
  let referenceBytes = 0
  const hearing = onTrace((event) => {
    if (event.is === 'cut.recorded') referenceBytes = event.bytes
  })
  const begunAt = instantMs()
  const { id, begunAt: begun, recordedAt, added, slices, channels } = await node.cuts.take({ name, by: 'bench' }).whole
  const wholeMs = instantMs() - begunAt
  hearing.stop()
  return {
    id,
    recordedMs: recordedAt - begun,
    wholeMs,
    referenceBytes,
    actors: slices.reduce((sum, slice) => sum + slice.actors, 0),
    inFlight: channels.reduce((sum, [, , count]) => sum + count, 0),
    added,
  }
}

/** What the counters of a cut had counted. */
async function countedIn(cut: string): Promise<number> {
  const { bus, archive } = present()
  if (archive === undefined) throw new Error('the node keeps no cuts')
  const view = await openCut({ shelf: cutShelfOf({ bus, archive }), archive }, cut)
  let sum = 0
  for (const { partition } of view.manifest.slices)
    for await (const [address, state] of view.states(partition))
      if (state !== null && address.startsWith('counter/'))
        sum += (decodeState(state).snapshot.context as { readonly count: number }).count
  return sum
}

/** A work that stands still must end, and say where. */
let seen = -1
setInterval(() => {
  if (waiting.length > 0 && seen === committed)
    fail(`stood still at ${committed} steps, ${waiting[0]?.steps} were expected`)
  seen = committed
}, stallMs).unref()

const tick = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

const calls = {
  open,
  drained: (_: null) => drained(),
  /** Resolves with the instant at which so many steps had been committed since the start. */
  steps: (atLeast: number) =>
    new Promise<{ at: number }>((done, failed) => {
      if (problem !== undefined) failed(problem)
      else if (committed >= atLeast) done({ at: lastAt })
      else waiting.push({ steps: atLeast, done, failed })
    }),
  count: (_: null) => ({ committed, firstAt, lastAt, forms: { ...forms } }),
  times: (_: null) => stepTimes?.splice(0) ?? [],
  usage: (_: null) => {
    const { user, system } = process.cpuUsage()
    const { loopCount } = performance.nodeTiming.uvMetricsInfo
    return {
      rss: process.memoryUsage.rss(),
      heap: process.memoryUsage().heapUsed,
      cpuMs: (user + system) / 1000,
      loops: loopCount,
    }
  },
  /** Without what is held of the log for minutes: that is bounded, and not the actors'. */
  storeBytes: (_: null) => {
    const { bytes, held } = present().store.size()
    return bytes - held
  },
  logBytes,
  cut: takeCut,
  counted: countedIn,
  /** What happened since it was called last. */
  window: (_: null): Window => (windows ??= nodeWindowsOf(() => present().bus.realm.partitions))(),
  stays: (_: null) => [...stays],
  /** Resolves with the instant at which all that was restored had become rows; nobody waits for it where it had before. */
  unpacked: async (_: null) => {
    while (present().store.underlays().size > 0) await tick(20)
    return { at: unpackedAt }
  },
  residents: (_: null) => present().node.health().residents,
  owned: (_: null) => {
    const { partitions, of } = present().node.health()
    return { partitions, of }
  },
  /** Gives away what it has; what it committed is told once it can commit no more. */
  leave: async (_: null) => {
    await present().node.stop()
    return { committed }
  },
}

answerCalls(calls, async () => {
  if (opened !== undefined) {
    await opened.node.stop()
    await opened.bus.close()
    await opened.store.close()
    await opened.archive?.close()
  }
  process.exit(0)
})
