/**
 * The record is the entry of a commit that names what changed; the claim begins an ownership.
 * They serve the clause "one atomic commit to the realm's log". Invariant: a fold that reads
 * the records of a partition in the order of their numbers, and nothing else, has its state.
 */
import type { Address } from './address.ts'
import { decode, encodeTree } from './codec.ts'
import { Fault } from './fault.ts'

export const recordFormat = 1

/**
 * The new state of one actor: in full, as a difference to the one before, or none any more. Of a
 * root that is gone its highest number stays, so that the next life under its key counts on.
 */
export type Change =
  | { readonly address: Address; readonly is: 'full'; readonly state: Uint8Array }
  | { readonly address: Address; readonly is: 'delta'; readonly delta: Uint8Array }
  | { readonly address: Address; readonly is: 'gone'; readonly visits?: number }

/** What one step consumed: for history and for the audit's count. */
export type StepNote = {
  /** Index into the record's changes. */
  readonly change: number
  /** The log sequence of the envelope, 0 for a timer. */
  readonly seq: number
  readonly type: string
  /** `unhandled` and the like; nothing for an ordinary step. */
  readonly mark?: 'unhandled' | 'deferred' | 'parked' | 'duplicate' | 'early' | 'stale' | undefined
  readonly decision?: Decision | undefined
}

export type Decision = {
  readonly options: readonly {
    readonly target: readonly string[]
    readonly guard?: string | undefined
    readonly chosen: boolean
  }[]
  readonly confidence?: number | undefined
}

export type CommitRecord = {
  readonly is: 'commit'
  readonly generation: number
  readonly partition: number
  readonly epoch: number
  readonly n: number
  /** The sequence of the previous record of this partition (commit or claim), 0 for none. */
  readonly previous: number
  /** The sequence of the last envelope consumed. */
  readonly cursor: number
  /** The position up to which emitted events were handed to subscribers here. */
  readonly heard: number
  readonly at: number
  /** For how long in all this partition had no owner, and since when it has this one. */
  readonly awayMs: number
  readonly openedAt: number
  readonly changes: readonly Change[]
  /** High-water marks that moved: sending partition, n, index. */
  readonly marks: readonly (readonly [number, number, number])[]
  /** High-water marks of clients that moved: name, count, instant. */
  readonly clients: readonly (readonly [string, number, number])[]
  readonly steps: readonly StepNote[]
  /** The cut that begins here: this record is its partition's recorded state, and carries nothing else. */
  readonly cut?: MarkedCut | undefined
}

/** A cut as a partition met it: its name, and where its marker stands in the mailbox. */
export type MarkedCut = readonly [id: string, marker: number]

export type ClaimRecord = {
  readonly is: 'claim'
  readonly generation: number
  readonly partition: number
  readonly epoch: number
  readonly previous: number
  readonly nonce: string
  readonly node: string
  readonly at: number
}

/** A record over half of what the server takes at once is cut up; all parts stand in one batch. */
export type RecordPart = {
  readonly is: 'part'
  readonly partition: number
  readonly epoch: number
  readonly n: number
  readonly part: number
  readonly parts: number
  readonly bytes: Uint8Array
}

export type AnyRecord = CommitRecord | ClaimRecord | RecordPart

export function encodeRecord(record: AnyRecord): Uint8Array {
  if (record.is === 'part')
    return encodeTree([
      recordFormat,
      2,
      record.partition,
      record.epoch,
      record.n,
      record.part,
      record.parts,
      record.bytes,
    ])
  if (record.is === 'claim') {
    const { generation, partition, epoch, previous, nonce, node, at } = record
    return encodeTree([recordFormat, 1, generation, partition, epoch, previous, nonce, node, at])
  }
  return encodeTree([
    recordFormat,
    0,
    record.generation,
    record.partition,
    record.epoch,
    record.previous,
    record.n,
    record.cursor,
    record.heard,
    record.at,
    record.awayMs,
    record.openedAt,
    record.changes.map((change) =>
      change.is === 'full'
        ? [change.address, 0, change.state]
        : change.is === 'delta'
          ? [change.address, 1, change.delta]
          : change.visits === undefined
            ? [change.address, 2]
            : [change.address, 2, change.visits],
    ),
    record.marks,
    record.clients,
    record.steps.map(stepArrayOf),
    ...(record.cut === undefined ? [] : [record.cut]),
  ])
}

function stepArrayOf(step: StepNote): unknown[] {
  const fields: unknown[] = [step.change, step.seq, step.type, step.mark ?? null, step.decision ?? null]
  while (fields.at(-1) === null) fields.pop()
  return fields
}

export function decodeRecord(bytes: Uint8Array): AnyRecord {
  try {
    return recordOf(decode(bytes))
  } catch (cause) {
    if (cause instanceof Fault) throw cause
    throw new Fault(
      'record.undecodable',
      { size: bytes.length, reason: cause instanceof Error ? cause.message : String(cause) },
      { cause },
    )
  }
}

function recordOf(fields: unknown): AnyRecord {
  if (!Array.isArray(fields) || typeof fields[0] !== 'number') throw new TypeError('it is not a record')
  const f: unknown[] = fields
  if ((f[0] as number) > recordFormat) throw new Fault('envelope.format', { have: String(f[0]), want: recordFormat })
  if (f[1] === 2) {
    return {
      is: 'part',
      partition: f[2] as number,
      epoch: f[3] as number,
      n: f[4] as number,
      part: f[5] as number,
      parts: f[6] as number,
      bytes: f[7] as Uint8Array,
    }
  }
  const head = {
    generation: f[2] as number,
    partition: f[3] as number,
    epoch: f[4] as number,
    previous: f[5] as number,
  }
  if (f[1] === 1) return { is: 'claim', ...head, nonce: f[6] as string, node: f[7] as string, at: f[8] as number }
  return {
    is: 'commit',
    ...head,
    n: f[6] as number,
    cursor: f[7] as number,
    heard: f[8] as number,
    at: f[9] as number,
    awayMs: f[10] as number,
    openedAt: f[11] as number,
    changes: (f[12] as [Address, number, unknown][]).map(changeOf),
    marks: f[13] as [number, number, number][],
    clients: f[14] as [string, number, number][],
    steps: (f[15] as unknown[][]).map((s) => ({
      change: s[0] as number,
      seq: s[1] as number,
      type: s[2] as string,
      ...(s[3] ? { mark: s[3] as NonNullable<StepNote['mark']> } : {}),
      ...(s[4] ? { decision: s[4] as Decision } : {}),
    })),
    ...(Array.isArray(f[16]) ? { cut: f[16] as unknown as MarkedCut } : {}),
  }
}

function changeOf([address, form, what]: [Address, number, unknown]): Change {
  if (form === 0) return { address, is: 'full', state: what as Uint8Array }
  if (form === 1) return { address, is: 'delta', delta: what as Uint8Array }
  return typeof what === 'number' ? { address, is: 'gone', visits: what } : { address, is: 'gone' }
}

/** The record that was cut up, once all of its parts were seen; `seen` holds those of which some are missing. */
export function joinPart(seen: Map<string, readonly RecordPart[]>, part: RecordPart): CommitRecord | undefined {
  const key = `${part.partition}.${part.epoch}.${part.n}`
  const all = [...(seen.get(key) ?? []), part]
  if (all.length < part.parts) {
    seen.set(key, all)
    return undefined
  }
  seen.delete(key)
  const whole = decodeRecord(Buffer.concat(all.sort((a, b) => a.part - b.part).map(({ bytes }) => bytes)))
  return whole.is === 'commit' ? whole : undefined
}
