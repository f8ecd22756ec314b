/**
 * What has to be appended again when the log lost its end, given what the nodes hold and what the
 * log still has. It serves the clause "one atomic commit to the realm's log". Pure. Invariants: of
 * each partition the records that come back continue its numbers without a gap up to the highest
 * that anybody folded, or nothing is written at all; a partition whose numbers went on meanwhile
 * gets nothing back, because two histories cannot be one.
 */
import { decodeEnvelope } from '#protocol/envelope.ts'
import type { HeldEntry } from '#protocol/held.ts'
import { type AnyRecord, decodeRecord } from '#protocol/record.ts'
import { parseStored } from '#protocol/subject.ts'

/** What the log shows of a partition: its last number that is not lost, unknown when it was trimmed. */
export type Visible = {
  readonly n: number | undefined
  readonly epoch: number
  /** Somebody committed onto the shorter log. */
  readonly wentOn: number | undefined
  /** Of the last entry that its owners wrote; 0 for none. */
  readonly seq: number
}

/** How far a node has folded a partition, or, with epoch 0, up to which record it took something that it sent. */
export type Folded = { readonly partition: number; readonly epoch: number; readonly n: number }

export type MendPlan = {
  /** In the order of their positions. */
  readonly entries: readonly HeldEntry[]
  /** Above every epoch that anybody saw. */
  readonly epochs: ReadonlyMap<number, number>
  readonly forked: readonly { readonly partition: number; readonly have: number; readonly want: number }[]
  /** Of each partition whose numbers are known, the highest that is on the log when all of it stands there again. */
  readonly tops: ReadonlyMap<number, number>
  /** What is held by nobody; then the rest is not to be appended. */
  readonly gaps: readonly { readonly partition: number; readonly from: number; readonly to: number }[]
}

export function recordIn({ subject, data }: Pick<HeldEntry, 'subject' | 'data'>): AnyRecord | undefined {
  const stored = parseStored(subject)
  if (stored.is === 'commit') return Number.isNaN(stored.partition) ? undefined : decodeRecord(data)
  if (stored.is !== 'in' || typeof stored.sender !== 'number') return undefined
  const { record } = decodeEnvelope(stored.address, data)
  return record === undefined ? undefined : decodeRecord(record)
}

export function planMend(
  lost: readonly HeldEntry[],
  visible: ReadonlyMap<number, Visible>,
  folded: readonly Folded[],
): MendPlan {
  const numbers = new Map<number, Set<number>>()
  const epochs = new Map<number, number>()
  const top = new Map<number, number>()
  const raise = (map: Map<number, number>, partition: number, value: number): void =>
    void map.set(partition, Math.max(map.get(partition) ?? 0, value))
  const authors = lost.map((entry) => {
    const record = recordIn(entry)
    if (record === undefined) return authorOf(entry)
    raise(epochs, record.partition, record.epoch)
    if (record.is === 'claim') return record.partition
    raise(top, record.partition, record.n)
    numbers.set(record.partition, (numbers.get(record.partition) ?? new Set()).add(record.n))
    return record.partition
  })
  const known = new Map<number, number>()
  for (const { partition, epoch, n } of folded) {
    raise(epochs, partition, epoch)
    raise(epoch === 0 ? known : top, partition, n)
  }
  for (const [partition, { epoch }] of visible) raise(epochs, partition, epoch)

  const forked: MendPlan['forked'][number][] = []
  const gaps: MendPlan['gaps'][number][] = []
  for (const partition of new Set([...top.keys(), ...known.keys()])) {
    const folds = top.get(partition) ?? 0
    const have = Math.max(folds, known.get(partition) ?? 0)
    const { n, wentOn } = visible.get(partition) ?? { n: 0, wentOn: undefined }
    const held = numbers.get(partition) ?? new Set()
    if (wentOn !== undefined && folds >= wentOn) forked.push({ partition, have: folds, want: wentOn })
    // What was trimmed is older than anything that can be lost, so of such a partition the first that is held is the first.
    const first = n === undefined ? Math.min(...held) : n + 1
    for (let missing = first; missing <= have && wentOn === undefined; missing++) {
      if (held.has(missing)) continue
      gaps.push({ partition, from: missing, to: have })
      break
    }
  }
  const refused = new Set(forked.map(({ partition }) => partition))
  const entries = lost
    .filter((_, at) => !refused.has(authors[at] as number))
    .toSorted((one, other) => one.seq - other.seq)
  return { entries, epochs, forked, gaps, tops: topsOf(visible, top) }
}

/** Nothing is said of a partition that was trimmed, or that somebody went on with. */
function topsOf(visible: ReadonlyMap<number, Visible>, held: ReadonlyMap<number, number>): Map<number, number> {
  const tops = new Map<number, number>()
  for (const [partition, { n, wentOn }] of visible)
    if (n !== undefined && wentOn === undefined) tops.set(partition, Math.max(n, held.get(partition) ?? 0))
  return tops
}

/** The partition whose commit it came with; nothing for what came from outside. */
function authorOf({ subject }: HeldEntry): number | undefined {
  const stored = parseStored(subject)
  return stored.is === 'in' && typeof stored.sender === 'number' ? stored.sender : undefined
}

/** Entries and bytes of one batch. */
const batchEntries = 900
const batchBytes = 2_000_000

export function batchesOf(entries: readonly HeldEntry[]): HeldEntry[][] {
  const batches: HeldEntry[][] = []
  let bytes = 0
  for (const entry of entries) {
    const last = batches.at(-1)
    bytes += entry.data.length
    if (last === undefined || last.length >= batchEntries || bytes > batchBytes) {
      batches.push([entry])
      bytes = entry.data.length
    } else last.push(entry)
  }
  return batches
}
