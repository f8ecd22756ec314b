/**
 * The past of a realm as a program outside sees it: any actor at any instant, what it was given, and
 * where it would have gone. It serves "anybody can look". Invariant: looking changes nothing.
 */
import type { AnyActorLogic, SnapshotFrom } from 'xstate'
import type { ActorKind } from '#protocol/actor.ts'
import { type Address, isChild, kindOf, parseAddress, rootOf } from '#protocol/address.ts'
import { Fault } from '#protocol/fault.ts'
import { partitionOf } from '#protocol/partition.ts'
import { type ActorState, decodeState, stateOfArray } from '#protocol/state.ts'
import type { Archive } from '#store/archive.ts'
import type { Bus } from '#runtime/bus.ts'
import type { Clock } from '#runtime/clock.ts'
import type { CutView } from '#runtime/cuts/reading/open-cut.ts'
import { type Blueprint, blueprintOf } from '#runtime/core/blueprint.ts'
import { snapshotOfState } from '#runtime/core/show.ts'
import { cutShelfOf } from '#runtime/cuts/reading/cut-shelf.ts'
import type { ReadBase } from '#runtime/past/anchors.ts'
import { type DebugStep, debugSteps } from '#runtime/past/debug.ts'
import { type Epoch, type Epochs, epochsOf, type OpenGenerations } from '#runtime/past/epochs.ts'
import { type Input, type Taken, takenOf } from '#runtime/past/inputs.ts'
import { type Bound, type Instant, instantText, parseInstant } from '#runtime/past/instant.ts'
import { planRewind } from '#runtime/past/rewind.ts'
import { type PastState, type PastWorld, stateAt } from '#runtime/past/state-at.ts'
import { type Trail, trailOf } from '#runtime/past/trail.ts'
import type { RealmCuts } from './cuts.ts'
import { gather } from './gather.ts'
import type { Operations } from './operate.ts'
import { type Rewinding, rewindingOf } from './rewinding.ts'

/** A cut, a place on the log, milliseconds since 1970, or the text of one of these. */
export type When = Instant | string | Date

/** An actor as it was. */
export type PastSight<TLogic extends AnyActorLogic = AnyActorLogic> = {
  readonly address: Address
  /** The time that was asked for, or at which the cut was recorded; of a place on the log that of the commit. */
  readonly at: number | undefined
  /** Nothing where there was no such actor then. */
  readonly state: ActorState | undefined
  getSnapshot(): SnapshotFrom<TLogic> | undefined
  /** From what it was put together. */
  readonly from: PastState['from']
  /** The last commit that is in it, where one was read. */
  readonly commit: PastState['commit']
}

/** Without what its definition makes of it. */
export type Sight = Omit<PastSight, 'getSnapshot'>

/** Also of a cut in a file, where no realm is. */
export async function sightInCut(
  { manifest, state }: Pick<CutView, 'manifest' | 'state'>,
  address: Address,
): Promise<Sight> {
  const bytes = await state(address)
  return { address, at: manifest.recordedAt, state: bytes && decodeState(bytes), from: 'cut', commit: undefined }
}

export type Stretch = {
  /** By default the actor's beginning, or as far back as the log reaches. */
  readonly from?: When | undefined
  /** By default now. */
  readonly until?: When | undefined
  /** Of commits; 10,000 by default. */
  readonly limit?: number | undefined
}

export type DebugOptions = Stretch & {
  /** The machine that it had. */
  readonly kind: ActorKind
  /** A changed one of the same name, beside it. */
  readonly changed?: ActorKind | undefined
  /** Instead of those on the record; none before or behind the stretch are taken. */
  readonly inputs?: readonly Input[] | undefined
}

export type RealmPast = {
  at<TLogic extends AnyActorLogic>(when: When, kind: ActorKind<TLogic>, key: string): Promise<PastSight<TLogic>>
  at(when: When, address: string): Promise<PastSight>
  /** What an actor was given, in order: envelopes, timers, results of effects, emitted events. */
  inputs(address: string, stretch?: Stretch): AsyncGenerator<Input>
  /** The same with the states around each commit. */
  taken(address: string, stretch?: Stretch): AsyncGenerator<Taken>
  /** Replays it step by step; effects are not run. */
  debug(address: string, options: DebugOptions): AsyncGenerator<DebugStep>
  /** Who must go back with it; nothing is changed before `apply`. */
  rewind(address: string, to: When): Promise<Rewinding>
}

type World = {
  readonly bus: Bus
  readonly clock: Clock
  readonly archive: Archive | undefined
  readonly cuts: Pick<RealmCuts, 'open'>
  readonly operate: Operations
  readonly client: string
  readonly generations: OpenGenerations | undefined
  readonly readBase: ReadBase | undefined
  readonly blueprintFor: (kind: ActorKind | string) => Blueprint | undefined
}

const commitsMost = 10_000
const retryMs = 100

/** Where an instant lies for one actor. */
type Spot = { readonly epoch: Epoch; readonly bound: Bound }

export function realmPastOf(world: World, options: { readonly queryTimeoutMs: number }): RealmPast {
  const { bus, clock, archive, cuts, blueprintFor } = world
  const ask: PastWorld['ask'] = (partition, query) => gather(bus, { partition, query }, options.queryTimeoutMs)
  const past: PastWorld = {
    ask,
    readBase: world.readBase,
    cuts: archive && { shelf: cutShelfOf({ bus, archive }), archive },
  }
  const open = (): Epochs => epochsOf(world, { retryMs })

  function instantOf(when: When): Instant {
    if (when instanceof Date) return { time: when.getTime() }
    return typeof when === 'string' ? parseInstant(when, clock.now()) : when
  }

  /** A cut is, for one actor, the place of its partition's marker commit. */
  async function spotOf(epochs: Epochs, address: Address, when: When): Promise<Spot> {
    const instant = instantOf(when)
    if (!('cut' in instant)) return { epoch: await epochs.at(instant), bound: instant }
    const { generation, partitions, slices } = (await cuts.open(instant.cut)).manifest
    const epoch = await epochs.of(generation)
    const reason = `the log of generation ${generation}, of which the cut is, is not there any more`
    if (epoch === undefined)
      throw new Fault('past.unreachable', { value: address, instant: instantText(instant), reason })
    const partition = partitionOf(address, partitions)
    return { epoch, bound: { seq: slices.find((one) => one.partition === partition)?.commit ?? 0 } }
  }

  async function sightOf(when: When, address: Address): Promise<Sight> {
    const instant = instantOf(when)
    if ('cut' in instant) {
      return await sightInCut(await cuts.open(instant.cut), address)
    }
    await using epochs = open()
    const epoch = await epochs.at(instant)
    const { state, ...found } = await stateAt(past, epoch, { address, bound: instant })
    const at = 'time' in instant ? instant.time : found.commit?.at
    return { ...found, at, state: state === undefined ? undefined : stateOfArray(state) }
  }

  async function at(when: When, kind: ActorKind | string, key?: string): Promise<PastSight> {
    const address = parseAddress(typeof kind === 'string' ? kind : `${kind.kind}/${key ?? ''}`)
    const found = await sightOf(when, address)
    const { state } = found
    const blueprint = blueprintFor(typeof kind === 'string' ? kindOf(address) : kind)
    return {
      ...found,
      getSnapshot: () => (state === undefined ? undefined : snapshotOfState(blueprint, address, state)) as never,
    }
  }

  async function trailBy(epochs: Epochs, address: Address, { from, until, limit }: Stretch): Promise<Trail & Spot> {
    const end = await spotOf(epochs, address, until ?? { time: clock.now() })
    const begin = from === undefined ? undefined : await spotOf(epochs, address, from)
    // A stretch lies in one log: what a restore took back is no past of what came after it.
    const isBefore = begin === undefined || begin.epoch.bus !== end.epoch.bus
    const start = end.epoch.from > 0 ? { seq: end.epoch.from } : undefined
    const after = isBefore ? start : begin.bound
    const between = { address, after, until: end.bound, most: limit ?? commitsMost }
    return { ...(await trailOf(past, end.epoch, between)), ...end }
  }

  async function* taken(text: string, stretch: Stretch = {}): AsyncGenerator<Taken> {
    await using epochs = open()
    const trail = await trailBy(epochs, parseAddress(text), stretch)
    yield* takenOf(trail.epoch.bus, trail)
  }

  async function* debug(text: string, { kind, changed, inputs, ...stretch }: DebugOptions): AsyncGenerator<DebugStep> {
    const address = parseAddress(text)
    await using epochs = open()
    const trail = await trailBy(epochs, address, stretch)
    const start = trail.start === undefined ? undefined : stateOfArray(trail.start)
    const first = trail.commits[0]
    const family = { address: rootOf(address), bound: { seq: (first?.seq ?? 1) - 1 } }
    const root = isChild(address) ? await stateAt(past, trail.epoch, family) : undefined
    const registry = root?.state === undefined ? undefined : stateOfArray(root.state).book.registry
    const of = { address, start, registry, old: blueprintOf(kind), new: changed && blueprintOf(changed) }
    const real = takenOf(trail.epoch.bus, trail)
    yield* debugSteps(of, inputs === undefined ? real : withInputs(real, inputs))
  }

  async function rewind(text: string, to: When): Promise<Rewinding> {
    const address = parseAddress(text)
    await using epochs = open()
    const { epoch, bound } = await spotOf(epochs, address, to)
    const instant = instantText(instantOf(to))
    const reason = 'the realm was restored since; what it is now never was behind that instant'
    if (!epoch.isPresent) throw new Fault('past.unreachable', { value: address, instant, reason })
    // Of a time, the last commit that was made by then.
    const place = 'seq' in bound ? bound.seq : (await stateAt(past, epoch, { address, bound })).place
    return rewindingOf(world, await planRewind({ ...past, operate: world.operate }, epoch, { address, to: place }))
  }

  return {
    at: at as RealmPast['at'],
    async *inputs(address, stretch) {
      for await (const { inputs } of taken(address, stretch)) yield* inputs
    },
    taken,
    debug,
    rewind,
  }
}

/** Those that were given, by the numbers of their commits; what was taken out is not stepped. */
async function* withInputs(taken: AsyncIterable<Taken>, given: readonly Input[]): AsyncGenerator<Taken> {
  for await (const one of taken) yield { ...one, inputs: given.filter(({ n }) => n === one.commit.n) }
}
