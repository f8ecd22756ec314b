/**
 * Unpacks what a lazy restore put under the rows of this node's partitions, beside everything else,
 * and then uploads their bases anew, as rows. It serves "load slices". Invariants: one portion at a
 * time, with a turn of the loop between two; those that are owned come first; once a partition is
 * through, no node needs the key of the cut for it any more; who is about to serve does not wait for it.
 */
import { isFault, storedFaultOf } from '#protocol/fault.ts'
import type { Store } from '#store/store.ts'
import type { Bus } from '#runtime/bus.ts'
import type { Clock } from '#runtime/clock.ts'
import type { Owners } from '#runtime/members/owners.ts'
import { isUnreadable } from '#runtime/partition/unreadable.ts'
import { loopTurn } from '#runtime/partition/loop-turn.ts'
import { trace } from '#runtime/trace.ts'
import { uploadBase } from './bases.ts'

type World = {
  readonly bus: Bus
  readonly store: Store
  readonly clock: Pick<Clock, 'now'>
  readonly owners: Pick<Owners, 'partitions' | 'opening'>
}

export type Unpacking = {
  /** There may be something to be done. */
  consider(): void
  stop(): Promise<void>
}

/** Rows of one transaction: some milliseconds, in which nothing else runs. */
const portionRows = 400
const retryMs = 30_000

export function unpackBases({ bus, store, clock, owners }: World): Unpacking {
  const owned = owners.partitions
  /** All of them are rows, and no segment is left. */
  const through = new Set<number>()
  let running: Promise<void> | undefined
  let isOver = false
  let notBefore = 0

  const isHeld = (): boolean => isOver || owners.opening.size > 0

  const leftOf = (partition: number): number => store.underlays().get(partition) ?? 0

  async function fill(partition: number): Promise<void> {
    const begunAt = performance.now()
    const actors = leftOf(partition)
    while (await store.fill(partition, portionRows)) {
      await loopTurn()
      if (isHeld()) return
    }
    through.add(partition)
    if (actors > 0) trace({ is: 'base.unpacked', partition, actors, ms: Math.round(performance.now() - begunAt) })
  }

  async function work(): Promise<void> {
    // What was just opened is opening until this turn is over.
    await loopTurn()
    const all = [...store.underlays().keys()]
    for (const partition of [...all.filter((one) => owned.has(one)), ...all.filter((one) => !owned.has(one))])
      if (!isHeld() && (!through.has(partition) || leftOf(partition) > 0)) await attempt(partition, fill)
    // Who follows leaves it to the owner, and does it as the next one.
    for (const partition of all)
      if (!isHeld() && owned.has(partition) && leftOf(partition) === 0) await attempt(partition, upload)
  }

  /** Until then what says that it was restored stays, so that whoever dies in between does it again. */
  async function upload(partition: number): Promise<void> {
    await uploadBase({ bus, store }, partition, { isAgain: true })
    await store.endUnderlay(partition)
  }

  async function attempt(partition: number, one: (partition: number) => Promise<void>): Promise<void> {
    try {
      await one(partition)
    } catch (error) {
      if (isOver || isFault(error, 'store.closed')) return void (isOver = true)
      trace({ is: 'base.failed', partition, fault: storedFaultOf(error) })
      if (isUnreadable(error)) owned.get(partition)?.fail(error)
      // A store that is full, a bus that is away: not over and over.
      notBefore = clock.now() + retryMs
      throw error
    }
  }

  return {
    consider() {
      if (running !== undefined || isOver || clock.now() < notBefore) return
      running = work()
        .catch(() => undefined)
        .finally(() => (running = undefined))
    },
    async stop() {
      isOver = true
      await running
    },
  }
}
