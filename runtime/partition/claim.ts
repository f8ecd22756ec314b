/**
 * Becoming the owner of partitions: claim, then fold, then step. Invariant: nothing is stepped
 * before both places where records stand (the commits and the envelopes that carry one) have
 * been folded through the claim's own sequence; a claim carries no state.
 */
import { nuid } from '@nats-io/nats-core'
import { Fault, isFault } from '#protocol/fault.ts'
import { type AnyRecord, decodeRecord, encodeRecord } from '#protocol/record.ts'
import type { FoldedPartition } from '#protocol/folded.ts'
import { isStill, type Standstill } from '#protocol/standstill.ts'
import { subjects } from '#protocol/subject.ts'
import type { Store } from '#store/store.ts'
import type { Bus } from '#runtime/bus.ts'
import { type Clock, pause } from '#runtime/clock.ts'
import { beginning } from '#runtime/core/position.ts'
import type { Ownership } from './partition.ts'
import { trace } from '#runtime/trace.ts'

export type Claimed = {
  readonly partition: number
  readonly epoch: number
  readonly nonce: string
  readonly seq: number
  /** Where the newest record stood when nobody could add one any more; the claim itself aside. */
  readonly newest: number
  /** The last entry of the mailbox then. */
  readonly arrived: number
  readonly data: Uint8Array
}

/** Appends the claim of one partition; of two who try, one wins and the other claims above it. */
export async function claimPartition(
  {
    bus,
    clock,
    mayAppend,
  }: {
    readonly bus: Bus
    readonly clock: Clock
    /** Whatever has to be known before; asked meanwhile. */
    readonly mayAppend?: Promise<void>
  },
  partition: number,
  node: string,
): Promise<Claimed> {
  const subject = subjects.commit(bus.realm, partition)
  const nonce = nuid.next()
  const onClaimed = (epoch: number): void => {
    trace({ is: 'partition.claimed', partition, epoch })
    // An owner that is at rest would not find out before its next commit.
    bus.tell(subjects.claimed(bus.realm, partition), new TextEncoder().encode(String(epoch)))
  }
  for (let tries = 0; ; tries++) {
    const last = await bus.last(subject)
    const record = last === undefined ? undefined : decodeRecord(last.data)
    if (last !== undefined && record?.is === 'claim' && record.nonce === nonce) {
      // Our own claim, whose acknowledgement was lost.
      onClaimed(record.epoch)
      return await claimed(
        bus,
        { partition, epoch: record.epoch, nonce, seq: last.seq, data: last.data },
        record.previous,
      )
    }
    const epoch = (record?.epoch ?? 0) + 1
    const claim: AnyRecord = {
      is: 'claim',
      generation: bus.realm.generation,
      partition,
      epoch,
      previous: last?.seq ?? 0,
      nonce,
      node,
      at: clock.now(),
    }
    const data = encodeRecord(claim)
    await mayAppend
    try {
      const { seq } = await bus.append({ subject, data, check: { seq: last?.seq ?? 0 } })
      onClaimed(epoch)
      return await claimed(bus, { partition, epoch, nonce, seq, data }, claim.previous)
    } catch (error) {
      if (!isFault(error) || (error.verdict !== 'retry' && error.code !== 'bus.conflict') || tries > 50) throw error
      if (error.code !== 'bus.conflict') await pause(clock, 20 * (tries + 1))
    }
  }
}

/** After the claim, so that nothing of an older owner can follow what is found here. */
async function claimed(bus: Bus, claim: Omit<Claimed, 'newest' | 'arrived'>, previous: number): Promise<Claimed> {
  const [sent, arrived] = await Promise.all([
    bus.lastMatching(subjects.sentBy(bus.realm, claim.partition)),
    bus.lastMatching(subjects.mailbox(bus.realm, claim.partition)),
  ])
  return { ...claim, newest: Math.max(previous, sent ?? 0), arrived: arrived ?? 0 }
}

/**
 * What the fold says of a claimed partition: where its owner goes on, and for how long it had none.
 * Folded at once, because an owner that commits nothing was there too, and the one before it was away.
 */
export function ownershipOf(store: Store, claimed: Claimed, now: number, still?: Standstill): Ownership {
  const found = store.partition(claimed.partition) ?? beginning(claimed.partition)
  // A mailbox that was read to its end is read on from here, however old its last envelope is.
  const cursor = claimed.arrived <= found.cursor ? Math.max(found.cursor, claimed.seq) : found.cursor
  const folded = {
    ...found,
    epoch: claimed.epoch,
    seq: claimed.seq,
    cursor,
    awayMs: found.awayMs + absentOf(store, found, now, still),
    openedAt: now,
  }
  if (found.epoch > claimed.epoch)
    throw new Fault('partition.lost', { partition: claimed.partition, have: found.epoch, want: claimed.epoch })
  const { epoch, nonce, seq, partition } = claimed
  const stoodSince = isStill(still) ? Math.max(still.since, found.at) : undefined
  return { epoch, nonce, fence: seq, folded, clients: [...store.clients(partition)], stoodSince }
}

/** While timers stand still nobody is there for them: what passes is counted by whoever opens the partition behind it. */
function absentOf(store: Store, found: FoldedPartition, now: number, still: Standstill | undefined): number {
  if (found.n === 0 || isStill(still)) return 0
  const seen = Math.max(store.alive.get() ?? 0, found.at, found.openedAt)
  if (still?.until === undefined || found.openedAt >= still.until) return Math.max(0, now - seen)
  return Math.max(0, still.until - Math.max(still.since, found.at)) + Math.max(0, now - Math.max(still.until, seen))
}
