/**
 * Says of a cut whether it is consistent, from the log alone: which record consumed what, which
 * record sent what, and what states follow. It shares only the formats with the engine. The laws:
 *
 * - what was consumed before the cut was sent before it;
 * - of what was sent before it, everything is either consumed before it or in flight, once;
 * - what stood in a mailbox from outside before the marker is consumed or in flight; nothing later is;
 * - what was emitted before it is in flight as long as somebody who subscribed has not heard it;
 * - each slice holds the states that follow from its partition's records up to the recorded one,
 *   and says of each actor whether it waits for an instant, for an effect, for what others emit.
 */
import { isDeepStrictEqual } from 'node:util'
import type { Address } from '#protocol/address.ts'
import { decode } from '#protocol/codec.ts'
import type { CutManifest, CutSlice, FlightRow, StateRow } from '#protocol/cut.ts'
import { apply } from '#protocol/delta.ts'
import { decodeEnvelope } from '#protocol/envelope.ts'
import { type CommitRecord, decodeRecord, type RecordPart } from '#protocol/record.ts'
import { partitionOf } from '#protocol/partition.ts'
import { type ActorState, stateOfArray } from '#protocol/state.ts'
import { matches, parseStored, type Sender } from '#protocol/subject.ts'
import type { LogEntry } from '#runtime/bus.ts'

export type TakenCut = {
  readonly manifest: CutManifest
  readonly slices: readonly CutSlice[]
  readonly states: readonly StateRow[]
  readonly flights: readonly FlightRow[]
}

type Sent = {
  readonly sender: Sender
  readonly to: number
  readonly n: number
  readonly index: number
  readonly seq: number
}

type Log = {
  /** By partition, its records in the order of their numbers. */
  readonly records: ReadonlyMap<number, readonly CommitRecord[]>
  readonly sent: readonly Sent[]
  /** Of an entry of a mailbox, the number of the record that took it; copies are not taken. */
  readonly taken: ReadonlyMap<number, number>
  readonly emitted: readonly Emitted[]
}

/** `n`: the record whose commit it stands in. */
type Emitted = { readonly seq: number; readonly told: string; readonly partition: number; readonly n: number }

export function cutFaultsOf(entries: readonly LogEntry[], cuts: readonly TakenCut[]): string[] {
  const log = logOf(entries, cuts[0]?.manifest)
  return cuts.flatMap((cut) => faultsOf(log, cut).map((fault) => `cut ${cut.manifest.id}: ${fault}`))
}

function logOf(
  entries: readonly LogEntry[],
  { realm, partitions }: Pick<CutManifest, 'realm' | 'partitions'> = { realm: '', partitions: 1 },
): Log {
  const records = new Map<number, CommitRecord[]>()
  const parts = new Map<string, RecordPart[]>()
  const sent: Sent[] = []
  const taken = new Map<number, number>()
  const emitted: Emitted[] = []
  /** Of a commit that is not at its record yet. */
  const untold = new Map<number, Omit<Emitted, 'n'>[]>()

  function take(record: CommitRecord): void {
    for (const one of untold.get(record.partition) ?? []) emitted.push({ ...one, n: record.n })
    untold.delete(record.partition)
    const known = records.get(record.partition) ?? []
    records.set(record.partition, known)
    if (record.n <= known.length) return
    known.push(record)
    for (const { seq, mark } of record.steps)
      if (seq !== 0 && mark !== 'duplicate' && mark !== 'early') taken.set(seq, record.n)
  }

  for (const { subject, data, seq } of entries) {
    const stored = parseStored(subject)
    if (stored.is === 'commit' && !subject.endsWith('.mended')) {
      const record = decodeRecord(data)
      if (record.is === 'commit') take(record)
      if (record.is !== 'part') continue
      const key = `${record.partition}.${record.epoch}.${record.n}`
      const all = [...(parts.get(key) ?? []), record]
      parts.set(key, all)
      if (all.length === record.parts) take(decodeRecord(Buffer.concat(all.map(({ bytes }) => bytes))) as CommitRecord)
    } else if (stored.is === 'in' && stored.sender !== 'm') {
      const { sender, partition: to, address } = stored
      if (sender === 'x') {
        sent.push({ sender, to, n: 0, index: 0, seq })
        continue
      }
      const { envelope, record } = decodeEnvelope(address, data)
      sent.push({ sender, to, n: envelope.n, index: envelope.index, seq })
      const inside = record === undefined ? undefined : decodeRecord(record)
      if (inside?.is === 'commit') take(inside)
    } else if (stored.is === 'ev') {
      const partition = partitionOf(stored.address, partitions)
      const told = subject.slice(realm.length + 4)
      untold.set(partition, [...(untold.get(partition) ?? []), { seq, told, partition }])
    }
  }
  return { records, sent, taken, emitted }
}

function faultsOf(log: Log, { manifest, slices, states, flights }: TakenCut): string[] {
  const faults: string[] = []
  const at = new Map(slices.map((slice) => [slice.partition, slice] as const))
  if (at.size !== manifest.partitions) return [`it has slices of ${at.size} of ${manifest.partitions} partitions`]
  for (const slice of slices) {
    const record = log.records.get(slice.partition)?.[slice.position.n - 1]
    if (record?.cut?.[0] !== manifest.id)
      faults.push(`partition ${slice.partition} recorded at ${slice.position.n}, which is no marker commit of it`)
    else if (record.changes.length > 0) faults.push(`the marker commit of partition ${slice.partition} changes states`)
    if (slice.position.cursor > slice.marker) faults.push(`partition ${slice.partition} had read past its marker`)
  }
  const shown = new Map(states.map(([address, state]) => [address, state === null ? undefined : decode(state)]))
  faults.push(...channelFaults(log, at, flights), ...stateFaults(log, slices, shown))
  faults.push(...topicFaults(log, at, { flights, shown }), ...needFaults(states))
  return faults
}

type Shown = ReadonlyMap<Address, unknown>

function topicFaults(
  { emitted }: Log,
  at: ReadonlyMap<number, CutSlice>,
  { flights, shown }: { readonly flights: readonly FlightRow[]; readonly shown: Shown },
): string[] {
  const subscribed = [...shown.values()].flatMap((state) => stateOfArray(state as unknown[]).book.subscriptions ?? [])
  const flown = new Set(flights.map(([seq]) => seq))
  return emitted.flatMap(({ seq, told, partition, n }) => {
    const isSent = n <= (at.get(partition) as CutSlice).position.n
    const isDue = isSent && subscribed.some(({ pattern, from }) => seq > from && matches(pattern, told))
    if (flown.has(seq) === isDue) return []
    const why = isDue ? 'somebody has still to hear it' : isSent ? 'all have heard it' : 'it was emitted after the cut'
    return [`${told} at ${seq} is ${isDue ? 'not ' : ''}in flight although ${why}`]
  })
}

/** By these whoever restores it knows whom to wake. */
function needFaults(states: readonly StateRow[]): string[] {
  return states.flatMap(([address, bytes, due, flags = 0]) => {
    if (bytes === null) return []
    const { book } = stateOfArray(decode(bytes) as unknown[]) satisfies ActorState
    const faults: string[] = []
    if (book.timers !== undefined && book.ended === undefined && typeof due !== 'number')
      faults.push(`${address} has a timer, and its row no instant`)
    if (
      ((flags & 1) === 1) !==
      (book.effects !== undefined || book.outbox !== undefined || book.deferred !== undefined)
    )
      faults.push(`what ${address} has still to do and what its row says are not the same`)
    if (((flags & 2) === 2) !== (book.subscriptions !== undefined))
      faults.push(`the subscriptions of ${address} and what its row says are not the same`)
    return faults
  })
}

function channelFaults(log: Log, at: ReadonlyMap<number, CutSlice>, flights: readonly FlightRow[]): string[] {
  const faults: string[] = []
  const inFlight = new Map<string, number>()
  const flown = new Set(flights.map(([seq]) => seq))
  const identified = new Map<
    string,
    { readonly sender: number; readonly to: number; readonly n: number; takenBy: number | undefined }
  >()
  for (const { sender, to, n, index, seq } of log.sent) {
    const receiver = at.get(to) as CutSlice
    const takenBy = log.taken.get(seq)
    const isTaken = takenBy !== undefined && takenBy <= receiver.position.n
    if (typeof sender !== 'number') {
      const isDue = seq < receiver.marker && seq > receiver.position.cursor
      if (flown.has(seq) !== isDue)
        faults.push(`entry ${seq} from ${sender} to ${to} is ${isDue ? 'not ' : ''}in flight`)
      if (isTaken && seq > receiver.marker)
        faults.push(`entry ${seq} from ${sender} was consumed from behind the marker`)
      continue
    }
    const identity = `${sender} to ${to}: ${n}.${index}`
    const known = identified.get(identity) ?? { sender, to, n, takenBy: undefined }
    identified.set(identity, known)
    if (takenBy !== undefined) known.takenBy = takenBy
    if (flown.has(seq)) inFlight.set(identity, (inFlight.get(identity) ?? 0) + 1)
  }
  for (const [identity, { sender, to, n, takenBy }] of identified) {
    const isSent = n <= (at.get(sender) as CutSlice).position.n
    const isTaken = takenBy !== undefined && takenBy <= (at.get(to) as CutSlice).position.n
    const count = inFlight.get(identity) ?? 0
    if (isTaken && !isSent) faults.push(`an effect without its cause: ${identity} was consumed before and sent after`)
    if (isSent && !isTaken && count !== 1)
      faults.push(`${identity} was sent before, not consumed, and is in flight ${count} times`)
    if ((isTaken || !isSent) && count > 0)
      faults.push(`${identity} is in flight although ${isTaken ? 'it was consumed' : 'it was not sent'}`)
  }
  return faults
}

function stateFaults(log: Log, slices: readonly CutSlice[], shown: Shown): string[] {
  const folded = new Map<Address, unknown>()
  for (const { partition, position } of slices) {
    for (const record of log.records.get(partition)?.slice(0, position.n) ?? []) {
      for (const change of record.changes) {
        if (change.is === 'gone') folded.delete(change.address)
        else if (change.is === 'full') folded.set(change.address, decode(change.state))
        else folded.set(change.address, apply(folded.get(change.address) ?? [], change.delta))
      }
    }
  }
  const faults: string[] = []
  for (const address of new Set([...folded.keys(), ...shown.keys()]))
    if (!isDeepStrictEqual(folded.get(address), shown.get(address)))
      faults.push(
        `of ${address} it says ${JSON.stringify(shown.get(address))?.slice(0, 200)}, and the log ${JSON.stringify(folded.get(address))?.slice(0, 200)}`,
      )
  return faults
}
