/**
 * An actor's past as a chain: one row for each commit holds the lines of all actors that it
 * stepped, each line names the commit of the line before, and the actor's own row names its last
 * one. It serves the clause "LMDB follows the log": a commit costs one row at the end of a table
 * however many actors it touched, and one actor's past is read without a scan.
 */
import type { Address } from '#protocol/address.ts'
import { decode, encode } from '#protocol/codec.ts'
import type { StepNote } from '#protocol/record.ts'
import { historyKey } from './keys.ts'
import { sealed, unsealed } from './sealed.ts'
import type { HistoryLine } from './store.ts'
import type { Op, Tables, View } from './tables.ts'

/** How a line is named by the one after it: 0 for none, else its commit's number and one. */
export type Link = number

export const noLink: Link = 0

export function linkTo(n: number): Link {
  return n + 1
}

export type ChainedLine = { readonly line: HistoryLine; readonly previous: Link }

type Row = [seq: number, at: number, lines: [address: Address, previous: Link, steps: unknown[][]][]]

export function historyOp(tables: Tables, partition: number, n: number, lines: readonly ChainedLine[]): Op {
  const key = historyKey(partition, n)
  const first = (lines[0] as ChainedLine).line
  const row: Row = [
    first.seq,
    first.at,
    lines.map(({ line, previous }) => [line.address, previous, line.steps.map(stepArrayOf)]),
  ]
  return { table: tables.history, key, value: sealed(key, encode(row)) }
}

function stepArrayOf(step: HistoryLine['steps'][number]): unknown[] {
  const fields: unknown[] = [step.seq, step.type, step.mark ?? null, step.decision ?? null]
  while (fields.at(-1) === null) fields.pop()
  return fields
}

/** The lines of one actor, newest first, beginning where `from` points; ends where history was trimmed. */
export function* linesFrom(
  tables: Tables,
  partition: number,
  address: Address,
  from: Link,
  view: View,
): Generator<HistoryLine> {
  for (let link = from; link !== noLink;) {
    const n = link - 1
    const key = historyKey(partition, n)
    const value = tables.history.get(key, { transaction: view })
    if (value === undefined) return
    const [seq, at, lines] = decode(unsealed(key, value, `the history of partition ${partition}`)) as Row
    const found = lines.find((line) => line[0] === address)
    if (found === undefined) return
    yield { address, n, seq, at, steps: found[2].map(stepOf) }
    link = found[1]
  }
}

function stepOf(fields: unknown[]): HistoryLine['steps'][number] {
  return {
    seq: fields[0] as number,
    type: fields[1] as string,
    ...(fields[2] ? { mark: fields[2] as NonNullable<StepNote['mark']> } : {}),
    ...(fields[3] ? { decision: fields[3] as NonNullable<StepNote['decision']> } : {}),
  }
}

/** The log sequence that a history row stands for. */
export function seqOfHistoryRow(key: Uint8Array, value: Buffer): number {
  return (decode(unsealed(key, value, 'the history')) as Row)[0]
}
