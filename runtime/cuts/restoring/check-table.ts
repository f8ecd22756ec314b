/**
 * Whether the table of a restore fits into an entry: it says where each emitted event stood that
 * somebody has not heard. It serves "restore validates everything before it changes anything".
 * Invariant: what fits is never refused; a bound spares reading what was in flight, and decides nothing
 * else.
 */
import { Fault } from '#protocol/fault.ts'
import { encodeMendRow, rowBytesMost, withBatch } from '#runtime/core/mend-row.ts'
import type { CutView } from '#runtime/cuts/reading/open-cut.ts'
import { batchesOf } from './entry-batches.ts'
import { headBytes } from './fit-entry.ts'
import { firstTable, isTold } from './put-flights.ts'

/** Further than any sequence, so that none of a real table is said in more bytes. */
const farthest = 2 ** 40

export async function checkTable(view: Pick<CutView, 'manifest' | 'flights'>, maxPayload: number): Promise<void> {
  const { id, channels } = view.manifest
  const count = channels.reduce((sum, [from, , flights]) => sum + (from === 'ev' ? flights : 0), 0)
  const most = maxPayload - headBytes
  if (rowBytesMost(count) <= most) return
  const size = await bytesOfTable(view)
  if (size > most) throw new Fault('restore.tooManyUnheard', { value: id, count, size, limit: maxPayload })
}

/** The last one, which is the largest, as `putFlights` will make it. */
async function bytesOfTable(view: Pick<CutView, 'manifest' | 'flights'>): Promise<number> {
  let row = firstTable(view.manifest, { after: farthest, incarnation: farthest })
  let seq = farthest
  for await (const batch of batchesOf(told(), ([, , data]) => data.length)) {
    const positions = batch.map(([position]) => position)
    row = withBatch(row, seq, positions)
    seq += 1 + batch.length
  }
  return encodeMendRow(row, []).length

  async function* told() {
    for await (const flight of view.flights()) if (isTold(flight)) yield flight
  }
}
