/**
 * A restored partition: first its segments go under its rows, then, beside everything else, they
 * become rows, in the order of addresses. It serves "load slices". Invariants: what has a row already,
 * or is gone, is left alone; a portion and how far it reaches are one transaction, so one who dies in
 * between goes on from there; what keeps an actor awake is known before its partition opens.
 */
import { randomUUID } from 'node:crypto'
import type { Address } from '#protocol/address.ts'
import type { StateRow } from '#protocol/cut.ts'
import { draftOf } from './actor-draft.ts'
import { actorKey, partitionRange } from './keys.ts'
import { isNeedy, needsOp } from './need-rows.ts'
import { segmentsOf, speakingOf } from './sealed-rows.ts'
import type { SealedLayers } from './sealed-base.ts'
import { needsOfRow } from './state-rows.ts'
import type { Op, Tables } from './tables.ts'
import { forgetOpened, readUnderlay, segmentOp, type Underlay, underlayOp, underRows } from './underlay.ts'

type Write = (ops: readonly Op[]) => Promise<void>

/** Segments are put down in transactions of so many bytes. */
const lodgeBytes = 2 * 1024 * 1024

/** The partition is empty; what it gives belongs into the transaction that says where it stands. */
export async function lodgeLayers(
  tables: Tables,
  { partition, sealed }: { readonly partition: number; readonly sealed: SealedLayers },
  write: Write,
): Promise<Op> {
  const speaking = speakingOf(sealed.layers.length)
  let left = 0
  let ops: Op[] = []
  let bytes = 0
  for (const { layer, ref, packed, rows } of segmentsOf(sealed, partition)) {
    const spoken = speaking(rows)
    left += spoken.length
    for (const row of spoken) {
      const needs = needsOfRow(row)
      if (isNeedy(needs)) ops.push(needsOp(tables, actorKey(partition, row[0]), needs))
    }
    ops.push(segmentOp(tables.layers, partition, { layer, first: ref.first, last: ref.last, packed }))
    bytes += packed.length
    if (bytes < lodgeBytes) continue
    await write(ops)
    ops = []
    bytes = 0
  }
  await write(ops)
  const { length: layers } = sealed.layers
  return underlayOp(tables, partition, {
    load: randomUUID(),
    layers,
    filledTo: undefined,
    left,
    touched: 0,
    isFilled: false,
  })
}

/** A transaction of so many holds nobody up. */
const portionBytes = 512 * 1024
/** Segments are large, and what they leave is used again. */
const removedAtOnce = 32

/** The next portion; false when all are rows and no segment is left. Nothing else may be written meanwhile. */
export async function fillPortion(
  tables: Tables,
  { partition, rowsMost }: { readonly partition: number; readonly rowsMost: number },
  write: Write,
): Promise<boolean> {
  const underlay = readUnderlay(tables, partition)
  if (underlay === undefined) return false
  if (underlay.isFilled) return await removeSegments(tables, partition, write)
  const portion = nextPortion(tables, partition, rowsMost)
  const last = portion.at(-1)?.[0]
  const ops: Op[] = []
  let touched = 0
  for (const row of portion) {
    if (isTouched(tables, partition, row[0])) touched++
    else ops.push(...draftOf(tables, { partition, address: row[0], under: row }).ops())
  }
  const next: Underlay =
    last === undefined
      ? { ...underlay, left: 0, touched: 0, isFilled: true }
      : {
          ...underlay,
          filledTo: last,
          left: underlay.left - portion.length,
          touched: underlay.touched - touched,
        }
  await write([...ops, underlayOp(tables, partition, next)])
  return true
}

function nextPortion(tables: Tables, partition: number, rowsMost: number): readonly StateRow[] {
  const portion: StateRow[] = []
  let bytes = 0
  for (const row of underRows(tables, { partition })) {
    portion.push(row)
    bytes += row[1]?.length ?? 0
    if (portion.length >= rowsMost || bytes >= portionBytes) break
  }
  return portion
}

function isTouched(tables: Tables, partition: number, address: Address): boolean {
  const key = actorKey(partition, address)
  return tables.actors.get(key) !== undefined || tables.ended.get(key) !== undefined
}

/** Whether there were any. */
async function removeSegments(tables: Tables, partition: number, write: Write): Promise<boolean> {
  const range = { ...partitionRange(partition), limit: removedAtOnce }
  const ops = Array.from(tables.layers.getKeys(range), (key): Op => ({
    table: tables.layers,
    key: Buffer.from(key),
    value: undefined,
  }))
  if (ops.length === 0) return false
  forgetOpened(tables)
  await write(ops)
  return true
}
