/**
 * An actor's commits by the history that its owner keeps: the newest first, page by page. It serves
 * "read only what is that actor's". Invariant: an owner answers no more than a page at once, so that
 * no step waits for somebody who looks far back.
 */
import type { Address } from '#protocol/address.ts'
import type { Query, SeenHistory } from '#protocol/query.ts'
import type { Bus } from '#runtime/bus.ts'
import { type Commit, commitOf, recordAt, weighing } from './records.ts'

export type AskOwner = <T>(partition: number, query: Query) => Promise<T>

export type Line = SeenHistory['lines'][number]

export type Asking = { readonly ask: AskOwner; readonly partition: number; readonly address: Address }

const pageLines = 200

export async function* linesOf({ ask, partition, address }: Asking): AsyncGenerator<Line> {
  for (let before: number | undefined; ;) {
    const asked = { is: 'history', address, limit: pageLines, ...(before === undefined ? {} : { before }) } as const
    const { lines } = await ask<SeenHistory>(partition, asked)
    yield* lines
    if (lines.length < pageLines) return
    before = lines.at(-1)?.n
  }
}

/** In the order of the lines; nothing when the log holds one of them no more. */
export async function commitsOf(
  bus: Bus,
  { partition, address }: Omit<Asking, 'ask'>,
  lines: readonly Line[],
): Promise<readonly Commit[] | undefined> {
  const commits: Commit[] = []
  const weigh = weighing(address)
  for (let at = 0; at < lines.length; at += readsMost) {
    const portion = lines.slice(at, at + readsMost)
    const records = await Promise.all(portion.map(({ seq }) => recordAt(bus, partition, seq)))
    for (const [index, record] of records.entries()) {
      const commit = record === undefined ? undefined : commitOf(record, portion[index]?.seq ?? 0, address)
      if (commit === undefined) return undefined
      weigh(commit)
      commits.push(commit)
    }
  }
  return commits
}

/** Records that are read at once. */
export const readsMost = 64
