/**
 * One commit from what has been stepped: which steps go into it, in which form, and its entries.
 * It serves the clause "one atomic commit to the realm's log". Pure.
 *
 * A commit that sends nothing is one plain publish of its record; one whose only output is one
 * envelope to an actor carries the record inside that envelope; everything else is an atomic
 * batch. On one replica a batch is staged in a directory of its own (about 3 ms against 0.15),
 * so a few single sends are cheaper one by one, and many are cheaper together.
 */
import type { Address } from '#protocol/address.ts'
import { encodeAnswer } from '#protocol/answer.ts'
import { encodeEnvelope, type Envelope } from '#protocol/envelope.ts'
import { limits } from '#protocol/limits.ts'
import { encodeParked, parkedEntryBytes } from '#protocol/parked.ts'
import { partitionOf } from '#protocol/partition.ts'
import type { Realm } from '#protocol/realm.ts'
import { type Change, type CommitRecord, encodeRecord, type MarkedCut, type StepNote } from '#protocol/record.ts'
import { subjects } from '#protocol/subject.ts'
import type { Deed, Output } from './arrival.ts'
import type { LiveNeeds } from './needs.ts'
import { emittedBytes } from './emitted.ts'

/** An outsider's payload of the usual max_payload of 1 MiB, cut. */
const parkedMost = 23

/** One step that waits for its commit. */
export type Staged = {
  readonly address: Address
  readonly changes: readonly Change[]
  /** For each change, why its actor must not be forgotten while it is idle. */
  readonly needs: readonly (LiveNeeds | undefined)[]
  readonly outputs: readonly Output[]
  readonly deeds: readonly Deed[]
  readonly note: Omit<StepNote, 'change'>
  /** A step before it that cannot be committed without it. */
  readonly first?: Omit<StepNote, 'change'> | undefined
  /** The log sequence that this step consumed; nothing for what was never on the log. */
  readonly cursor: number | undefined
  readonly mark: readonly [number, number, number] | undefined
  readonly client: readonly [string, number, number] | undefined
  readonly traceparent: string | undefined
  /** The raw payload of an envelope that could not be decoded. */
  readonly raw: Uint8Array | undefined
  /** A cut begins here: its record stands alone, behind everything that was stepped before. */
  readonly cut?: MarkedCut | undefined
}

export type Form = 'record' | 'cheap' | 'batch'

/** How many of the staged steps the next commit takes, and how. */
export function chooseForm(
  staged: readonly Staged[],
  options: { readonly cheapMost: number; readonly entriesMost: number; readonly bytesMost: number },
): { readonly steps: number; readonly form: Form } {
  let outputs = 0
  let weight = 0
  let bytes = 0
  let prefix = 0
  let inPrefix = 0
  let open = true
  let whole = 0
  for (const one of staged) {
    if (one.cut !== undefined) {
      if (whole === 0) return { steps: 1, form: 'record' }
      break
    }
    const more = one.outputs.length
    weight += weightOf(one)
    for (const change of one.changes)
      bytes += change.is === 'full' ? change.state.length : change.is === 'delta' ? change.delta.length : 0
    // The first one always goes, whatever it weighs: a commit of nothing would be made for ever.
    if ((weight > options.entriesMost || bytes > options.bytesMost) && whole > 0) break
    outputs += more
    whole++
    if (!open) continue
    if (more === 0 || (more === 1 && inPrefix === 0 && one.outputs[0]?.is === 'send')) {
      prefix++
      inPrefix += more
    } else {
      open = false
    }
  }
  if (outputs === 0) return { steps: whole, form: 'record' }
  if (prefix > 0 && outputs <= options.cheapMost) return { steps: prefix, form: inPrefix === 0 ? 'record' : 'cheap' }
  return { steps: whole, form: 'batch' }
}

/** The entries it may take: a parked payload can be cut into many. */
function weightOf(staged: Staged): number {
  let weight = 0
  for (const output of staged.outputs) weight += output.is === 'park' ? parkedMost : 1
  return weight
}

export type Head = Pick<
  CommitRecord,
  'generation' | 'partition' | 'epoch' | 'n' | 'previous' | 'cursor' | 'heard' | 'at' | 'awayMs' | 'openedAt'
>

export function recordOf(head: Head, staged: readonly Staged[]): CommitRecord {
  const changes: Change[] = []
  const at = new Map<Address, number>()
  const steps: StepNote[] = []
  const marks = new Map<number, readonly [number, number, number]>()
  const clients = new Map<string, readonly [string, number, number]>()
  let cursor = head.cursor
  for (const one of staged) {
    for (const change of one.changes) {
      const before = at.get(change.address)
      // A later full state replaces an earlier one; a difference needs what it differs from.
      if (before !== undefined && change.is !== 'delta') changes[before] = change
      else at.set(change.address, changes.push(change) - 1)
    }
    const { type } = one.note
    const note = type.length > limits.typeChars ? { ...one.note, type: type.slice(0, limits.typeChars) } : one.note
    for (const each of one.first === undefined ? [note] : [one.first, note])
      steps.push({ change: at.get(one.address) ?? -1, ...each })
    if (one.cursor !== undefined && one.cursor > cursor) cursor = one.cursor
    if (one.mark !== undefined) marks.set(one.mark[0], one.mark)
    if (one.client !== undefined) clients.set(one.client[0], one.client)
  }
  const record = { ...head, cursor, changes, marks: [...marks.values()], clients: [...clients.values()], steps }
  const cut = staged[0]?.cut
  return { is: 'commit', ...record, ...(cut === undefined ? {} : { cut }) }
}

/** An append as data: the entries in order, the record's parts last, except in the cheap form. */
export type Plan = {
  readonly partition: number
  readonly epoch: number
  readonly n: number
  readonly entries: readonly PlannedEntry[]
  /** Where the last entry of the record stands in `entries`. */
  readonly recordEnd: number
  readonly form: Form
}

export type PlannedEntry = {
  readonly subject: string
  readonly data: Uint8Array
  readonly check?: { readonly seq: number; readonly subject?: string } | undefined
}

/** The entries before the record; with `record`, the only one carries it inside. */
function entriesOf(realm: Realm, record: CommitRecord, staged: readonly Staged[], inside?: Uint8Array): PlannedEntry[] {
  const entries: PlannedEntry[] = []
  for (const one of staged) {
    for (const output of one.outputs) {
      if (output.is === 'park') {
        const subject = subjects.parked(realm, record.partition, output.envelope.to)
        for (const data of encodeParked({ ...output, raw: one.raw, at: record.at }, parkedEntryBytes))
          entries.push({ subject, data })
      } else {
        entries.push(entryOf(realm, record, one, output, entries.length, inside))
      }
    }
  }
  return entries
}

function entryOf(
  realm: Realm,
  record: CommitRecord,
  staged: Staged,
  output: Exclude<Output, { is: 'park' }>,
  index: number,
  inside: Uint8Array | undefined,
): PlannedEntry {
  const { address } = staged
  switch (output.is) {
    case 'send': {
      const envelope: Envelope = {
        to: output.to,
        content: output.content,
        from: address,
        at: record.at,
        id: undefined,
        n: record.n,
        index,
        generation: record.generation,
        cause: staged.note.seq === 0 ? undefined : String(staged.note.seq),
        ask: output.ask,
        deadline: output.deadline,
        traceparent: staged.traceparent,
      }
      const to = partitionOf(output.to, realm.partitions)
      return { subject: subjects.in(realm, to, record.partition, output.to), data: encodeEnvelope(envelope, inside) }
    }
    case 'emit':
      return { subject: subjects.emitted(realm, address, output.event.type), data: emittedBytes(output.event) }
    case 'reply':
      return { subject: subjects.reply(realm, output.ask.to, output.ask.id), data: encodeAnswer(output.answer) }
  }
}

export type PlanOptions = {
  readonly form: Form
  readonly fence: number
  readonly partBytes: number
  readonly entryBytes: number
}

/** The entries of a commit in the form chosen, or in the next larger one when it does not fit. */
export function planOf(realm: Realm, record: CommitRecord, staged: readonly Staged[], options: PlanOptions): Plan {
  const { partition, epoch, n } = record
  const bytes = encodeRecord(record)
  const subject = subjects.commit(realm, partition)
  const identity = { partition, epoch, n }
  if (options.form === 'cheap' && bytes.length < options.partBytes) {
    const [only] = entriesOf(realm, record, staged, bytes)
    if (only !== undefined && only.data.length < options.entryBytes) {
      return {
        ...identity,
        entries: [{ ...only, check: { seq: options.fence, subject } }],
        recordEnd: 0,
        form: 'cheap',
      }
    }
  }
  const sent = options.form === 'record' ? [] : entriesOf(realm, record, staged)
  const parts = encodeParts(record, bytes, options.partBytes).map((data, index) =>
    index === 0 ? { subject, data, check: { seq: options.fence } } : { subject, data },
  )
  const entries = [...sent, ...parts]
  return { ...identity, entries, recordEnd: entries.length - 1, form: entries.length > 1 ? 'batch' : 'record' }
}

function encodeParts(record: CommitRecord, bytes: Uint8Array, partBytes: number): Uint8Array[] {
  if (bytes.length <= partBytes) return [bytes]
  const { partition, epoch, n } = record
  const parts = Math.ceil(bytes.length / partBytes)
  return Array.from({ length: parts }, (_, part) =>
    encodeRecord({
      is: 'part',
      partition,
      epoch,
      n,
      part,
      parts,
      bytes: bytes.subarray(part * partBytes, (part + 1) * partBytes),
    }),
  )
}
