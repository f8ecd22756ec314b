/**
 * One actor's commits on the log, from the best place to begin with that the log still reaches. It
 * serves those whose owner cannot be asked. Invariant: where a record may be missing in between, the
 * next place is tried, and when none is left it is a fault: a state that may be wrong is never given.
 */
import type { Address } from '#protocol/address.ts'
import { Fault, isFault } from '#protocol/fault.ts'
import { newestBases } from '#runtime/trimming/bases.ts'
import { type Anchor, type Anchors, anchorsOf } from './anchors.ts'
import type { Epoch } from './epochs.ts'
import { type Bound, instantText } from './instant.ts'
import type { Commit } from './records.ts'
import { type Scan, scanCommits } from './scan.ts'

export type Reaching = {
  readonly partition: number
  readonly address: Address
  /** It must begin at or before this. */
  readonly bound: Bound
  readonly until: Bound
}

export type Reached = { readonly anchor: Anchor; readonly commits: readonly Commit[] }

export async function reachedFrom(epoch: Epoch, anchors: Anchors, sought: Reaching): Promise<Reached> {
  const { partition, address, bound, until } = sought
  let fault: Fault | undefined
  for await (const anchor of anchorsOf(epoch, anchors, { partition, address, bound })) {
    const scan = await scanCommits(epoch.bus, { partition, address, after: anchor.seq, bound: until })
    const gap = await gapOf(epoch, partition, anchor, scan)
    if (gap === undefined) return { anchor, commits: scan.commits.filter(({ n }) => n > anchor.n) }
    fault ??= new Fault('past.unreachable', { value: address, instant: instantText(bound), reason: gap })
  }
  throw fault as Fault
}

/** From the beginning, or when that is gone from the nearest place before the end. */
export async function reachedAtAll(epoch: Epoch, anchors: Anchors, sought: Omit<Reaching, 'bound'>): Promise<Reached> {
  try {
    return await reachedFrom(epoch, anchors, { ...sought, bound: { seq: epoch.from } })
  } catch (error) {
    if (!isFault(error, 'past.unreachable')) throw error
    return await reachedFrom(epoch, anchors, { ...sought, bound: sought.until })
  }
}

/** Between an anchor and the first record behind it nothing may be missing. */
async function gapOf({ bus }: Epoch, partition: number, { n }: Anchor, { first }: Scan): Promise<string | undefined> {
  // Without a record behind it, a base that holds more says that there were some.
  const next = first ?? (((await newestBases(bus)).get(partition)?.n ?? 0) > n ? Number.POSITIVE_INFINITY : n + 1)
  if (next <= n + 1) return undefined
  return n === 0
    ? 'the log no longer holds the beginning of its partition, and no cut or base lies before that instant'
    : `the log no longer holds what followed record ${n} of partition ${partition}, which is the nearest that a cut or a base holds`
}
