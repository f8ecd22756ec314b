/**
 * Seals beside the thread that steps: packing and encrypting a cut of many actors would take a good
 * part of its time. It serves "a cut never stops the realm". Invariants: the thread is started by
 * the first that is worth it and ends with `close`; who waits for it when it ends hears of it, and
 * the next one starts another; where none can be started, or others leave it no time, it is sealed here.
 */
import { Worker } from 'node:worker_threads'
import { Fault, reasonOf } from '#protocol/fault.ts'
import type { SealAnswer, SealAsked, SealThreadData } from './seal-thread.ts'
import { leastBytes } from './let-go.ts'
import { type Sealed, type Sealer, sealerOf } from './seal.ts'

export type SealingThread = Sealer & { close(): Promise<void> }

type Waiting = {
  readonly since: number
  readonly done: (sealed: Sealed) => void
  readonly failed: (error: unknown) => void
}

/** It stands back where others want the processor; no cut waits longer than this for it to come on. */
const lateMs = 500

/** `value`: whose archive it is, for faults; `program`: what runs in the thread. */
export type SealingThreadOptions = {
  readonly value: string
  readonly secret: Uint8Array | undefined
  readonly program?: URL
  readonly now?: () => number
}

export function sealingThreadOf({
  value,
  secret,
  program = new URL('./seal-thread.ts', import.meta.url),
  now = () => performance.now(),
}: SealingThreadOptions): SealingThread {
  const sealer = sealerOf(secret)
  const waiting = new Map<number, Waiting>()
  /** Nothing: none can be started. */
  let thread: Promise<Worker | undefined> | undefined
  let asks = 0
  let isClosed = false

  function start(): Promise<Worker | undefined> {
    const { promise, resolve } = Promise.withResolvers<Worker | undefined>()
    let hasBegun = false
    let reason = 'it was ended'
    try {
      const data: SealThreadData = { secret }
      // Nothing that the process was started with is for it: no inspector, no environment.
      const worker = new Worker(program, { workerData: data, execArgv: [], env: {}, name: 'perdure-seal' })
      worker.on('message', (answer: SealAnswer) => {
        if (answer.is === 'ready') {
          hasBegun = true
          resolve(worker)
        } else {
          const one = waiting.get(answer.nth)
          waiting.delete(answer.nth)
          if (answer.is === 'sealed') one?.done({ id: answer.id, bytes: answer.bytes })
          else one?.failed(answer.error)
        }
        // Only who waits for it keeps the process.
        if (waiting.size === 0) worker.unref()
      })
      worker.on('error', (error: unknown) => void (reason = reasonOf(error)))
      worker.on('exit', () => {
        if (hasBegun) thread = undefined
        else doWithout(reason)
        const fault = isClosed ? new Fault('store.closed', { value }) : new Fault('archive.thread', { value, reason })
        for (const one of waiting.values()) one.failed(fault)
        waiting.clear()
      })
    } catch (error) {
      doWithout(reasonOf(error))
    }
    return promise

    function doWithout(why: string): void {
      if (!isClosed)
        process.emitWarning(`Cuts are sealed in the thread that steps, because no other can be started: ${why}`)
      resolve(undefined)
    }
  }

  /** What was asked first is answered first. */
  function isLate(): boolean {
    for (const { since } of waiting.values()) return now() - since > lateMs
    return false
  }

  return {
    ...sealer,
    async seal(plain) {
      // What is small is sealed sooner than another thread has it.
      if (plain.length < leastBytes || isClosed || isLate()) return await sealer.seal(plain)
      const since = now()
      const worker = await (thread ??= start())
      if (worker === undefined) return await sealer.seal(plain)
      const nth = asks++
      const asked: SealAsked = { nth, plain }
      return await new Promise<Sealed>((done, failed) => {
        waiting.set(nth, { since, done, failed })
        worker.ref()
        worker.postMessage(asked, [plain.buffer as ArrayBuffer])
      })
    },
    async close() {
      isClosed = true
      await (await thread)?.terminate()
    },
  }
}
