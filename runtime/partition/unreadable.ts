/**
 * A fold that cannot be read: a row of it is damaged, or a difference does not fit the state that
 * is stored. It serves the clause "LMDB follows the log". Invariant: nothing of such a fold is used
 * or mended in place; it is dropped whole, and whoever takes the partition up next makes it again
 * from the newest base and the log, which hold all of it.
 */
import { isFault, storedFaultOf } from '#protocol/fault.ts'
import type { Store } from '#store/store.ts'
import { trace } from '#runtime/trace.ts'

const codes = ['delta.unfit', 'state.undecodable', 'store.corrupt'] as const

export function isUnreadable(error: unknown): boolean {
  return codes.some((code) => isFault(error, code))
}

/** Nothing of this partition may be on its way into the store any more. */
export async function dropFold(store: Pick<Store, 'dropPartition'>, partition: number, error: unknown): Promise<void> {
  const { code, message } = storedFaultOf(error)
  trace({
    is: 'fold.rebuilt',
    reason: `What is stored of partition ${partition} cannot be read (${code}: ${message}); it is dropped and made again from the newest base and the log.`,
  })
  await store.dropPartition(partition)
}
