/** What runs in the thread of `./sealing-thread.ts`: it seals what it is handed, and hands it back. */
import { setPriority } from 'node:os'
import { parentPort, workerData } from 'node:worker_threads'
import { sealerOf } from './seal.ts'

export type SealThreadData = { readonly secret: Uint8Array | undefined }
export type SealAsked = { readonly nth: number; readonly plain: Uint8Array }
export type SealAnswer =
  | { readonly is: 'ready' }
  | { readonly is: 'sealed'; readonly nth: number; readonly id: string; readonly bytes: Uint8Array }
  | { readonly is: 'failed'; readonly nth: number; readonly error: unknown }

/** A tenth of a processor where others want all of it, and whatever they leave. */
const niceness = 10

// Elsewhere it would be the whole process that stands back.
if (process.platform === 'linux') setPriority(0, niceness)

const { secret } = workerData as SealThreadData
const sealer = sealerOf(secret)
const port = parentPort

function answer(answer: SealAnswer, handed: readonly Uint8Array[] = []): void {
  port?.postMessage(
    answer,
    handed.map(({ buffer }) => buffer as ArrayBuffer),
  )
}

port?.on('message', ({ nth, plain }: SealAsked) => {
  sealer.seal(plain).then(
    ({ id, bytes }) => answer({ is: 'sealed', nth, id, bytes }, [bytes]),
    (error: unknown) => answer({ is: 'failed', nth, error }),
  )
})
answer({ is: 'ready' })
