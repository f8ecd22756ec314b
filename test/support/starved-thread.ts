/** A thread that comes on with the first that it is asked for, and with nothing behind it. */
import { parentPort } from 'node:worker_threads'

parentPort?.on('message', ({ nth }: { nth: number }) => {
  if (nth === 0) parentPort?.postMessage({ is: 'sealed', nth, id: 'first', bytes: new Uint8Array(1) }, [])
})
parentPort?.postMessage({ is: 'ready' }, [])
