/**
 * Brings the store up to the log, also where the log no longer begins where the store ends: then
 * the partition starts again from the base that was uploaded before the log was trimmed.
 */
import { Fault, isFault } from '#protocol/fault.ts'
import { catchUp, type CatchUpOptions, type CatchUpWorld } from './catch-up.ts'
import { trace } from './trace.ts'
import { baseName } from './trim.ts'

export async function foldThrough(world: CatchUpWorld, partitions: readonly number[], options: CatchUpOptions): Promise<void> {
  try {
    await catchUp(world, new Set(partitions), options)
    return
  } catch (error) {
    if (!isFault(error, 'log.gap')) throw error
    trace({ is: 'fold.rebuilt', reason: error.message })
    for (const partition of partitions) await takeBase(world, partition, error)
  }
  await catchUp(world, new Set(partitions), options)
}

/** Only a base that is further than the store helps; without one the gap stands. */
async function takeBase({ bus, store }: CatchUpWorld, partition: number, gap: Fault): Promise<void> {
  const bytes = await bus.blobs.get(baseName(partition))
  if (bytes === undefined) {
    if (gap.details['partition'] === partition) throw gap
    return
  }
  await store.dropPartition(partition)
  await store.loadBase(bytes)
}
