/**
 * What was in flight, in the order of positions. It was gathered in two readings of the log, each in
 * order: mailboxes, then emitted events. Invariant: of each reading one segment at most is in memory,
 * however much was in flight.
 */
import type { FlightRow, Layer } from '#protocol/cut.ts'

type Rows = (layer: Layer) => AsyncGenerator<FlightRow>

export async function* flightsInOrder(layer: Layer, rowsOf: Rows): AsyncGenerator<FlightRow> {
  const heads = await Promise.all(
    runsOf(layer).map(async (run) => {
      const rows = rowsOf(run)
      return { rows, next: await rows.next() }
    }),
  )
  for (;;) {
    let least: (typeof heads)[number] | undefined
    for (const head of heads)
      if (head.next.done !== true && (least === undefined || head.next.value[0] < (least.next.value as FlightRow)[0]))
        least = head
    if (least === undefined) return
    yield least.next.value as FlightRow
    least.next = await least.rows.next()
  }
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
