/**
 * A node that is started before its servers, or while the log has no leader, waits for them: the
 * machines of a cluster start in any order. It serves the clause of the claim. Invariants: it says
 * at once what it waits for, and in the end what to do; what no waiting mends is told at once.
 */
import { Fault, isFault, storedFaultOf } from '#protocol/fault.ts'
import type { Clock } from './clock.ts'
import { trace } from './trace.ts'

export type Patience = {
  readonly clock: Clock
  /** Of the node that waits. */
  readonly name: string
  /** 0: it does not wait at all. */
  readonly patienceMs: number
  /** The first pause between two attempts. */
  readonly retryMs: number
  /** Nobody wants it any more. */
  readonly signal?: AbortSignal | undefined
}

const pauseMostMs = 1_000
/** It is said again so often although nothing has changed. */
const sayMs = 10_000

export async function patiently<T>(attempt: () => Promise<T>, options: Patience): Promise<T> {
  const { clock, name, patienceMs, signal } = options
  const until = clock.now() + patienceMs
  const isUnwanted = (): boolean => signal?.aborted === true
  let said: { readonly code: string; readonly at: number } | undefined
  for (let pauseMs = options.retryMs; ; pauseMs = Math.min(pauseMostMs, pauseMs * 2)) {
    try {
      return await attempt()
    } catch (error) {
      const now = clock.now()
      if (!isPassing(error) || isUnwanted() || patienceMs === 0) throw error
      const fault = storedFaultOf(error)
      if (now >= until)
        throw new Fault('node.impatient', { value: name, ms: patienceMs, reason: fault.message }, { cause: error })
      if (said?.code !== fault.code || now - said.at >= sayMs) {
        trace({ is: 'node.waits', node: name, fault, forMs: until - now })
        said = { code: fault.code, at: now }
      }
      await pause(Math.min(pauseMs, until - now), options)
      if (isUnwanted()) throw error
    }
  }
}

/** Of the servers and of the way to them, and of a realm that is being restored; rights, versions and definitions do not change by waiting. */
function isPassing(error: unknown): boolean {
  return (
    isFault(error, 'realm.restoring') || (isFault(error) && error.verdict === 'retry' && error.code.startsWith('bus.'))
  )
}

async function pause(ms: number, { clock, signal }: Patience): Promise<void> {
  const over = Promise.withResolvers<void>()
  const alarm = clock.at(clock.now() + ms, over.resolve)
  const end = (): void => over.resolve()
  signal?.addEventListener('abort', end)
  await over.promise
  signal?.removeEventListener('abort', end)
  alarm.cancel()
}
