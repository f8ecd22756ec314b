/**
 * What was parked when a cut was taken. It serves "nothing is dropped silently", also over a restore.
 * Invariants: of each partition that is in it which was parked before its recorded state and is there
 * still; a segment of the last cut of this log is shared where exactly that lies in its stretch.
 */
import { setImmediate } from 'node:timers/promises'
import type { CutManifest, FlightRow, Layer, SegmentRef } from '#protocol/cut.ts'
import { parseStored } from '#protocol/subject.ts'
import type { Bus, LogEntry } from '#runtime/bus.ts'
import type { Recorded } from '#runtime/core/in-flight.ts'
import { bundlesOf } from '#protocol/bundle.ts'
import type { CutShelf } from '#runtime/cuts/reading/cut-shelf.ts'
import { type Gathering, keyedFlight } from './gather-flights.ts'
import { portionsOf } from './read-portions.ts'

type World = { readonly bus: Bus; readonly shelf: Pick<CutShelf, 'notes' | 'manifest' | 'rows'> }

export async function gatherParked(
  { bus, shelf }: World,
  recorded: readonly Recorded[],
  { keep, signal }: Pick<Gathering, 'keep' | 'signal'>,
): Promise<Layer> {
  const filter = `${bus.realm.name}.parked.>`
  if ((await bus.lastMatching(filter)) === undefined) return []
  const commits = new Map(recorded.map(({ partition, commit }) => [partition, commit]))
  const known = await lastLayer(bus, shelf)
  const layer: SegmentRef[] = []
  let stretch: FlightRow[] = []
  let at = 0

  /** Ends what lies in the stretch of a known segment, or between two of them. */
  async function close(ref: SegmentRef | undefined): Promise<void> {
    const rows = stretch
    stretch = []
    if (rows.length === 0) return
    if (ref !== undefined && isSame(rows, (await shelf.rows(ref)) as FlightRow[])) layer.push(ref)
    else for await (const bundle of bundlesOf([rows], keyedFlight)) layer.push(await keep(bundle))
  }

  async function take(row: FlightRow): Promise<void> {
    for (let ref = known[at]; ref !== undefined && row[0] > Number(ref.last); ref = known[at]) {
      await close(ref)
      at++
    }
    const next = known[at]
    // What lies before a known segment is closed when that one begins.
    if (next !== undefined && row[0] >= Number(next.first) && (stretch[0]?.[0] ?? row[0]) < Number(next.first))
      await close(undefined)
    stretch.push(row)
    if (next === undefined && stretch.length >= stretchRows) await close(undefined)
  }

  const to = Math.max(0, ...commits.values())
  for await (const portion of portionsOf(bus, { filter, from: 1, to }, signal)) {
    for (const entry of portion) {
      const row = rowOf(entry, commits)
      if (row !== undefined) await take(row)
    }
    // The node steps on in between.
    await setImmediate()
  }
  await close(known[at])
  return layer
}

const stretchRows = 4000
/** Smaller ones are written again together with what came since, or they would become many. */
const sharedLeastBytes = 32 * 1024

/** Of the newest cut of this log: positions of another say nothing here. */
async function lastLayer(bus: Bus, shelf: World['shelf']): Promise<Layer> {
  const note = (await shelf.notes()).findLast(
    ({ state, generation }) => state === 'whole' && generation === bus.realm.generation,
  )
  if (note === undefined) return []
  const { log, parked = [] }: CutManifest = await shelf.manifest(note.id)
  if (log !== (await bus.logState()).createdAt) return []
  return parked.filter(({ bytes }) => bytes >= sharedLeastBytes)
}

function rowOf(entry: LogEntry, commits: ReadonlyMap<number, number>): FlightRow | undefined {
  const stored = parseStored(entry.subject)
  if (stored.is !== 'parked' || entry.seq >= (commits.get(stored.partition) ?? 0)) return undefined
  return [entry.seq, entry.subject, entry.data, entry.at]
}

function isSame(rows: readonly FlightRow[], known: readonly FlightRow[]): boolean {
  return rows.length === known.length && rows.every(([position], at) => position === known[at]?.[0])
}
