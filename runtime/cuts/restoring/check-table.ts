/**
 * Which positions a restore keeps, and whether one table can tell of all: of each emitted event that
 * somebody has not heard. It serves "restore validates everything before it changes anything".
 * Invariant: what fits is never refused; a bound spares reading what was in flight, and decides nothing
 * else.
 */
import { Fault } from '#protocol/fault.ts'
import { encodeMendRow, rowBytesMost } from '#runtime/core/mend-row.ts'
import type { CutView } from '#runtime/cuts/reading/open-cut.ts'
import { headBytes } from './fit-entry.ts'
import { firstTable, isTold } from './put-flights.ts'

type View = Pick<CutView, 'manifest' | 'flights'>

/** Further than any sequence, so that none of a real table is said in more bytes. */
const farthest = 2 ** 40

/** For those who only ask whether it could be restored. */
export async function checkTable(view: View, maxPayload: number): Promise<void> {
  if (rowBytesMost(toldIn(view)) > maxPayload - headBytes) await keptPositions(view, maxPayload)
}

/** In the order in which they are put back. */
export async function keptPositions(view: View, maxPayload: number): Promise<readonly number[]> {
  const count = toldIn(view)
  if (count === 0) return []
  const positions: number[] = []
  for await (const flight of view.flights()) if (isTold(flight)) positions.push(flight[0])
  const table = firstTable(view.manifest, { after: farthest, incarnation: farthest })
  const size = encodeMendRow(table, positions).length
  if (size > maxPayload - headBytes)
    throw new Fault('restore.tooManyUnheard', { value: view.manifest.id, count, size, limit: maxPayload })
  return positions
}

function toldIn({ manifest: { channels } }: View): number {
  return channels.reduce((sum, [from, , count]) => sum + (from === 'ev' ? count : 0), 0)
}
