/**
 * Brings the store up to the log, also where the log no longer holds what the store lacks: then
 * the partition starts again from the base that was uploaded before the log was trimmed.
 */
import { takeNewerBases } from './bases.ts'
import { catchUp, type CatchUpOptions, type CatchUpWorld } from './catch-up.ts'
import type { Claimed } from './claim.ts'

export async function foldThrough(
  world: CatchUpWorld,
  claims: readonly Claimed[],
  options: CatchUpOptions,
): Promise<void> {
  const partitions = claims.map((one) => one.partition)
  await takeNewerBases(world, partitions)
  for (;;) {
    // Most partitions were folded to their end; a quiet one must not make the whole log be read.
    const behind = claims.filter((one) => one.newest > (world.store.partition(one.partition)?.seq ?? 0))
    await catchUp(world, new Set(behind.map((one) => one.partition)), options)
    // An owner that does not know of our claim yet may have trimmed what was about to be read.
    if ((await takeNewerBases(world, partitions)).length === 0) return
  }
}
