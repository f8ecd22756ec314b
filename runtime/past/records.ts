/**
 * The records of one partition as they stand on the log, and what they say of one actor. It serves
 * "nearest cut and fold to any sequence": the fold of a single actor. Invariant: changes are applied
 * in the order of the records' numbers, each number once.
 */
import type { Address } from '#protocol/address.ts'
import { decode } from '#protocol/codec.ts'
import { apply as applyDelta } from '#protocol/delta.ts'
import { decodeEnvelope } from '#protocol/envelope.ts'
import { Fault } from '#protocol/fault.ts'
import { type AnyRecord, type Change, type CommitRecord, decodeRecord, type StepNote } from '#protocol/record.ts'
import { parseStored } from '#protocol/subject.ts'
import type { Bus, LogEntry } from '#runtime/bus.ts'

/** What one commit did with one actor. */
export type Commit = {
  readonly n: number
  /** Where its record stands, and when it was made. */
  readonly seq: number
  readonly at: number
  readonly generation: number
  readonly awayMs: number
  readonly openedAt: number
  readonly steps: readonly Omit<StepNote, 'change'>[]
  readonly changes: readonly Change[]
}

/** The record in an entry, whether it stands alone or inside an envelope that was sent with it. */
export function recordIn({ subject, data }: LogEntry, partition: number): AnyRecord | undefined {
  const stored = parseStored(subject)
  if (stored.is === 'commit') return stored.partition === partition ? decodeRecord(data) : undefined
  if (stored.is !== 'in' || stored.sender !== partition) return undefined
  const { record } = decodeEnvelope(stored.address, data)
  return record === undefined ? undefined : decodeRecord(record)
}

/** The commit whose record ends at that place; nothing when the log holds it no more. */
export async function recordAt(bus: Bus, partition: number, seq: number): Promise<CommitRecord | undefined> {
  const entry = await bus.get(seq)
  const record = entry === undefined ? undefined : recordIn(entry, partition)
  if (record?.is === 'commit') return record
  if (record?.is !== 'part') return undefined
  // The parts of a large one stand one behind the other.
  const before = Array.from({ length: record.part }, (_, at) => bus.get(seq - record.part + at))
  const parts = [...(await Promise.all(before)), entry].map((one) =>
    one === undefined ? undefined : recordIn(one, partition),
  )
  const bytes = parts.flatMap((one) => (one?.is === 'part' && one.n === record.n ? [one.bytes] : []))
  if (bytes.length < record.parts) return undefined
  const whole = decodeRecord(Buffer.concat(bytes))
  return whole.is === 'commit' ? whole : undefined
}

/** Nothing when the record says nothing of that actor. */
export function commitOf(record: CommitRecord, seq: number, address: Address): Commit | undefined {
  const { n, at, generation, awayMs, openedAt } = record
  const changes = record.changes.filter((change) => change.address === address)
  if (changes.length === 0) return undefined
  const steps = record.steps.flatMap(({ change, ...note }) =>
    record.changes[change]?.address === address ? [note] : [],
  )
  return { ...{ n, seq, at, generation, awayMs, openedAt }, steps, changes }
}

/** The state's array form behind these changes; nothing while there is no such actor. */
export function stateAfter(before: unknown[] | undefined, changes: readonly Change[]): unknown[] | undefined {
  const last = changes.findLastIndex(({ is }) => is !== 'delta')
  const whole = changes[last]
  let state = whole?.is === 'full' ? (decode(whole.state) as unknown[]) : whole === undefined ? before : undefined
  for (const change of changes.slice(last + 1)) {
    if (change.is !== 'delta') continue
    if (state === undefined) throw new Fault('state.undecodable', { size: 0, reason: 'a difference to no state' })
    state = applyDelta(state, change.delta) as unknown[]
  }
  return state
}

/** Of one actor's commits at once. */
const changesBytesMost = 268_435_456

/** Counts what is kept of an actor, and says when that is too much. */
export function weighing(address: Address): (commit: Commit) => void {
  let bytes = 0
  return ({ changes }) => {
    for (const change of changes)
      bytes += change.is === 'full' ? change.state.length : change.is === 'delta' ? change.delta.length : 0
    if (bytes > changesBytesMost) throw new Fault('past.tooMuch', { value: address, limit: changesBytesMost })
  }
}

/** Whether what came before it does not matter. */
export function isWhole({ changes }: Pick<Commit, 'changes'>): boolean {
  return changes.some(({ is }) => is !== 'delta')
}
