/**
 * Two trials of one cut, one of them with a change, in step: the same instants, the events of each,
 * and behind each instant a look at who parts. It serves "the first state where they part (address,
 * step, paths) and how they end". Invariant: what two runs of the same thing give differently by
 * nature (ids, the log's places, which steps shared a commit) is never called a difference.
 */
import { type Address, kindOf } from '#protocol/address.ts'
import type { CutCheck } from '#protocol/cut-check.ts'
import type { ActorState } from '#protocol/state.ts'
import type { Came } from '#runtime/cuts/restoring/replay.ts'
import type { ActorDifference } from '#runtime/cuts/reading/diff-cuts.ts'
import { changesBetween, type ValueChange } from '#runtime/cuts/reading/value-paths.ts'
import type { Moment } from './timeline.ts'
import type { Trial } from './trial.ts'

export type Parting = {
  readonly address: Address
  /** How many steps the actor had made, on the side that has it. */
  readonly step: number
  /** In the time of the trial, which is that of the realm. */
  readonly at: number
  /** The last event that was delivered before; nothing before the first. */
  readonly after: Came | undefined
  readonly paths: readonly ValueChange[]
  readonly count: number
}

export type SideEnd = {
  readonly delivered: number
  /** Actors that were stepped. */
  readonly touched: number
  readonly parked: number
  /** Effects that found no answer and wait, by kind and name. */
  readonly unanswered: Readonly<Record<string, number>>
  readonly check: CutCheck
}

export type DiffRun = {
  /** Nothing when they never part. */
  readonly parting: Parting | undefined
  readonly at: number
  readonly ends: readonly [before: SideEnd, changed: SideEnd]
  readonly differences: AsyncIterable<ActorDifference>
}

type Side = { readonly trial: Trial; readonly events: readonly Came[] }

type Options = {
  /** The last instant, or so long behind the last event. */
  readonly until: { readonly at: number } | { readonly afterMs: number }
  readonly onProgress?: ((done: number, of: number) => void) | undefined
}

const pathsMost = 20

export async function diffRun(sides: readonly [Side, Side], { until, onProgress }: Options): Promise<DiffRun> {
  const [a, b] = sides
  const delivered = [0, 0]
  const start = Math.max(a.trial.now(), b.trial.now())
  const plan = planOf([a.events, b.events], start, 'at' in until ? until.at : Number.POSITIVE_INFINITY)
  let parting: Parting | undefined
  let after: Came | undefined

  async function look(): Promise<void> {
    const moments = [await a.trial.moments(), await b.trial.moments()] as const
    parting ??= await partingIn([a.trial, b.trial], moments, after)
  }

  await look()
  for (const [nth, { at, due }] of plan.entries()) {
    await Promise.all(sides.map(({ trial }) => trial.moveTo(at)))
    // What came before that instant is behind it: only then is the event what they may part by.
    await look()
    for (const [side, came] of due.entries())
      for (const one of came) {
        await (sides[side] as Side).trial.deliver(one)
        ;(delivered[side] as number)++
        after = one
      }
    await look()
    onProgress?.(nth + 1, plan.length)
  }
  const last = plan.at(-1)?.at ?? start
  const end = 'at' in until ? until.at : last + until.afterMs
  await Promise.all(sides.map(({ trial }) => trial.moveTo(end)))
  await look()
  const ends = [await endOf(a.trial, delivered[0] ?? 0), await endOf(b.trial, delivered[1] ?? 0)] as const
  return { parting, at: end, ends, differences: differencesOf(a.trial, b.trial) }
}

type Planned = { readonly at: number; readonly due: readonly [readonly Came[], readonly Came[]] }

type Place = readonly [at: number, generation: number, position: number, extra: number]

/**
 * One after the other, as they stood on the log; what is the same for both comes to both. One that
 * says no instant, because somebody wrote it, comes behind the one before it in its list.
 */
function planOf(lists: readonly [readonly Came[], readonly Came[]], start: number, end: number): readonly Planned[] {
  const planned = new Map<string, { readonly place: Place; readonly due: [Came[], Came[]] }>()
  for (const [side, list] of lists.entries()) {
    let place: Place = [start, 0, 0, 0]
    for (const one of list) {
      const [at, generation, position, extra] = place
      const isBehind = one.at === 0 || (one.generation === generation && one.position === position)
      place = isBehind ? [at, generation, position, extra + 1] : [Math.max(at, one.at), one.generation, one.position, 0]
      if (place[0] > end) break
      const known = planned.get(String(place)) ?? { place, due: [[], []] }
      planned.set(String(place), known)
      known.due[side]?.push(one)
    }
  }
  return [...planned.values()]
    .toSorted((a, b) => comparePlaces(a.place, b.place))
    .map(({ place: [at], due }) => ({ at, due }))
}

function comparePlaces(a: Place, b: Place): number {
  const at = a.findIndex((part, index) => part !== b[index])
  return at < 0 ? 0 : (a[at] as number) - (b[at] as number)
}

type Trials = readonly [Trial, Trial]

async function partingIn(
  trials: Trials,
  [before, changed]: readonly [readonly Moment[], readonly Moment[]],
  after: Came | undefined,
): Promise<Parting | undefined> {
  let first: (Found & Pick<Parting, 'address'>) | undefined
  for (const address of new Set([...before, ...changed].map((one) => one.address))) {
    const [mine, theirs] = [of(before, address), of(changed, address)]
    const found = stepwise(mine, theirs) ?? (await atLast(trials, address, [mine, theirs]))
    if (found !== undefined && (first === undefined || isEarlier(found, first))) first = { ...found, address }
  }
  if (first === undefined) return undefined
  const { address, step, at, paths, count } = first
  return { address, step, at, after, paths, count }
}

/** `seq`: where it was committed, on the side that shows it. */
type Found = Omit<Parting, 'address' | 'after'> & { readonly seq: number }

const of = (moments: readonly Moment[], address: Address): readonly Moment[] =>
  moments.filter((one) => one.address === address)

const isEarlier = (a: Found, b: Found): boolean => a.at < b.at || (a.at === b.at && a.seq < b.seq)

/** Steps that are seen alone on one side only are passed over: they shared a commit on the other. */
function stepwise(mine: readonly Moment[], theirs: readonly Moment[]): Found | undefined {
  for (const { step, at, seq, state } of mine) {
    const other = theirs.find((one) => one.step === step)
    const changes = other && changesBetween(seenOf(state), seenOf(other.state), pathsMost)
    if (changes === undefined || changes.count === 0) continue
    return { step, at, seq, paths: changes.changes, count: changes.count }
  }
  return undefined
}

/** One side went on where the other did not: from its first step behind the last of the other. */
async function atLast(
  [a, b]: Trials,
  address: Address,
  [mine, theirs]: readonly [readonly Moment[], readonly Moment[]],
): Promise<Found | undefined> {
  const [before, changed] = [await a.timeline.stateOf(address), await b.timeline.stateOf(address)]
  const { changes: paths, count } = changesBetween(seenOf(before), seenOf(changed), pathsMost)
  if (count === 0) return undefined
  const beyond = (those: readonly Moment[], others: readonly Moment[]): Moment | undefined =>
    those.find(({ step }) => step > (others.at(-1)?.step ?? 0))
  const moment = beyond(mine, theirs) ?? beyond(theirs, mine) ?? mine.at(-1) ?? theirs.at(-1)
  const { step = 0, at = a.now(), seq = 0 } = moment ?? {}
  return { step, at, seq, paths, count }
}

async function* differencesOf(a: Trial, b: Trial): AsyncGenerator<ActorDifference> {
  const touched = new Set([...a.timeline.touched, ...b.timeline.touched])
  for (const address of [...touched].toSorted()) {
    const [before, changed] = [await a.timeline.stateOf(address), await b.timeline.stateOf(address)]
    const { changes: paths, count } = changesBetween(seenOf(before), seenOf(changed), pathsMost)
    if (count === 0) continue
    const is = before === undefined ? 'added' : changed === undefined ? 'removed' : 'changed'
    yield { address, is, paths: is === 'changed' ? paths : [], count: is === 'changed' ? count : 0 }
  }
}

async function endOf(trial: Trial, delivered: number): Promise<SideEnd> {
  const unanswered: Record<string, number> = {}
  const touched = [...trial.timeline.touched]
  for (const address of touched) {
    const { effects = {} } = (await trial.timeline.stateOf(address))?.book ?? {}
    for (const { name } of Object.values(effects)) {
      const key = `${kindOf(address)}.${name}`
      unanswered[key] = (unanswered[key] ?? 0) + 1
    }
  }
  return { delivered, touched: touched.length, parked: trial.parked, unanswered, check: await trial.check() }
}

/** What of a state is the machine's, and what it waits for; without anything that every run gives anew. */
function seenOf(state: ActorState | undefined): object | undefined {
  if (state === undefined) return undefined
  const { value, status, context, output, error } = state.snapshot
  const { timers = {}, effects = {}, ended, unfit, children = {}, asks = [] } = state.book
  return {
    ...{ value, status, context, output, error },
    ended: ended?.reason,
    unfit: unfit?.code,
    timers: Object.fromEntries(Object.values(timers).map(({ name, due }) => [name, due])),
    effects: Object.values(effects).map(({ name }) => name),
    children: Object.keys(children).toSorted(),
    asks: asks.length,
  }
}
