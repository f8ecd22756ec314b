/**
 * Folds what the log holds beyond the store: after a restart the little that was committed but
 * not folded, after the loss of the store everything. One reading of the whole stream serves all
 * partitions. Invariant: what is folded ends with the claim, so that an owner begins with all
 * that came before it and nothing else.
 */
import type { Store } from '#store/store.ts'
import type { Bus, LogEntry, Reading } from '#runtime/bus.ts'
import type { Clock } from '#runtime/clock.ts'
import type { SessionLimits } from '#runtime/core/sessions.ts'
import { type HoldOptions, holdingOf } from '#runtime/mending/holding.ts'
import { refoldOf } from './refold.ts'
import type { Kinds } from './residents.ts'
import { trace } from '#runtime/trace.ts'

/** Records that are folded in one transaction. */
const gatheredMost = 2000

/** Such parts that may wait for the store. */
const leavingMost = 4

export type CatchUpWorld = {
  readonly bus: Bus
  readonly store: Store
  readonly clock: Clock
  readonly kinds: Kinds
}

/** `through`: the sequence of the claim, the last entry that is folded. */
export type CatchUpOptions = SessionLimits &
  HoldOptions & {
    readonly through: number
    /** The log has to be mended: what is read for may never come. */
    readonly signal?: AbortSignal
  }

export async function catchUp(
  { bus, store, clock, kinds }: CatchUpWorld,
  partitions: ReadonlySet<number>,
  { through, signal, ...limits }: CatchUpOptions,
): Promise<void> {
  // The log is read in its order: a record that comes too early is one whose forerunner is not there.
  const refold = refoldOf({ store, kinds }, partitions, {
    ...limits,
    earlyMost: 0,
    holding: holdingOf(clock, limits),
  })
  const from = Math.min(...[...partitions].map((partition) => (refold.position(partition)?.seq ?? 0) + 1))
  if (from > through) return
  let reading: Reading | undefined
  let folding = Promise.resolve()
  let fail: (error: unknown) => void = () => undefined
  const abort = (): void => fail(signal?.reason)

  function fold(): void {
    const folded = refold.fold()
    // A log may be far larger than the memory: reading waits for the store.
    if (refold.leaving >= leavingMost) reading?.pause()
    folding = Promise.all([folding, folded]).then(() => {
      if (refold.leaving < leavingMost) reading?.resume()
    })
    folding.catch(fail)
  }

  try {
    await new Promise<void>((resolve, reject) => {
      fail = reject
      if (signal?.aborted === true) return abort()
      signal?.addEventListener('abort', abort)
      // The claims themselves are on the log, so the reading always comes to its end.
      const filter = `${bus.realm.name}.>`
      let isDone = false
      const onRead = (entry: LogEntry): void => {
        if (isDone) return
        try {
          if (entry.seq <= through) refold.take(entry)
          if (refold.gathered >= gatheredMost) {
            fold()
            trace({ is: 'fold.progress', read: entry.seq, of: through })
          }
          if (entry.seq < through) return
          resolve()
        } catch (error) {
          reject(error)
        }
        isDone = true
      }
      bus.read({ filter, from, onEntry: onRead }).then((opened) => {
        reading = opened
        if (isDone) void opened.stop()
      }, reject)
    })
  } finally {
    signal?.removeEventListener('abort', abort)
    await reading?.stop()
    // Also after a failure: whoever tries again begins where the store is then.
    await folding.catch(() => undefined)
  }
  fold()
  await folding
}
