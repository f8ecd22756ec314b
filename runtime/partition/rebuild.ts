/**
 * Brings the store up to the log, also where the log no longer holds what the store lacks: then
 * the partition starts again from the base that was uploaded before the log was trimmed; and where
 * the store cannot be read: then from there as well. Invariants: bases are left out of account only
 * where the newest record itself was folded; a fold is dropped once, and what fails again is told.
 */
import { isFault } from '#protocol/fault.ts'
import { takeNewerBases } from '#runtime/trimming/bases.ts'
import { catchUp, type CatchUpOptions, type CatchUpWorld } from './catch-up.ts'
import type { Claimed } from './claim.ts'
import { dropFold, isUnreadable } from './unreadable.ts'

/** So little is read sooner than the names of the bases. */
const warmEntries = 20_000

export type FoldOptions = CatchUpOptions & {
  /** All of it is folded, while others still lack something. */
  readonly onThrough?: (partition: number) => void
}

export async function foldThrough(
  world: CatchUpWorld,
  claims: readonly Claimed[],
  options: FoldOptions,
): Promise<void> {
  try {
    await foldAll(world, claims, options)
  } catch (error) {
    const [first, ...others] = claims
    if (first === undefined || !isUnreadable(error)) throw error
    // Which of several it is shows when each is folded by itself.
    if (others.length > 0) return await foldEach(world, claims, options)
    await dropFold(world.store, first.partition, error)
    await foldAll(world, claims, options)
  }
}

async function foldEach(world: CatchUpWorld, claims: readonly Claimed[], options: FoldOptions): Promise<void> {
  for (const one of claims) {
    await foldThrough(world, [one], options)
    options.onThrough?.(one.partition)
  }
}

async function foldAll(
  world: CatchUpWorld,
  claims: readonly Claimed[],
  { onThrough, ...options }: FoldOptions,
): Promise<void> {
  const isBehind = ({ partition, newest }: Claimed): boolean => newest > (world.store.partition(partition)?.seq ?? 0)
  const lags = ({ partition }: Claimed): number =>
    options.through - (world.store.partition(partition)?.seq ?? -Infinity)
  // Who has followed lacks a few records at most, and has all once it has the newest: numbers leave no gap.
  const warm = claims.filter((one) => isBehind(one) && lags(one) < warmEntries)
  await catchUp(world, numbersOf(warm), options).catch((error: unknown) => {
    if (!isFault(error, 'log.gap')) throw error
  })
  const late = claims.filter(isBehind)
  if (late.length === 0) return
  /** Those that were told to be through may be open already: nothing of them is touched here any more. */
  const left = new Set(numbersOf(late))
  const settle = (partition: number): void => {
    if (late.some((one) => one.partition === partition && isBehind(one))) return
    left.delete(partition)
    onThrough?.(partition)
  }
  // After a restore a base holds the newest record, and there is nothing to be read behind it.
  await takeNewerBases(world, [...left], { onTaken: settle })
  while (left.size > 0) {
    // Most partitions were folded to their end; a quiet one must not make the whole log be read.
    await catchUp(world, numbersOf(late.filter((one) => left.has(one.partition) && isBehind(one))), options)
    // An owner that does not know of our claim yet may have trimmed what was about to be read.
    if ((await takeNewerBases(world, [...left])).length === 0) return
  }
}

function numbersOf(claims: readonly Claimed[]): ReadonlySet<number> {
  return new Set(claims.map(({ partition }) => partition))
}
