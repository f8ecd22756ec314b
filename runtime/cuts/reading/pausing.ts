/**
 * Rows come without a pause as long as they are of one segment: whoever steps beside a look through a
 * cut waits for no more than some of them. Invariant: it ends in the middle when the signal says so.
 */
import { setImmediate } from 'node:timers/promises'

const rowsAtOnce = 100

export async function* pausing<T>(
  rows: AsyncIterable<T> | Iterable<T>,
  signal: AbortSignal | undefined,
): AsyncGenerator<T> {
  let count = 0
  for await (const row of rows) {
    signal?.throwIfAborted()
    yield row
    if (++count % rowsAtOnce === 0) await setImmediate()
  }
}
