/**
 * Which actors must go back when one does, and why. It serves "computes from causes which other
 * actors must go back too". Invariants: whoever took something that was sent behind the instant its
 * sender goes back to goes back before it took that, and so on until nobody is left; nothing is
 * changed by finding out.
 */
import type { Address } from '#protocol/address.ts'
import { Fault } from '#protocol/fault.ts'
import { partitionOf } from '#protocol/partition.ts'
import { stateOfArray } from '#protocol/state.ts'
import { matches } from '#protocol/subject.ts'
import type { Operations } from '#runtime/client/operate.ts'
import type { Epoch } from './epochs.ts'
import { linesOf } from './history-lines.ts'
import { type Input, takenOf } from './inputs.ts'
import { type Emission, emittedBy, type Sending, sentBy } from './sendings.ts'
import { type PastWorld, stateAt } from './state-at.ts'
import { trailOf } from './trail.ts'

export type RewindWorld = PastWorld & { readonly operate: Pick<Operations, 'list' | 'partition'> }

/** What made an actor part of it: somebody who goes back had sent or emitted this. */
export type RewindCause = { readonly from: Address; readonly seq: number; readonly type: string }

export type RewoundActor = {
  readonly address: Address
  /** It goes back to what it was at this place. */
  readonly to: number
  /** The state's array form; nothing where it was not there then. */
  readonly state: unknown[] | undefined
  /** As it is now: steps, and when it was born. */
  readonly seen: readonly [steps: number, bornAt: number] | null
  /** Nothing for the one that was named. */
  readonly why: RewindCause | undefined
  /** Commits that are taken back. */
  readonly commits: number
}

export type RewindPlan = {
  readonly named: Address
  readonly actors: readonly RewoundActor[]
  /** Sent by what is taken back, and not taken by its receiver yet: it still will be. */
  readonly underWay: readonly Sending[]
  /** What cannot be taken back. */
  readonly emitted: readonly (Emission & { readonly from: Address })[]
  readonly effects: readonly { readonly address: Address; readonly name: string; readonly id: string }[]
  /** Events that came from others: those who go back lose them, unless they are sent again. */
  readonly lost: readonly (Pick<Input, 'seq' | 'type'> & { readonly address: Address; readonly input: Input })[]
}

const actorsMost = 1000
const commitsMost = 10_000

type Entry = { readonly address: Address; readonly to: number; readonly why: RewindCause | undefined }

export async function planRewind(
  world: RewindWorld,
  epoch: Epoch,
  named: { readonly address: Address; readonly to: number },
): Promise<RewindPlan> {
  const bounds = new Map<Address, Entry>([[named.address, { ...named, why: undefined }]])
  const done = new Map<Address, Undone>()
  const place = { world, epoch, bounds }
  for (const wanted = [named.address]; wanted.length > 0;) {
    const address = wanted.shift() as Address
    const entry = bounds.get(address) as Entry
    if (done.get(address)?.to === entry.to) continue
    const undone = await undoneOf(world, epoch, entry)
    done.set(address, undone)
    for (const next of await followersOf(place, undone)) {
      const known = bounds.get(next.address)
      if (known !== undefined && known.to <= next.to) continue
      if (bounds.size >= actorsMost) throw new Fault('rewind.tooMany', { value: named.address, limit: actorsMost })
      bounds.set(next.address, known === undefined ? next : { ...next, why: known.why ?? next.why })
      wanted.push(next.address)
    }
  }
  return { named: named.address, ...(await planOf(place, [...done.values()])) }
}

/** Of one actor what is taken back with it. */
type Undone = Entry & {
  readonly inputs: readonly Input[]
  readonly sent: readonly Sending[]
  readonly emitted: readonly Emission[]
  readonly effects: RewindPlan['effects']
  readonly commits: number
  readonly start: unknown[] | undefined
}

async function undoneOf(world: RewindWorld, epoch: Epoch, entry: Entry): Promise<Undone> {
  const { bus } = epoch
  const { address, to } = entry
  const between = { address, after: { seq: to }, until: { seq: Number.MAX_SAFE_INTEGER }, most: commitsMost }
  const trail = await trailOf(world, epoch, between)
  const inputs: Input[] = []
  const effects = new Map<string, RewindPlan['effects'][number]>()
  const had = trail.start === undefined ? {} : (stateOfArray(trail.start).book.effects ?? {})
  for await (const taken of takenOf(bus, trail)) {
    inputs.push(...taken.inputs)
    for (const { id, name } of Object.values(taken.after?.book.effects ?? {}))
      if (had[id] === undefined) effects.set(id, { address, name, id })
  }
  const numbers = new Set(trail.commits.map(({ n }) => n))
  const from = Math.max(1, to - batchMost)
  const sent = numbers.size === 0 ? [] : await sentBy(bus, { address, from, numbers })
  const before = (await stateAt(world, epoch, { address, bound: { seq: to } })).commit?.seq ?? from
  const emitted = numbers.size === 0 ? [] : await emittedBy(bus, address, before + 1)
  return { ...entry, inputs, sent, emitted, effects: [...effects.values()], commits: numbers.size, start: trail.start }
}

/** What a commit sent stands before its record, so far at most. */
const batchMost = 1000

type Place = { readonly world: RewindWorld; readonly epoch: Epoch; readonly bounds: ReadonlyMap<Address, Entry> }

/** Whoever took what it sent or emitted. */
async function followersOf(place: Place, { address, sent, emitted }: Undone): Promise<Entry[]> {
  const found: Entry[] = []
  for (const { to, seq, type } of sent) {
    if (to === address) continue
    const taken = await takenAt(place, to, seq)
    if (taken !== undefined) found.push({ address: to, to: taken - 1, why: { from: address, seq, type } })
  }
  if (emitted.length > 0) found.push(...(await hearersOf(place, address, emitted)))
  return found
}

/** Where the record of the commit stands that consumed it; nothing while nobody has, or where it changed nothing. */
async function takenAt({ world, epoch }: Place, address: Address, seq: number): Promise<number | undefined> {
  const partition = partitionOf(address, epoch.bus.realm.partitions)
  for await (const line of linesOf({ ask: world.ask, partition, address })) {
    if (line.steps.some((step) => step.seq === seq)) return line.seq
    if (line.seq < seq) return undefined
  }
  return undefined
}

/** Each hears in its own time: the first step of that type behind the event is taken for it, or one before it. */
async function hearersOf(place: Place, from: Address, emitted: readonly Emission[]): Promise<Entry[]> {
  const found: Entry[] = []
  for await (const { address, state } of place.world.operate.list({ brief: true })) {
    for (const { pattern, from: heard } of state.book.subscriptions ?? []) {
      const first = emitted.find((one) => one.seq <= heard && matches(pattern, one.topic))
      if (first === undefined || address === from) continue
      const { seq, type } = first
      const taken = await heardAt(place, address, first)
      if (taken !== undefined) found.push({ address, to: taken - 1, why: { from, seq, type } })
    }
  }
  return found
}

async function heardAt(
  { world, epoch }: Place,
  address: Address,
  { seq, type }: Emission,
): Promise<number | undefined> {
  const partition = partitionOf(address, epoch.bus.realm.partitions)
  let first: number | undefined
  for await (const line of linesOf({ ask: world.ask, partition, address })) {
    if (line.seq < seq) break
    if (line.steps.some((step) => step.seq === 0 && step.type === type)) first = line.seq
  }
  return first
}

async function planOf({ world, epoch, bounds }: Place, all: readonly Undone[]): Promise<Omit<RewindPlan, 'named'>> {
  const underWay: Sending[] = []
  const cursors = new Map<number, number>()
  const { partitions } = epoch.bus.realm
  for (const one of all.flatMap(({ sent }) => sent)) {
    const partition = partitionOf(one.to, partitions)
    const cursor = cursors.get(partition) ?? (await world.operate.partition(partition)).cursor
    cursors.set(partition, cursor)
    if (one.seq > cursor) underWay.push(one)
  }
  const actors = await Promise.all(
    all.map(async ({ address, commits, start }): Promise<RewoundActor> => {
      const { to, why } = bounds.get(address) as Entry
      const { state } = await stateAt(world, epoch, { address, bound: { seq: Number.MAX_SAFE_INTEGER } })
      const now = state === undefined ? undefined : stateOfArray(state)
      return { address, to, why, state: start, seen: now === undefined ? null : [now.steps, now.bornAt], commits }
    }),
  )
  const sends = new Set(all.flatMap(({ sent }) => sent.map(({ seq }) => seq)))
  return {
    actors,
    underWay,
    emitted: all.flatMap(({ address, emitted }) => emitted.map((one) => ({ ...one, from: address }))),
    effects: all.flatMap(({ effects }) => effects),
    lost: all
      .flatMap(({ address, inputs }) => inputs.map((input) => ({ address, seq: input.seq, type: input.type, input })))
      .filter(({ seq, input }) => isFromOthers(input) && !sends.has(seq))
      .toSorted((a, b) => a.seq - b.seq),
  }
}

/** Results of effects and the node's own notes belong to the life that is taken back. */
function isFromOthers({ arrival }: Input): boolean {
  return arrival?.by === 'envelope' && arrival.envelope.content.is === 'event' && arrival.envelope.sender !== 'e'
}
