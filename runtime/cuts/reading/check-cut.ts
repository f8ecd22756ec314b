/**
 * What is looked at in every cut: whether actors wait for each other in a circle, or for one that is
 * not there, and what a program says must hold. It serves "declared predicates are evaluated on every
 * cut". Invariant: the cut is read as a stream, never held as a whole.
 */
import { type Address, isChild } from '#protocol/address.ts'
import type { CutCheck } from '#protocol/cut-check.ts'
import { partitionOf } from '#protocol/partition.ts'
import { decodeState } from '#protocol/state.ts'
import { parseStored, topicOf } from '#protocol/subject.ts'
import type { FlightRow, StateRow } from '#protocol/cut.ts'
import { type Found, type UnderWay, waitsOf } from '#runtime/core/waits.ts'
import { holdAgainst, type HoldOptions, type HoldWorld, namedMost } from './hold-against.ts'
import type { CutView } from './open-cut.ts'
import { pausing } from './pausing.ts'
import { notQuiet } from './wanted-segments.ts'

export type CheckOptions = HoldOptions & { readonly name: string }

export async function checkCut(world: HoldWorld, options: CheckOptions): Promise<CutCheck> {
  const { view, clock } = world
  const begunAt = clock.now()
  const { deadlocks, orphans } = await findWaits(view, options.signal)
  const results = await holdAgainst(world, options)
  return {
    cut: view.manifest.id,
    at: clock.now(),
    node: options.name,
    ms: Math.round(clock.now() - begunAt),
    deadlocks: deadlocks.slice(0, namedMost),
    orphans: orphans.slice(0, namedMost),
    counts: { deadlocks: deadlocks.length, orphans: orphans.length },
    invariants: results,
  }
}

async function findWaits(view: CutView, signal: AbortSignal | undefined): Promise<Found> {
  const waits = waitsOf(view.manifest.begunAt)
  for await (const row of pausing(view.flights(), signal)) {
    const flying = wayOf(row)
    if (flying !== undefined) waits.fly(flying)
  }
  for (const { partition } of view.manifest.slices)
    for await (const row of pausing(view.states(partition, notQuiet), signal))
      if (row[1] !== null && mayWait(row)) waits.add(row[0], decodeState(row[1]))
  const there = await thereOf(view, waits.named, signal)
  return waits.found((address) => there.get(address))
}

/**
 * Most actors wait for nobody, and reading their states is most of the work: whoever holds a question
 * or an event that waits has a due instant or a flag, and who has a parent or children is known by addresses.
 */
function mayWait([address, state, due, flags = 0]: StateRow): boolean {
  if ((due !== null && due !== undefined) || flags !== 0 || isChild(address)) return true
  return state !== null && Buffer.from(state.buffer, state.byteOffset, state.length).includes(`${address}~`)
}

/** Looked up in the order in which they lie there: they may be very many. */
async function thereOf(
  view: CutView,
  named: Iterable<Address>,
  signal: AbortSignal | undefined,
): Promise<ReadonlyMap<Address, 'active' | 'ended'>> {
  const there = new Map<Address, 'active' | 'ended'>()
  const byPartition = Map.groupBy(named, (address) => partitionOf(address, view.manifest.partitions))
  for (const those of byPartition.values())
    for await (const address of pausing(those.toSorted(), signal)) {
      const state = await view.state(address)
      if (state !== undefined) there.set(address, decodeState(state).book.ended === undefined ? 'active' : 'ended')
    }
  return there
}

function wayOf([, subject]: FlightRow): UnderWay | undefined {
  const stored = parseStored(subject)
  if (stored.is === 'in') return { to: stored.address }
  return stored.is === 'ev' ? { topic: topicOf(subject) } : undefined
}
