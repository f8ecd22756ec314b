/**
 * Reads a log from the outside and says which of its laws are broken. It shares only the formats
 * with the engine: it folds by itself, counts by itself, and believes no owner. The laws:
 *
 * - nothing of an older epoch stands behind a claim, and epochs grow;
 * - the numbers of a partition's records have no gap, and a second record of one number is the
 *   very same bytes, inside an envelope (only the cheap path may leave copies);
 * - every entry of a mailbox is consumed once, at rest all of them are, and of several copies of
 *   one envelope exactly one counts;
 * - cursors never go back.
 */
import type { Address } from '#protocol/address.ts'
import { decode } from '#protocol/codec.ts'
import { apply } from '#protocol/delta.ts'
import { type Arrived, decodeEnvelope } from '#protocol/envelope.ts'
import { decodeOutside } from '#protocol/outside.ts'
import { type Change, type CommitRecord, decodeRecord, type RecordPart, type StepNote } from '#protocol/record.ts'
import { type ActorState, stateOfArray } from '#protocol/state.ts'
import { parseStored } from '#protocol/subject.ts'
import type { LogEntry } from '#runtime/bus.ts'

export type Audit = {
  /** What is broken, in sentences. */
  readonly faults: readonly string[]
  readonly states: ReadonlyMap<Address, ActorState>
  readonly records: number
  readonly copies: number
  readonly claims: number
  readonly consumed: number
  /** Envelopes that came more than once. */
  readonly duplicates: number
  readonly parked: readonly { readonly address: Address; readonly seq: number }[]
}

type Fold = { epoch: number; n: number; cursor: number; bytes: Map<number, string>; parts: RecordPart[] }

/** `atRest`: the system has come to rest, so that nothing may be left unconsumed. */
export function auditOf(entries: readonly LogEntry[], { atRest }: { readonly atRest: boolean }): Audit {
  const faults: string[] = []
  const folds = new Map<number, Fold>()
  const arrays = new Map<Address, unknown[]>()
  const notes = new Map<number, StepNote>()
  const mailbox: { readonly partition: number; readonly envelope: Arrived | undefined; readonly entry: LogEntry }[] = []
  const parked: { address: Address; seq: number }[] = []
  let records = 0
  let copies = 0
  let claims = 0
  let before = 0

  function foldOf(partition: number): Fold {
    const fold = folds.get(partition) ?? { epoch: 0, n: 0, cursor: 0, bytes: new Map(), parts: [] }
    folds.set(partition, fold)
    return fold
  }

  function isStale(partition: number, epoch: number, what: string): void {
    const { epoch: claimed } = foldOf(partition)
    if (epoch !== claimed)
      faults.push(`stale write: ${what} of partition ${partition} has epoch ${epoch}, but ${claimed} is claimed`)
  }

  function takeRecord(record: CommitRecord, bytes: Uint8Array, seq: number, inside: boolean): void {
    const { partition, n, epoch } = record
    const fold = foldOf(partition)
    const what = `record ${n} at ${seq}`
    isStale(partition, epoch, what)
    const text = Buffer.from(bytes).toString('base64')
    if (n <= fold.n) {
      copies++
      if (!inside) faults.push(`the fence was passed twice: ${what} of partition ${partition} is a copy`)
      if (fold.bytes.get(n) !== text)
        faults.push(`two records of one number: ${what} of partition ${partition} differs from the first`)
      return
    }
    if (n !== fold.n + 1) faults.push(`a gap in the numbers: ${what} of partition ${partition} follows ${fold.n}`)
    records++
    fold.n = n
    fold.bytes.set(n, text)
    if (record.cursor < fold.cursor)
      faults.push(`the cursor goes back: ${what} of partition ${partition} from ${fold.cursor} to ${record.cursor}`)
    fold.cursor = record.cursor
    for (const change of record.changes) takeChange(change, what)
    for (const note of record.steps) {
      if (note.seq === 0) continue
      if (notes.has(note.seq))
        faults.push(`consumed twice: entry ${note.seq} (${note.type}), again by ${what} of partition ${partition}`)
      notes.set(note.seq, note)
      if (note.seq > record.cursor)
        faults.push(`the cursor ${record.cursor} lies before entry ${note.seq}, which ${what} consumed`)
    }
  }

  function takeChange(change: Change, what: string): void {
    const { address } = change
    if (change.is === 'gone') arrays.delete(address)
    else if (change.is === 'full') arrays.set(address, decode(change.state) as unknown[])
    else {
      try {
        arrays.set(address, apply(arrays.get(address) ?? [], change.delta) as unknown[])
      } catch (error) {
        faults.push(`the difference of ${address} in ${what} does not fit: ${String(error)}`)
      }
    }
  }

  function takeCommitEntry(entry: LogEntry): void {
    const record = decodeRecord(entry.data)
    if (record.is === 'claim') {
      claims++
      const fold = foldOf(record.partition)
      if (record.epoch <= fold.epoch)
        faults.push(
          `epochs do not grow: claim ${record.epoch} of partition ${record.partition} at ${entry.seq} after ${fold.epoch}`,
        )
      fold.epoch = record.epoch
      fold.parts = []
    } else if (record.is === 'commit') {
      takeRecord(record, entry.data, entry.seq, false)
    } else {
      isStale(record.partition, record.epoch, `part of record ${record.n} at ${entry.seq}`)
      const { parts } = foldOf(record.partition)
      parts.push(record)
      if (parts.length < record.parts) return
      const bytes = Buffer.concat(parts.splice(0).map((one) => one.bytes))
      takeRecord(decodeRecord(bytes) as CommitRecord, bytes, entry.seq, false)
    }
  }

  for (const entry of entries) {
    if (entry.seq <= before) faults.push(`the log goes back: ${entry.seq} after ${before}`)
    before = entry.seq
    const stored = parseStored(entry.subject)
    // What a mended log says of itself is nobody's record.
    if (entry.subject.endsWith('.commit.mended')) continue
    if (stored.is === 'commit') takeCommitEntry(entry)
    else if (stored.is === 'parked') parked.push({ address: stored.address, seq: entry.seq })
    else if (stored.is === 'in') {
      const { sender, address, partition } = stored
      if (sender === 'm') continue
      if (sender === 'x') {
        mailbox.push({ partition, entry, envelope: outsideOf(entry, address) })
      } else {
        const { envelope, record } = decodeEnvelope(address, entry.data)
        mailbox.push({ partition, entry, envelope: { ...envelope, seq: entry.seq, sender } })
        const inside = record === undefined ? undefined : decodeRecord(record)
        if (record !== undefined && inside?.is === 'commit') takeRecord(inside, record, entry.seq, true)
      }
    }
  }

  // What each envelope came to, by the identity that its sender gave it.
  const counted = new Map<string, number>()
  const came = new Map<string, number>()
  let consumed = 0
  for (const { partition, envelope, entry } of mailbox) {
    const note = notes.get(entry.seq)
    if (note !== undefined) consumed++
    else if (atRest)
      faults.push(`never consumed: entry ${entry.seq} (${entry.subject}), cursor ${foldOf(partition).cursor}`)
    const identity = identityOf(partition, envelope)
    if (identity === undefined) continue
    came.set(identity, (came.get(identity) ?? 0) + 1)
    if (note !== undefined && note.mark !== 'duplicate' && note.mark !== 'early')
      counted.set(identity, (counted.get(identity) ?? 0) + 1)
  }
  let duplicates = 0
  for (const [identity, count] of came) {
    if (count > 1) duplicates++
    const times = counted.get(identity) ?? 0
    if (times > 1) faults.push(`applied ${times} times: envelope ${identity}`)
    if (times === 0 && atRest && !identity.startsWith('x')) faults.push(`never applied: envelope ${identity}`)
  }
  const states = new Map([...arrays].map(([address, array]) => [address, stateOfArray(array)]))
  return { faults, states, records, copies, claims, consumed, duplicates, parked }
}

function outsideOf(entry: LogEntry, to: Address): Arrived | undefined {
  try {
    return { ...decodeOutside({ to, at: entry.at, bytes: entry.data, id: entry.id }), seq: entry.seq, sender: 'x' }
  } catch {
    return undefined
  }
}

function identityOf(partition: number, envelope: Arrived | undefined): string | undefined {
  if (envelope === undefined) return undefined
  const { sender, n, index, session } = envelope
  if (typeof sender === 'number') return `${sender} to ${partition}: ${n}.${index}`
  return sender === 'x' && session !== undefined ? `x ${session} to ${partition}: ${n}` : undefined
}
