/** What a base says of itself before anything else. It serves the clause "LMDB follows the log". */
import { Fault } from '#protocol/fault.ts'
import type { ClientMark, FoldedPartition } from '#protocol/folded.ts'
import type { StoreIdentity } from './store.ts'

/** With the states in it as rows. */
export const baseFormat = 1
/** With the segments of a cut in it. */
export const sealedBaseFormat = 2

export type BaseHeader = {
  readonly identity: StoreIdentity
  readonly partition: FoldedPartition
  readonly clients: readonly ClientMark[]
}

export function headFieldsOf({ identity, partition, clients }: BaseHeader): readonly unknown[] {
  const { realm, generation, partitions, log } = identity
  return [realm, generation, partitions, log, partition, clients]
}

/** Refuses one of another realm, or of another number of partitions; the format stands before the fields. */
export function headerOf(head: readonly unknown[], ours: StoreIdentity): BaseHeader {
  return { identity: identityOf(head, ours), ...positionOf(head) }
}

function identityOf(head: readonly unknown[], ours: StoreIdentity): StoreIdentity {
  const identity = {
    realm: head[1] as string,
    generation: head[2] as number,
    partitions: head[3] as number,
    log: head[4] as string,
  }
  if (identity.realm === ours.realm && identity.partitions === ours.partitions) return identity
  throw new Fault('store.foreign', {
    value: 'this base',
    have: `${identity.realm}, ${identity.partitions} partitions`,
    want: `${ours.realm}, ${ours.partitions} partitions`,
  })
}

/** The first bases named each client as a field of the position. */
function positionOf(head: readonly unknown[]): Omit<BaseHeader, 'identity'> {
  const { clients: named, ...partition } = head[5] as FoldedPartition & {
    clients?: Readonly<Record<string, readonly [number, number]>>
  }
  const clients = (head[6] as ClientMark[] | undefined) ?? []
  if (named === undefined) return { partition, clients }
  return { partition, clients: Object.entries(named).map(([session, [n, at]]) => [session, n, at]) }
}
