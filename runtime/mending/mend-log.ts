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
import { type Places, placesOf, tableAfter, untouched } from '#runtime/core/incarnations.ts'
import { batchesOf, type MendPlan, planMend, recordIn, type Visible } from '#runtime/core/mend-plan.ts'
import {
  decodeMendRow,
  encodeMendRow,
  furthestOf,
  isSameTable,
  type MendReport,
  type MendRow,
  type Table,
  withBatch,
} from '#runtime/core/mend-row.ts'
import { removeBasesAbove } from '#runtime/trimming/bases.ts'
import { anchorIn, type Head, headOf, heldBehind } from './mend-held.ts'
import { trace } from '#runtime/trace.ts'

export type Peer = {
  /** As it understands the log, or by another's table. */
  head(by: Table): Promise<Head>
  held(after: number, by: Table): Promise<HeldEntry[]>
}

type World = {
  readonly raw: Bus
  readonly store: Store
  readonly clock: Clock
  /** All others that live. */
  readonly peers: readonly Peer[]
  readonly node: string
  /** What this node's positions are of. */
  readonly table: Table
}

export async function mendLog(world: World): Promise<MendRow> {
  const { raw, store, peers, table } = world
  const subject = subjects.mended(raw.realm)
  const last = await raw.last(subject)
  const { by, heads } = await headsOf(world, last === undefined ? undefined : decodeMendRow(last.data, last.seq))
  const own = { raw, store, table, by, places: placesOf(by ?? untouched) }
  const least = Math.max(...heads.map((one) => one.anchor))
  const gathered = new Map<number, HeldEntry>()
  for (const entries of [heldBehind(own, least), ...(await Promise.all(peers.map((one) => one.held(least, by))))])
    for (const entry of entries) if ((gathered.get(entry.seq)?.at ?? 0) === 0) gathered.set(entry.seq, entry)

  const { lastSeq } = await raw.logState()
  const held = [...gathered.values()]
  const anchor = Math.max(least, await anchorIn(own, held, lastSeq))
  const seqOf = (entry: HeldEntry): number => own.places.seqOf(entry.seq) ?? 0
  const behind = held.filter((entry) => seqOf(entry) > anchor)
  const upTo = Math.min(lastSeq, ...behind.map((one) => seqOf(one) - 1))
  const after = await endOf(raw, { anchor, upTo, held })
  // A new table takes the place of those that are lost.
  const lost = behind.filter((entry) => entry.subject !== subject)
  const visible = await visibleOf(own, after)
  const folded = heads.flatMap((one) => one.folded)
  const plan = planMend(lost, visible, folded)
  const [gap] = plan.gaps
  if (gap !== undefined) {
    const reason = `records ${gap.from} to ${gap.to} of partition ${gap.partition} are held by nobody; a base or a cut has to be restored`
    throw new Fault('log.shorter', { value: raw.realm.name, reason })
  }
  for (const fork of plan.forked)
    trace({ is: 'log.forked', partition: fork.partition, fault: storedFaultOf(new Fault('log.forked', fork)) })
  // Whoever made them alone had what is in them.
  await removeBasesAbove(raw, plan.tops)
  const incarnation = 1 + Math.max(...heads.map((one) => one.incarnation))
  const top = Math.max(after, ...lost.map(seqOf))
  const row: MendRow = {
    ...tableAfter(by ?? untouched, after, incarnation),
    lineage: [...(by?.lineage ?? []), [incarnation, nuid.next()]],
    isOpen: true,
    report: reportOf(world, plan, { from: own.places.positionOf(after + 1), missing: top - after - behind.length }),
  }
  const previous = lastPositions(plan, visible, placesOf(row))
  return await appendAgain(world, plan, { row, rowSeq: last?.seq ?? 0, previous })
}

/** Of all that live, by the table that goes furthest: the log may have lost it, and kept what it speaks of. */
async function headsOf(
  { raw, store, peers, table }: World,
  onLog: Table,
): Promise<{ readonly by: Table; readonly heads: readonly Head[] }> {
  const first = await Promise.all(peers.map((one) => one.head(undefined)))
  const by = furthestOf(onLog, table, ...first.map((one) => one.table))
  const others = peers.map(async (peer, at) => {
    const head = first[at] as Head
    return isSameTable(furthestOf(onLog, head.table), by) ? head : await peer.head(by)
  })
  return { by, heads: await Promise.all([headOf({ raw, store, table, by }), ...others]) }
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

function reportOf(
  { clock, node }: World,
  { entries }: MendPlan,
  { from, missing }: { readonly from: number; readonly missing: number },
): MendReport {
  const to = entries.at(-1)?.seq ?? from - 1
  // Nobody held them: outsiders' events that no owner had folded, what was removed, what a mending itself wrote.
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
  const { firstSeq, lastSeq, entries: count } = await raw.logState()
  const isWhole = firstSeq <= 1 && count === lastSeq - firstSeq + 1
  for (let partition = 0; partition < raw.realm.partitions; partition++) {
    const ends = await Promise.all([
      raw.lastMatching(subjects.commit(raw.realm, partition)),
      raw.lastMatching(subjects.sentBy(raw.realm, partition)),
    ])
    const seqs = ends.map((one) => one ?? 0)
    // A claim names what stood before it among the commits, so both places where records stand are looked at.
    const found = await Promise.all(seqs.map((from) => walkBack(log, { partition, from, after })))
    const [one, other] = found as [Visible, Visible]
    const n = Math.max(one.n ?? 0, other.n ?? 0)
    const wentOn = Math.min(one.wentOn ?? Number.POSITIVE_INFINITY, other.wentOn ?? Number.POSITIVE_INFINITY)
    visible.set(partition, {
      // None at all, where something was trimmed: there may have been some.
      n: n === 0 && !isWhole ? undefined : n,
      epoch: Math.max(one.epoch, other.epoch),
      wentOn: Number.isFinite(wentOn) ? wentOn : undefined,
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
    const previous = record === undefined || record.is === 'part' ? undefined : places.seqOf(record.previous)
    // An envelope of a batch, or a part, stands before its record; its neighbours are looked at one by one.
    // So are those of a mending's first claims, which name what was to be appended again behind them.
    seq = previous === undefined || previous >= seq ? seq - 1 : previous
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
    row = withBatch(next, rowSeq, positions)
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
