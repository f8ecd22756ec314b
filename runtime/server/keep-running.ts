/**
 * Keeps a server or a node running: whoever ends is started again, as long as it does not end
 * again and again. Invariant: no more than `limit.starts` starts in any `limit.withinMs`, so that
 * one that cannot run costs its neighbours nothing.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { Fault, isFault } from '#protocol/fault.ts'
import type { ServerProcess } from './run-server.ts'

export type KeptServer = {
  pid(): number
  /** Whether it is down and waits until it may be started again. */
  isResting(): boolean
  stop(): Promise<void>
}

/** Three times is bad luck; more is a disk, a port, a module or a program that does not work. */
export const restarts = { starts: 3, withinMs: 60_000 } as const

export type KeepOptions = {
  /** The signal: it is to stop, so what begins again need not come to be. */
  readonly start: (signal: AbortSignal) => Promise<ServerProcess>
  readonly limit: { readonly starts: number; readonly withinMs: number }
  readonly onEnded: (fault: Fault) => void
  readonly onStarted: () => void
  /** It has ended too often; after so long it is tried again. */
  readonly onResting: (fault: Fault, ms: number) => void
}

export async function keepRunning(options: KeepOptions): Promise<KeptServer> {
  const { limit } = options
  const giveUp = new AbortController()
  const starts: number[] = []
  let server = await options.start(giveUp.signal)
  let resting = false
  const kept = keep()

  async function keep(): Promise<void> {
    let fault = await server.exited
    while (!giveUp.signal.aborted && fault !== undefined) {
      options.onEnded(fault)
      await rest(fault)
      if (giveUp.signal.aborted) return
      starts.push(performance.now())
      fault = await startAgain()
    }
  }

  /** Resolves when it has ended again. */
  async function startAgain(): Promise<Fault | undefined> {
    try {
      server = await options.start(giveUp.signal)
    } catch (error) {
      return isFault(error) ? error : new Fault('server.died', { reason: String(error), lines: '(none)' })
    }
    if (giveUp.signal.aborted) await server.stop()
    else options.onStarted()
    return await server.exited
  }

  async function rest(fault: Fault): Promise<void> {
    const since = performance.now() - limit.withinMs
    while ((starts[0] ?? Infinity) < since) starts.shift()
    if (starts.length < limit.starts) return
    const ms = (starts[0] as number) - since
    resting = true
    options.onResting(fault, ms)
    await pause(ms, undefined, { signal: giveUp.signal }).catch(() => undefined)
    resting = false
  }

  return {
    pid: () => server.pid,
    isResting: () => resting,
    async stop() {
      giveUp.abort()
      await server.stop()
      await kept
    },
  }
}
