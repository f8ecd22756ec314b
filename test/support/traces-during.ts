/** What the runtime told of itself while something went on. */
import { onTrace, type Trace } from '#runtime/trace.ts'

export async function tracesDuring(work: () => Promise<void>): Promise<readonly Trace[]> {
  const traces: Trace[] = []
  const hearing = onTrace((one) => void traces.push(one))
  try {
    await work()
  } finally {
    hearing.stop()
  }
  return traces
}
