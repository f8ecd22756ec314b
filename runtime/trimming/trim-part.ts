/**
 * What one node adds to a round of trimming: how far its partitions can do without the log, with
 * bases uploaded where it takes them. Invariant: a bound lies never past what a durable base
 * holds, nor past what was consumed. That stays so for ever, whoever owns the partition later.
 */
import { isFault } from '#protocol/fault.ts'
import type { FoldedPartition } from '#protocol/folded.ts'
import { subjects } from '#protocol/subject.ts'
import type { TrimAnswer, TrimAsk } from '#protocol/trimming.ts'
import type { Store } from '#store/store.ts'
import { type Uploaded, uploadBase } from './bases.ts'
import type { Bus } from '#runtime/bus.ts'
import { incarnationOf } from '#runtime/core/incarnations.ts'
import { heardThrough } from '#runtime/partition/heard.ts'
import { lastRecordSeq } from '#runtime/partition/last-record.ts'

type World = {
  readonly bus: Bus
  readonly store: Store
  /** Of the partitions that this node owns, what is committed. */
  readonly positions: () => readonly FoldedPartition[]
  readonly isHeld: () => boolean
}

/** A base is made anew when the one before it would leave more than this of what could go. */
const leastShare = 0.1

export type TrimPart = (ask: TrimAsk) => Promise<TrimAnswer>

export function trimPartOf({ bus, store, positions, isHeld }: World): TrimPart {
  /** Of each partition, the newest base that is durable as far as is known here. */
  const durable = new Map<number, Uploaded>()
  let incarnation = 0

  async function boundOf(position: FoldedPartition, ask: TrimAsk): Promise<number> {
    const { partition, cursor } = position
    const { n, seq: folded } = store.partition(partition) ?? { n: 0, seq: 0 }
    // After the store was looked at: what is not newer than this fold is in it.
    const record = await lastRecordSeq(bus, partition)
    const arrived = (await bus.lastMatching(subjects.mailbox(bus.realm, partition))) ?? 0
    // One at rest holds nobody back.
    const consumed = arrived > cursor ? cursor : ask.lastSeq
    const possible = Math.min(consumed, record > folded ? folded : ask.lastSeq)
    if (!ask.isFirm) return possible
    const based = (base: Uploaded): number =>
      Math.min(consumed, base.n >= n && record <= folded ? ask.lastSeq : base.seq)
    const known = durable.get(partition)
    const wanted = Math.min(possible, ask.upTo)
    const left = wanted - (known === undefined ? Number.NEGATIVE_INFINITY : based(known))
    if (known !== undefined && left <= leastShare * Math.max(1, ask.upTo - ask.from)) return based(known)
    const uploaded = await uploadBase({ bus, store }, partition)
    durable.set(partition, uploaded)
    return based(uploaded)
  }

  return async (ask) => {
    // A mending may have removed a base whose records were lost with the node that alone had them.
    if (incarnationOf(ask.lastSeq) !== incarnation) durable.clear()
    incarnation = incarnationOf(ask.lastSeq)
    // Nothing at all: what a cut refers to lies at no one place.
    if (isHeld()) return { bounds: heldBounds(positions()), heard: 0 }
    const bounds: [number, number][] = []
    // One after the other: bases are large, and nobody waits for them.
    for (const position of positions()) bounds.push([position.partition, await boundOf(position, ask)])
    const heard = await heardThrough(
      { bus, store },
      bounds.map(([partition]) => partition),
    )
    await forget(ask.from)
    return { bounds, heard: Number.isFinite(heard) ? heard : undefined }
  }

  /** Also of what it only follows. */
  async function forget(upTo: number): Promise<void> {
    for (let partition = 0; partition < bus.realm.partitions; partition++) {
      if (store.partition(partition) === undefined) continue
      try {
        await store.trimHistory(partition, upTo)
      } catch (error) {
        if (!isFault(error, 'store.closed')) throw error
      }
    }
  }
}

/** Also from a node that owns nothing and takes a cut. */
function heldBounds(positions: readonly FoldedPartition[]): [number, number][] {
  return [[-1, 0], ...positions.map(({ partition }): [number, number] => [partition, 0])]
}
