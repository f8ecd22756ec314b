/**
 * Who runs this realm, as one sees it who does not: calls the roll, listens for a moment, and asks
 * each node for its time. Invariant: it only looks; what it says was so a moment ago, and a node
 * that stands still is not in it.
 */
import { tokenOf } from '#protocol/address.ts'
import { decode } from '#protocol/codec.ts'
import { decodeDrainProgress, type DrainProgress, type DrainRequest, encodeDrainRequest } from '#protocol/drain.ts'
import { Fault, isFault } from '#protocol/fault.ts'
import { decodeHeartbeat, type Heartbeat } from '#protocol/heartbeat.ts'
import type { SeenPartition } from '#protocol/query.ts'
import { subjects } from '#protocol/subject.ts'
import type { Bus } from '#runtime/bus.ts'
import { type Clock, pause } from '#runtime/clock.ts'
import { ownersOf } from '#runtime/core/duties.ts'
import type { KindEntry } from '#runtime/core/kind-entry.ts'
import { type Placement, placementOf } from '#runtime/core/placement.ts'
import { type Requirements, requirementsOf } from '#runtime/core/requirements.ts'
import { kindEntries } from '#runtime/rollouts/kinds.ts'
import { gather } from './gather.ts'

export type SeenNode = Heartbeat & {
  /** How far its clock is ahead of ours; absent when it did not say. */
  readonly aheadMs: number | undefined
  /** The records that its folds of followed partitions are behind their owners, at most. */
  readonly behind: number
}

export type SeenPlace = {
  readonly partition: number
  readonly owner: string | undefined
  /** Who follows it, and whether that one could take over without reading. */
  readonly standbys: readonly { readonly name: string; readonly isClose: boolean }[]
  /** Why nobody owns it. */
  readonly why: Unowned | undefined
}

export type Unowned =
  | { readonly is: 'nobody' }
  /** Every node gives away what it has. */
  | { readonly is: 'draining' }
  | { readonly is: 'noCapacity' }
  /** No node carries what it needs, in a sentence. */
  | { readonly is: 'unfit'; readonly reason: string }
  /** It is about to be claimed, or that node cannot, with the reason that it gives. */
  | { readonly is: 'due'; readonly by: string; readonly reason?: string | undefined }

export type SeenRealm = { readonly nodes: readonly SeenNode[]; readonly places: readonly SeenPlace[] }

/** Twice what a node waits between two heartbeats; the roll makes all of them speak at once. */
const listenMs = 300
const answerMs = 1_000

export type World = { readonly bus: Bus; readonly clock: Clock }

export async function lookAtNodes(world: World): Promise<SeenRealm> {
  const heard = await callTheRoll(world)
  const owners = ownersOf(heard)
  const { partitions } = world.bus.realm
  const required = requirementsOf(await entriesOf(world), heard, partitions)
  const ready = heard.filter(({ phase }) => phase === 'ready')
  const placement = placementOf(ready, { partitions, standbys: 0, fits: required.fits })
  const known = { heard, owners, required, placement }
  const places = await Promise.all(
    Array.from({ length: partitions }, (_, partition) => placeOf(world, partition, known)),
  )
  const nodes = heard.map(async (one): Promise<SeenNode> => {
    return { ...one, behind: behindOf(one, heard), aheadMs: await aheadOf(world, one.name) }
  })
  return { nodes: await Promise.all(nodes), places }
}

async function callTheRoll({ bus, clock }: World): Promise<readonly Heartbeat[]> {
  const heard = new Map<string, Heartbeat>()
  const hearing = bus.hear(subjects.node(bus.realm, '*'), (data) => {
    const one = beatOf(data)
    if (one !== undefined) heard.set(one.name, one)
  })
  try {
    await bus.request(subjects.roll(bus.realm), new Uint8Array(), answerMs)
    await pause(clock, listenMs)
  } catch (error) {
    if (!isFault(error, 'bus.nobody') && !isFault(error, 'bus.timeout')) throw error
  } finally {
    hearing.stop()
  }
  return [...heard.values()].filter(({ phase }) => phase !== 'gone').toSorted((a, b) => (a.name < b.name ? -1 : 1))
}

/** Nothing when it is of a release that speaks otherwise. */
function beatOf(data: Uint8Array): Heartbeat | undefined {
  try {
    return decodeHeartbeat(data)
  } catch (error) {
    if (isFault(error)) return undefined
    throw error
  }
}

/** As the nodes themselves place partitions; without the right to read the registry, by capacity alone. */
async function entriesOf({ bus }: World): Promise<readonly KindEntry[]> {
  try {
    return await kindEntries(bus)
  } catch (error) {
    if (isFault(error)) return []
    throw error
  }
}

type Known = {
  readonly heard: readonly Heartbeat[]
  readonly owners: ReadonlyMap<number, string>
  readonly required: Requirements
  readonly placement: Placement
}

async function placeOf(world: World, partition: number, known: Known): Promise<SeenPlace> {
  const { heard, owners } = known
  // A node without heartbeats tells nobody what it owns, but answers for it.
  const owner = owners.get(partition) ?? (await answering(world, partition))
  const standbys = heard.flatMap(({ name, followed }) => {
    const one = name === owner ? undefined : followed.find(([number]) => number === partition)
    return one === undefined ? [] : [{ name, isClose: one[2] }]
  })
  return { partition, owner, standbys, why: owner === undefined ? whyUnowned(partition, known) : undefined }
}

async function answering({ bus }: World, partition: number): Promise<string | undefined> {
  try {
    const { node } = await gather<SeenPartition>(bus, { partition, query: { is: 'partition' } }, answerMs)
    return node
  } catch (error) {
    if (isFault(error, 'partition.unowned')) return undefined
    throw error
  }
}

function whyUnowned(partition: number, { heard, required, placement }: Known): Unowned {
  if (heard.length === 0) return { is: 'nobody' }
  const ready = heard.filter(({ phase }) => phase === 'ready')
  if (ready.length === 0) return { is: 'draining' }
  const by = placement.owners[partition]
  if (by !== undefined) return { is: 'due', by, reason: setbackOf(partition, heard) }
  const isAble = ready.some(({ capacity }) => capacity > 0)
  return isAble ? { is: 'unfit', reason: required.reason(partition) ?? noReason } : { is: 'noCapacity' }
}

/** Of whoever tried to take it last, it need not be the one that it is meant for. */
function setbackOf(partition: number, heard: readonly Heartbeat[]): string | undefined {
  return heard
    .flatMap(({ setbacks = [] }) => setbacks)
    .find(([number, , since]) => number === partition && since === 0)?.[1]
}

const noReason = 'no node that is there may take it'

function behindOf({ followed }: Heartbeat, heard: readonly Heartbeat[]): number {
  const ends = new Map(heard.flatMap(({ owned }) => owned.map(([partition, , n]) => [partition, n] as const)))
  return Math.max(0, ...followed.map(([partition, n]) => (ends.get(partition) ?? n) - n))
}

async function aheadOf({ bus, clock }: World, name: string): Promise<number | undefined> {
  const askedAt = clock.now()
  try {
    const answer = await bus.request(subjects.ping(bus.realm, tokenOf(name)), new Uint8Array(), answerMs)
    const there = answer.length === 0 ? undefined : decode(answer)
    return typeof there === 'number' ? Math.round(there - (askedAt + clock.now()) / 2) : undefined
  } catch (error) {
    // It went away meanwhile, or may not be asked with these rights.
    if (isFault(error)) return undefined
    throw error
  }
}

export type Draining = {
  readonly left: number
  /** Whether anybody is ready to take what is left. */ readonly canGive: boolean
}

export type Drained = {
  /** `ended`: without the last word of one that stops in order. */
  readonly state: 'ready' | 'drained' | 'stopped' | 'ended'
  readonly left: number
}

const askAgainMs = 100
/** One that is ending may take a question with it, and then nobody is there to be asked; more is a node that stands still. */
const unansweredMost = 10

/** Asks a node to give its partitions away or to take its share again, and follows it until that is so. */
export async function drainNode(
  { bus, clock }: World,
  { name, asked }: { readonly name: string; readonly asked: DrainRequest },
  onProgress: (progress: Draining) => void,
): Promise<Drained> {
  const token = tokenOf(name)
  let last: Heartbeat | undefined
  const hearing = bus.hear(subjects.node(bus.realm, token), (data) => {
    last = beatOf(data) ?? last
  })
  const ask = async (): Promise<DrainProgress | undefined> => {
    for (let unanswered = 1; ; unanswered++) {
      try {
        const answer = await bus.request(subjects.drain(bus.realm, token), encodeDrainRequest(asked), answerMs)
        return decodeDrainProgress(answer)
      } catch (error) {
        if (isFault(error, 'bus.nobody')) return undefined
        if (!isFault(error, 'bus.timeout') || unanswered === unansweredMost) throw error
      }
    }
  }
  try {
    let progress = await ask()
    if (progress === undefined) throw new Fault('node.absent', { value: name, realm: bus.realm.name, here: '' })
    let { left } = progress
    while (progress !== undefined) {
      ;({ left } = progress)
      if (asked === 'undo') return { state: 'ready', left }
      onProgress(progress)
      if (asked === 'stay' && left === 0) return { state: 'drained', left }
      await pause(clock, askAgainMs)
      progress = await ask()
    }
    // Through another server its last word may come a little later than the news that it is gone.
    await pause(clock, askAgainMs)
    return last?.phase === 'gone' ? { state: 'stopped', left: last.owned.length } : { state: 'ended', left }
  } finally {
    hearing.stop()
  }
}
