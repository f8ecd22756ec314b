/**
 * What came from outside after a cut, as it stands on the logs of the generations since. It serves
 * "the external events received after the cut are delivered again". Invariants: it is what was taken
 * by its partition or refused there, in its order, each once: copies that a sender sent again are
 * left out by the rule of the mailbox itself; what a restore appended is not counted a second time;
 * a log that does not hold all of it any more is said, and nothing of it is given out.
 */
import { type Address, rootOf } from '#protocol/address.ts'
import type { Envelope } from '#protocol/envelope.ts'
import { Fault } from '#protocol/fault.ts'
import { encodeOutside, type OutsideNote, renoted, uncounted } from '#protocol/outside.ts'
import { parseStored, subjects } from '#protocol/subject.ts'
import type { Bus, LogEntry } from '#runtime/bus.ts'
import type { Clock } from '#runtime/clock.ts'
import { type Admission, admissionOf } from '#runtime/core/admission.ts'
import { decodeMendHead } from '#runtime/core/mend-row.ts'
import { beginning } from '#runtime/core/position.ts'
import type { Generations } from '#runtime/generations.ts'
import { openPlacedView } from '#runtime/mending/placed-view.ts'
import { readThrough } from '#runtime/partition/read-through.ts'
import { doorLimits, openDoors } from '#runtime/cuts/reading/doors.ts'
import { type CutView, slicesOf } from '#runtime/cuts/reading/open-cut.ts'
import { restorer } from './restorer.ts'

/** Something that came from outside, where it stood. */
export type Came = {
  readonly generation: number
  readonly position: number
  readonly address: Address
  readonly at: number
  /** Nothing when it could not be read: it was parked as it came, and would be again. */
  readonly envelope: Envelope | undefined
  readonly data: Uint8Array
}

type World = {
  readonly generations: Pick<Generations, 'newest' | 'past'>
  readonly clock: Clock
  readonly retryMs: number
}

/** Read at a time: what waits in memory to be appended. */
const portionEntries = 5000

export async function* cameAfter(world: World, view: CutView): AsyncGenerator<Came> {
  const { manifest } = view
  const newest = await world.generations.newest()
  // The one that is being made now is where this goes.
  const last = (newest?.realm.generation ?? -1) - (newest?.state === 'restoring' ? 1 : 0)
  let doors = await doorsOf(view)
  for (let generation = manifest.generation; generation <= last; generation++) {
    const raw = await world.generations.past(generation)
    // An attempt that was given up leaves a gap between the numbers; the cut's own log must be there.
    if (raw === undefined) {
      if (generation === manifest.generation) throw absent(view)
      continue
    }
    try {
      const bus = await openPlacedView({ bus: raw, clock: world.clock }, world)
      if (generation > manifest.generation && raw.realm.partitions !== doors.length)
        doors = Array.from({ length: raw.realm.partitions }, (_, partition) => newDoor(generation, partition))
      const after = generation === manifest.generation ? await behindMarkers(bus, view) : await behindRestore(bus, view)
      yield* cameTo(bus, { generation, after, doors })
    } finally {
      await raw.close()
    }
  }
}

function absent({ manifest: { id, generation } }: CutView): Fault {
  return new Fault('replay.absent', { value: id, have: generation })
}

function newDoor(generation: number, partition: number): Admission {
  return admissionOf(generation, { position: beginning(partition), clients: [] }, doorLimits)
}

/** As each partition's mailbox was at the cut, with what was in flight to it taken. */
async function doorsOf(view: CutView): Promise<readonly Admission[]> {
  const doors = await openDoors(view)
  for await (const flight of view.flights()) doors.take(flight)
  return doors.all
}

type Bound = (partition: number) => number

/** Where the cut began in each mailbox. */
async function behindMarkers(bus: Bus, view: CutView): Promise<Bound> {
  const { id, generation, log } = view.manifest
  if ((await bus.logState()).createdAt !== log) throw absent(view)
  const slices = await slicesOf(view)
  for (const { partition, marker } of slices)
    if ((await bus.get(marker)) === undefined)
      throw new Fault('replay.trimmed', { value: id, have: generation, partition })
  const markers = new Map(slices.map(({ partition, marker }) => [partition, marker]))
  return (partition) => markers.get(partition) ?? Number.POSITIVE_INFINITY
}

/** What a restore put there came to an earlier generation; its last row says where that ends. */
async function behindRestore(bus: Bus, view: CutView): Promise<Bound> {
  const { realm } = bus
  const { firstSeq } = await bus.logState()
  for (let from = firstSeq; ;) {
    const entry = await bus.next(subjects.mended(realm), from)
    if (entry === undefined)
      throw new Fault('replay.trimmed', { value: view.manifest.id, have: realm.generation, partition: 0 })
    const { report } = decodeMendHead(entry.data)
    if (report.node === restorer && report.to > 0) return () => entry.seq
    from = entry.seq + 1
  }
}

type Reading = { readonly generation: number; readonly after: Bound; readonly doors: readonly Admission[] }

async function* cameTo(bus: Bus, { generation, after, doors }: Reading): AsyncGenerator<Came> {
  const { realm } = bus
  const bounds = doors.map((_, partition) => after(partition))
  for (let from = Math.min(...bounds) + 1; ;) {
    const portion: LogEntry[] = []
    await readThrough(bus, `${realm.name}.in.*.x.>`, (entry) => portion.push(entry) < portionEntries, from)
    for (const entry of portion) {
      const stored = parseStored(entry.subject)
      if (stored.is !== 'in' || entry.seq <= (bounds[stored.partition] ?? 0)) continue
      const admitted = doors[stored.partition]?.admit(entry)
      if (admitted?.is !== 'envelope' && admitted?.is !== 'refused') continue
      // A question that nobody waits for any more has no answer to give back.
      const envelope = admitted.is === 'envelope' ? admitted.envelope : undefined
      if (envelope?.content.is === 'cancel') continue
      const { seq: position, at, data } = entry
      yield { generation, position, address: stored.address, at, envelope, data }
    }
    const last = portion.at(-1)
    if (last === undefined || portion.length < portionEntries) return
    from = last.seq + 1
  }
}

/**
 * As it is appended again. What its sender counts goes on where partitions are the same: those before
 * it that are left out count as settled. Elsewhere its numbers mean nothing, and its id stays.
 */
export function bytesOfCame({ envelope, data }: Came, isSame: boolean): Uint8Array {
  if (envelope === undefined || envelope.content.is !== 'event')
    return isSame ? data : renoted(data, (note) => (isDoubtful(note) ? note : uncounted(note)))
  const { content, from, session, n, id, ask, deadline, traceparent, to } = envelope
  const child = to.slice(rootOf(to).length)
  return encodeOutside(content.event, {
    ...(from !== undefined && { client: from }),
    ...(isSame && session !== undefined && n > 0 && { session, n, floor: n }),
    ...(id !== undefined && { id }),
    ...(ask !== undefined && { ask: ask.id, ...(ask.emitted !== undefined && { emitted: ask.emitted }) }),
    ...(deadline !== undefined && { deadline }),
    ...(traceparent !== undefined && { trace: traceparent }),
    ...(child !== '' && { child }),
  })
}

/** It may have been taken before, which is why it was refused: only with its numbers it is refused again. */
function isDoubtful({ n = 0, floor = n, again }: OutsideNote): boolean {
  return again === true || floor < n
}
