/**
 * One actor's part of a transaction: what several folds did to it comes together here, and only
 * the sum is written. It serves the clause "LMDB follows the log". Invariant: what is written
 * depends on the stored row and the changes alone, so a fold that failed can be made again.
 */
import type { Address } from '#protocol/address.ts'
import { decode, encode } from '#protocol/codec.ts'
import type { StateRow } from '#protocol/cut.ts'
import { applyAll } from '#protocol/delta.ts'
import {
  chunkBytes,
  chunksOf,
  encodeHead,
  frame,
  type Head,
  readBase,
  readDeltas,
  readHead,
  wholeBytes,
} from './actor-rows.ts'
import { type Link, linkTo, noLink } from './history-rows.ts'
import { actorKey, partKey } from './keys.ts'
import { isNeedy, needsOp } from './need-rows.ts'
import { damaged, sealed, unsealed } from './sealed.ts'
import type { FoldedChange, Needs } from './store.ts'
import type { Op, Tables } from './tables.ts'
import { readUnder } from './underlay.ts'

export type ActorDraft = {
  /** Takes the next change; they come in log order. */
  change(change: FoldedChange): void
  /** Chains the line of commit `n`; gives the link to the line before. */
  chain(n: number): Link
  readonly partition: number
  /** Until now it lay under the rows. */
  readonly isLifted: boolean
  ops(): Op[]
}

/** Past this share of the base, or this many, differences are put into a new base. */
const mostDeltaShare = 0.25
const mostDeltas = 64

/** The actor's own row stays in half a page; fuller than this its differences move to a row of their own. */
const tailBytes = 3072

export type Drafted = {
  readonly partition: number
  readonly address: Address
  /** What lies there without a row, where that is known. */
  readonly under?: StateRow
}

export function draftOf(tables: Tables, { partition, address, under }: Drafted): ActorDraft {
  const key = actorKey(partition, address)
  const row = readHead(tables, key)
  const stored = row ?? headUnder(tables, key, under ?? readUnder(tables, partition, address))
  let last = stored?.last ?? endedLink(tables, key, address)
  let gone = stored === undefined
  /** The newest whole state of this transaction; the stored one while there is none. */
  let base: Uint8Array | undefined
  let deltas: Uint8Array[] = []
  let needs: Needs | undefined
  const wasNeedy = stored?.needy ?? false

  function wholeState(): Uint8Array {
    const older = base ?? storedBase()
    const known = base === undefined && stored?.form.is === 'cut' ? readDeltas(tables, key, stored.form, address) : []
    if (known.length + deltas.length === 0) return older
    return encode(applyAll(decode(older), [...known, ...deltas]))
  }

  function storedBase(): Uint8Array {
    if (stored === undefined)
      throw damaged(`the state of ${address} (a difference came, but there is no state before it)`)
    return stored.form.is === 'whole' ? stored.form.state : readBase(tables, key, stored.form.baseBytes, address)
  }

  /** Differences may be added to what is stored while that stays small beside its base. */
  function grown(): Head['form'] | undefined {
    if (base !== undefined || stored?.form.is !== 'cut') return undefined
    const { baseBytes, rows, tail } = stored.form
    const count = stored.form.deltas + deltas.length
    const bytes = deltas.reduce((sum, delta) => sum + delta.length, stored.form.deltaBytes)
    if (count > mostDeltas || bytes > Math.max(baseBytes * mostDeltaShare, tailBytes)) return undefined
    return {
      is: 'cut',
      baseBytes,
      rows,
      deltas: count,
      deltaBytes: bytes,
      tail: deltas.length === 0 ? tail : frame(deltas, tail),
    }
  }

  function removal(): Op[] {
    // Without any history, too, where it would be seen again without its row.
    const isHiding = last !== noLink || readUnder(tables, partition, address) !== undefined
    const ops: Op[] = [{ table: tables.ended, key, value: isHiding ? sealed(key, linkRow(last)) : undefined }]
    if (stored === undefined) return ops
    ops.push({ table: tables.actors, key, value: undefined }, ...surplus(tables, key, stored, 0))
    if (wasNeedy) ops.push({ table: tables.needs, key, value: undefined })
    return ops
  }

  function ops(): Op[] {
    if (gone) return removal()
    const result: Op[] = []
    let form = grown()
    if (form === undefined) {
      const state = wholeState()
      const chunks = state.length <= wholeBytes ? 0 : chunksOf(state.length)
      form =
        chunks === 0
          ? { is: 'whole', state }
          : { is: 'cut', baseBytes: state.length, rows: 0, deltas: 0, deltaBytes: 0, tail: new Uint8Array(0) }
      for (let index = 0; index < chunks; index++) {
        const value = changedChunk(tables, partKey(key, 'chunk', index), state, index)
        if (value !== undefined) result.push(value)
      }
      if (stored !== undefined) result.push(...surplus(tables, key, stored, chunks))
    } else if (form.is === 'cut' && form.tail.length > tailBytes) {
      const row = partKey(key, 'tail', form.rows)
      result.push({ table: tables.parts, key: row, value: sealed(row, form.tail) })
      form = { ...form, rows: form.rows + 1, tail: new Uint8Array(0) }
    }
    const needy = needs === undefined ? wasNeedy : isNeedy(needs)
    result.push({ table: tables.actors, key, value: encodeHead(key, { last, needy, form }) })
    if (needs !== undefined && needy) result.push(needsOp(tables, key, needs))
    else if (wasNeedy && !needy) result.push({ table: tables.needs, key, value: undefined })
    if (row === undefined && last !== noLink) result.push({ table: tables.ended, key, value: undefined })
    return result
  }

  return {
    change(change) {
      gone = change.is === 'gone'
      if (change.is !== 'deltas' || change.base !== undefined) {
        base = change.is === 'full' ? change.state : change.is === 'deltas' ? change.base : undefined
        deltas = []
      }
      if (change.is === 'deltas') deltas.push(...change.deltas)
      if (change.is !== 'gone') needs = change.needs
    },
    chain(n) {
      const previous = last
      last = linkTo(n)
      return previous
    },
    partition,
    isLifted: row === undefined && stored !== undefined,
    ops,
  }
}

/** As if its row were there. */
function headUnder(tables: Tables, key: Buffer, under: StateRow | undefined): Head | undefined {
  const state = under?.[1]
  if (state === undefined || state === null) return undefined
  return { last: noLink, needy: tables.needs.get(key) !== undefined, form: { is: 'whole', state } }
}

/** Chunks whose bytes stayed are not written again: a state that grows at its end rewrites its end. */
function changedChunk(tables: Tables, key: Buffer, state: Uint8Array, index: number): Op | undefined {
  const value = sealed(key, state.subarray(index * chunkBytes, (index + 1) * chunkBytes))
  const known = tables.parts.get(key)
  return known?.equals(value) ? undefined : { table: tables.parts, key, value }
}

/** Rows of the stored form that the next one, of so many chunks, does not have. */
function surplus(tables: Tables, key: Buffer, { form }: Head, chunks: number): Op[] {
  if (form.is === 'whole') return []
  const ops: Op[] = []
  for (let index = chunks; index < chunksOf(form.baseBytes); index++)
    ops.push({ table: tables.parts, key: partKey(key, 'chunk', index), value: undefined })
  for (let index = 0; index < form.rows; index++)
    ops.push({ table: tables.parts, key: partKey(key, 'tail', index), value: undefined })
  return ops
}

function linkRow(link: Link): Buffer {
  const row = Buffer.allocUnsafe(6)
  row.writeUIntLE(link, 0, 6)
  return row
}

export function endedLink(tables: Tables, key: Buffer, address: Address): Link {
  const row = tables.ended.get(key)
  return row === undefined ? noLink : unsealed(key, row, `the history of ${address}`).readUIntLE(0, 6)
}
