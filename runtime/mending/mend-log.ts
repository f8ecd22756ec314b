/**
 * Appends again what the log lost: the clause "one atomic commit to the realm's log", for a server
 * that forgot. Invariants: each batch begins with the table that says which positions its entries
 * have, and is refused when another wrote that table meanwhile, so one mends at a time and whoever
 * comes after it goes on where it stopped; every partition is claimed before the first and behind
 * the last, so that no owner of before writes in between.
 */
import { nuid } from '@nats-io/nats-core'
import { Fault, storedFaultOf } from '#protocol/fault.ts'
import type { HeldEntry } from '#protocol/held.ts'
import { encodeRecord } from '#protocol/record.ts'
import { subjects } from '#protocol/subject.ts'
import type { Store } from '#store/store.ts'
import type { Bus, Entry } from '#runtime/bus.ts'
import type { Clock } from '#runtime/clock.ts'
import {
  decodeMendRow,
  encodeMendRow,
  type MendReport,
  type MendRow,
  type Places,
  placesOf,
  tableAfter,
  untouched,
} from '#runtime/core/incarnations.ts'
import { batchesOf, type MendPlan, planMend, recordIn, type Visible } from '#runtime/core/mend-plan.ts'
import { anchorIn, type Head, headOf, heldBehind } from './mend-held.ts'
import { trace } from '#runtime/trace.ts'

export type Peer = {
  head(): Promise<Head>
  held(after: number): Promise<HeldEntry[]>
}

type World = {
  readonly raw: Bus
  readonly store: Store
  readonly clock: Clock
  /** All others that live. */
  readonly peers: readonly Peer[]
  readonly node: string
}

export async function mendLog(world: World): Promise<MendRow> {
  const { raw, store, peers } = world
  const subject = subjects.mended(raw.realm)
  const last = await raw.last(subject)
  const before = last === undefined ? undefined : decodeMendRow(last.data, last.seq)
  const own = { raw, store, places: placesOf(before ?? untouched) }
  const heads = await Promise.all([headOf(own), ...peers.map((one) => one.head())])
  const least = Math.max(...heads.map((one) => one.anchor))
  const gathered = new Map<number, HeldEntry>()
  for (const entries of [heldBehind(own, least), ...(await Promise.all(peers.map((one) => one.held(least))))])
    for (const entry of entries) if ((gathered.get(entry.seq)?.at ?? 0) === 0) gathered.set(entry.seq, entry)

  const { lastSeq } = await raw.logState()
  const held = [...gathered.values()]
  const anchor = Math.max(least, await anchorIn(own, held, lastSeq))
  const seqOf = (entry: HeldEntry): number => own.places.seqOf(entry.seq) ?? Number.POSITIVE_INFINITY
  const lost = held.filter((entry) => seqOf(entry) > anchor)
  const after = await endOf(raw, { anchor, upTo: Math.min(lastSeq, ...lost.map((one) => seqOf(one) - 1)), held })
  const visible = await visibleOf(own, after)
  const plan = planMend(
    lost,
    visible,
    heads.flatMap((one) => one.folded),
  )
  const [gap] = plan.gaps
  if (gap !== undefined) {
    const reason = `records ${gap.from} to ${gap.to} of partition ${gap.partition} are held by nobody; a base or a cut has to be restored`
    throw new Fault('log.shorter', { value: raw.realm.name, reason })
  }
  for (const fork of plan.forked)
    trace({ is: 'log.forked', partition: fork.partition, fault: storedFaultOf(new Fault('log.forked', fork)) })
  const incarnation = 1 + Math.max(...heads.map((one) => one.incarnation))
  const row: MendRow = {
    ...tableAfter(before ?? untouched, after, incarnation),
    isOpen: true,
    report: reportOf(world, own.places.positionOf(after + 1), plan),
  }
  const previous = lastPositions(plan, visible, placesOf(row))
  return await appendAgain(world, plan, { row, rowSeq: last?.seq ?? 0, previous })
}

/** Under which its partition is found again. */
function lastPositions(plan: MendPlan, visible: ReadonlyMap<number, Visible>, places: Places): Map<number, number> {
  const last = new Map<number, number>()
  for (const [partition, { seq }] of visible) last.set(partition, places.positionOf(seq))
  for (const entry of plan.entries) {
    const record = recordIn(entry)
    if (record !== undefined) last.set(record.partition, entry.seq)
  }
  return last
}

function reportOf({ clock, node }: World, from: number, { entries }: MendPlan): MendReport {
  const to = entries.at(-1)?.seq ?? from - 1
  // Positions that nobody held were outsiders' events that no owner had folded, or stand in gaps of older mendings.
  const missing = Math.max(0, to - from + 1 - entries.length)
  return { from, to, entries: entries.length, missing, at: clock.now(), node }
}

/**
 * Behind the last entry that is held come some that nobody consumed: from before the loss, or new
 * ones. The server's clock tells, as far as it can; either way an owner reads them.
 */
async function endOf(
  raw: Bus,
  { anchor, upTo, held }: { readonly anchor: number; readonly upTo: number; readonly held: readonly HeldEntry[] },
): Promise<number> {
  const newest = held.reduce((most, { at }) => Math.max(most, at), (await raw.get(anchor))?.at ?? 0)
  let low = anchor
  let high = Math.max(anchor, upTo)
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    const entry = await raw.get(middle)
    if (entry === undefined || entry.at <= newest) low = middle
    else high = middle - 1
  }
  return low
}

type Shown = { readonly raw: Bus; readonly places: Places }

/** How far the log has each partition, and whether somebody went on behind its end. */
async function visibleOf(log: Shown, after: number): Promise<Map<number, Visible>> {
  const { raw } = log
  const visible = new Map<number, Visible>()
  for (let partition = 0; partition < raw.realm.partitions; partition++) {
    const ends = await Promise.all([
      raw.lastMatching(subjects.commit(raw.realm, partition)),
      raw.lastMatching(subjects.sentBy(raw.realm, partition)),
    ])
    const seqs = ends.map((one) => one ?? 0)
    // A claim names what stood before it among the commits, so both places where records stand are looked at.
    const found = await Promise.all(seqs.map((from) => walkBack(log, { partition, from, after })))
    const [one, other] = found as [Visible, Visible]
    visible.set(partition, {
      n: one.n === undefined || other.n === undefined ? (one.n ?? other.n) : Math.max(one.n, other.n),
      epoch: Math.max(one.epoch, other.epoch),
      wentOn: one.wentOn ?? other.wentOn,
      seq: Math.max(...seqs),
    })
  }
  return visible
}

async function walkBack(
  { raw, places }: Shown,
  { partition, from, after }: { readonly partition: number; readonly from: number; readonly after: number },
): Promise<Visible> {
  let epoch = 0
  let wentOn: number | undefined
  for (let seq = from; seq > 0;) {
    const entry = await raw.get(seq)
    if (entry === undefined) return { n: undefined, epoch, wentOn, seq: from }
    const found = recordIn(entry)
    const record = found?.partition === partition ? found : undefined
    epoch = Math.max(epoch, record?.epoch ?? 0)
    if (record?.is === 'commit' || record?.is === 'part') {
      if (seq <= after) return { n: record.n, epoch, wentOn, seq: from }
      wentOn = record.n
    }
    // An envelope of a batch, or a part, stands before its record; its neighbours are looked at one by one.
    seq = record === undefined || record.is === 'part' ? seq - 1 : (places.seqOf(record.previous) ?? seq - 1)
  }
  return { n: 0, epoch, wentOn, seq: from }
}

async function appendAgain(
  { raw, clock, node }: World,
  plan: MendPlan,
  begun: { readonly row: MendRow; readonly rowSeq: number; readonly previous: ReadonlyMap<number, number> },
): Promise<MendRow> {
  const subject = subjects.mended(raw.realm)
  let { row, rowSeq } = begun

  /** A row and what belongs to it, or nothing: `bus.conflict` when another one mends. */
  async function put(next: MendRow, entries: readonly Entry[], positions: readonly number[]): Promise<void> {
    const data = encodeMendRow(next, positions)
    const { seq } = await raw.appendAll([{ subject, data, check: { seq: rowSeq } }, ...entries])
    rowSeq = seq - entries.length
    row = decodeMendRow(data, rowSeq)
  }

  function claims(above: number): Entry[] {
    return Array.from({ length: raw.realm.partitions }, (_, partition) => ({
      subject: subjects.commit(raw.realm, partition),
      data: encodeRecord({
        is: 'claim',
        generation: raw.realm.generation,
        partition,
        epoch: (plan.epochs.get(partition) ?? 0) + above,
        previous: begun.previous.get(partition) ?? 0,
        nonce: nuid.next(),
        node,
        at: clock.now(),
      }),
    }))
  }

  await put(row, claims(1), [])
  for (const batch of batchesOf(plan.entries)) {
    await put(
      row,
      batch.map(({ subject: to, data }) => ({ subject: to, data })),
      batch.map(({ seq }) => seq),
    )
  }
  await put({ ...row, isOpen: false }, claims(2), [])
  trace({ is: 'log.mended', ...row.report })
  return row
}
