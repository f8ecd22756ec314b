/**
 * What was in flight, in the order of positions. It was gathered in two readings of the log, each in
 * order: mailboxes, then emitted events. Invariant: of each reading one segment at most is in memory,
 * however much was in flight.
 */
import type { FlightRow, Layer } from '#protocol/cut.ts'
import { mergeRows } from './merge-rows.ts'

type Rows = (layer: Layer) => AsyncGenerator<FlightRow>

export function flightsInOrder(layer: Layer, rowsOf: Rows): AsyncGenerator<FlightRow> {
  return mergeRows(runsOf(layer).map(rowsOf))
}

/** Where a segment begins before the one ahead of it ended, another reading begins. */
function runsOf(layer: Layer): Layer[] {
  const runs: Layer[number][][] = []
  let last = Number.POSITIVE_INFINITY
  for (const ref of layer) {
    if (Number(ref.first) <= last) runs.push([])
    runs.at(-1)?.push(ref)
    last = Number(ref.last)
  }
  return runs
}
