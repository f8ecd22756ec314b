/**
 * A fork that is run through in one process, in memory and in virtual time: it is there as long as
 * somebody looks at it. It serves `perdure diff-run`. Invariants: no timer fires and no event comes
 * before all that the instant before led to, answers from the journal included, has happened; nothing
 * of it is ever stored on a server.
 */
import type { ActorKind } from '#protocol/actor.ts'
import { partitionOf } from '#protocol/partition.ts'
import type { CutCheck } from '#protocol/cut-check.ts'
import type { Fork, ForkEffects } from '#protocol/fork.ts'
import { parseStored, subjects } from '#protocol/subject.ts'
import type { Archive } from '#store/archive.ts'
import type { Store, StoreIdentity } from '#store/store.ts'
import type { Blobs, LogEntry } from '#runtime/bus.ts'
import { realmHandleOf, type RealmOptions } from '#runtime/client/realm-handle.ts'
import { systemClock } from '#runtime/clock.ts'
import { checkCut } from '#runtime/cuts/reading/check-cut.ts'
import { cutShelfOf } from '#runtime/cuts/reading/cut-shelf.ts'
import { holdAgainst } from '#runtime/cuts/reading/hold-against.ts'
import type { Invariant } from '#runtime/cuts/reading/invariant.ts'
import { type Kept, keptIn } from '#runtime/cuts/reading/kept-before.ts'
import { type CutView, openCut } from '#runtime/cuts/reading/open-cut.ts'
import type { BaseOf } from '#runtime/cuts/restoring/put-states.ts'
import { bytesOfCame, type Came } from '#runtime/cuts/restoring/replay.ts'
import type { Generations } from '#runtime/generations.ts'
import { openMemoryLog } from '#runtime/memory/memory-bus.ts'
import { openVirtualClock } from '#runtime/memory/virtual-clock.ts'
import { openPlacedView } from '#runtime/mending/placed-view.ts'
import type { Node, NodeOptions } from '#runtime/node.ts'
import type { ReadBase } from '#runtime/past/anchors.ts'
import { startNode } from '#runtime/start-node.ts'
import type { Journal } from './firewall.ts'
import { makeFork } from './make-fork.ts'
import type { PastOf } from './open-journal.ts'
import { type Moment, type Timeline, timelineOf } from './timeline.ts'

export type TrialWorld = {
  readonly view: CutView
  readonly baseOf: BaseOf
  readonly readBase: ReadBase
  readonly openStore: (identity: StoreIdentity) => Store
  readonly archive: Archive
  /** The cuts of the realm that is tried, as far as they are at hand. */
  readonly beneath: Pick<Blobs, 'get'>
  /** What the realm found in the cut from which it goes on. */
  readonly checked?: (() => Promise<CutCheck | undefined>) | undefined
  readonly journal: ((fork: Fork, own: () => Promise<PastOf>) => Journal) | undefined
}

export type TrialOptions = {
  readonly name: string
  readonly actors: readonly ActorKind[]
  readonly invariants: readonly Invariant[]
  readonly effects: ForkEffects
  readonly node: NodeOptions
  readonly client: RealmOptions
}

export type Trial = AsyncDisposable & {
  now(): number
  /** What led to nothing new any more is over. */
  moveTo(instant: number): Promise<void>
  deliver(came: Came): Promise<void>
  /** What was committed since it was asked for last. */
  moments(): Promise<readonly Moment[]>
  readonly timeline: Timeline
  /** Envelopes that were set aside since the cut. */
  readonly parked: number
  check(): Promise<CutCheck>
}

const longMs = 1e6 * 3_600_000

/** Housekeeping would be most of what happens; a definition that is tried is meant as it is. */
const quiet = { beatMs: 0, aliveMs: longMs, trimEveryMs: longMs, claimLookMs: longMs, acceptChanged: true } as const
const uncut = {
  cutDeadlineMs: longMs,
  cutEveryMs: 0,
  cutEveryBytes: 0,
  drillEveryMs: 0,
  secondPlace: undefined,
} as const

export async function openTrial(world: TrialWorld, options: TrialOptions): Promise<Trial> {
  const { view, archive } = world
  const { partitions, begunAt } = view.manifest
  const looking = new Set<Promise<unknown>>()
  const serving: { node?: Node } = {}
  const progress = (): string => progressOf(serving.node?.partitions ?? [])
  const clock = openVirtualClock({ start: begunAt, progress })
  const log = openMemoryLog({ realm: options.name, partitions, clock, beneath: world.beneath })
  const { fork } = await makeFork(
    { clock, baseOf: world.baseOf, generations: neverMade(log.generations), kinds: undefined, hold: nothing },
    view,
    { as: options.name, effects: options.effects, timers: 'free' },
    () => undefined,
  )
  const bus = log.connect()
  const { name: realm, generation } = bus.realm
  const identity = { realm, generation, partitions, log: (await bus.logState()).createdAt }
  const placed = await openPlacedView({ bus: log.connect(), clock }, { retryMs: options.client.retryMs })
  const generations = (): Promise<Generations> => Promise.resolve(log.generations)
  const handle = realmHandleOf({ bus: placed, clock, archive, generations, readBase: world.readBase }, options.client)
  const journal = world.journal?.(fork, () => Promise.resolve(handle))
  const node = await startNode(
    {
      ...{ bus, store: world.openStore(identity), archive, clock },
      ...{ actors: options.actors, journal: journal && awaited(journal, looking) },
    },
    { ...options.node, ...quiet, ...uncut, name: options.name },
  )
  serving.node = node
  const timeline = timelineOf((address) => view.state(address))
  let kept: Kept | undefined
  let failure: Error | undefined
  void node.ended.then((error) => (failure = error))
  let read = (await bus.logState()).lastSeq

  async function rest(): Promise<void> {
    await clock.runUntilIdle()
    while (looking.size > 0) {
      await Promise.all(looking)
      await clock.runUntilIdle()
    }
    if (failure !== undefined) throw failure
  }

  async function moveTo(instant: number): Promise<void> {
    await rest()
    while (clock.now() < instant) {
      await clock.advanceUntil(() => looking.size > 0 || failure !== undefined, instant - clock.now())
      await rest()
    }
  }

  await rest()
  return {
    now: () => clock.now(),
    moveTo,
    async deliver(came) {
      const to = partitionOf(came.address, partitions)
      await bus.append({ subject: subjects.in(bus.realm, to, 'x', came.address), data: bytesOfCame(came, true) })
      await rest()
    },
    async moments() {
      const entries = log.entries(read + 1)
      read = entries.at(-1)?.seq ?? read
      return await timeline.read(entries)
    },
    timeline,
    get parked() {
      return log.entries().filter(isParked).length
    },
    async check() {
      const taken = node.cuts?.take({ name: undefined, by: 'diff-run' })
      if (taken === undefined) throw new RangeError('a trial has an archive')
      let isOver = false
      const over = (): void => void (isOver = true)
      taken.whole.then(over, over)
      // Packing takes time of the real world, in which that of the trial goes on no faster.
      while (!isOver) {
        await new Promise<void>((resolve) => systemClock.at(systemClock.now() + 1, resolve))
        await clock.advanceUntil(() => isOver, 1)
      }
      const { id } = await taken.whole
      const cut = await openCut({ shelf: cutShelfOf({ bus, archive }), archive }, id)
      const {
        invariants,
        name,
        node: { checkMs },
      } = options
      kept ??= await keptAtStart(world, options)
      const check = await checkCut({ view: cut, clock: systemClock, invariants, before: kept }, { name, checkMs })
      kept = new Map([...kept, ...keptIn(check, invariants)])
      return check
    },
    async [Symbol.asyncDispose]() {
      node.kill()
      await node.ended
      await handle.close()
    },
  }
}

/** Of what the realm's nodes did not look for in the cut, it is found out here. */
async function keptAtStart({ view, checked }: TrialWorld, { invariants, node }: TrialOptions): Promise<Kept> {
  const check = await checked?.()
  const known = check === undefined ? new Map<string, unknown>() : keptIn(check, invariants)
  const missing = invariants.filter(({ name }) => !known.has(name))
  const { checkMs } = node
  const results = await holdAgainst({ view, clock: systemClock, invariants: missing }, { checkMs })
  return new Map([...known, ...keptIn({ invariants: results }, missing)])
}

const nothing = (): Promise<boolean> => Promise.resolve(false)

/** A realm in memory is there as soon as it is opened; that one was never served. */
function neverMade(generations: Generations): Generations {
  return {
    ...generations,
    async newest() {
      const found = await generations.newest()
      return found?.realm.generation === 0 ? undefined : found
    },
  }
}

/** Its answers take time of the real world, in which that of the trial must not go on. */
function awaited(journal: Journal, looking: Set<Promise<unknown>>): Journal {
  return {
    async of(address, effect) {
      const found = journal.of(address, effect)
      const over = found.catch(() => undefined)
      looking.add(over)
      try {
        return await found
      } finally {
        looking.delete(over)
      }
    },
  }
}

type Seen = {
  readonly position: { readonly n: number }
  readonly depth: { readonly queued: number; readonly staged: number }
}

/** What the clock cannot see: events that wait in a partition for the next turn. */
function progressOf(partitions: readonly Seen[]): string {
  return partitions.map(({ position, depth }) => `${position.n}:${depth.queued}:${depth.staged}`).join(' ')
}

function isParked({ subject }: LogEntry): boolean {
  return parseStored(subject).is === 'parked'
}
