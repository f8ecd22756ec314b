/**
 * Reading many rows: each walk has one consistent view, from its first row to its last, and ends
 * with a fault when the store is closed under it (LMDB would end the process). It serves the
 * clause "LMDB follows the log".
 */
import type { Address } from '#protocol/address.ts'
import { endedLink } from './actor-draft.ts'
import { readHead } from './actor-rows.ts'
import { type Link, linesFrom, linkTo } from './history-rows.ts'
import { actorKey, addressOfKey, kindRange, partitionRange } from './keys.ts'
import { liveRows } from './live-rows.ts'
import { decodeNeeds } from './need-rows.ts'
import type { HistoryLine, Needs } from './store.ts'
import type { Tables, View } from './tables.ts'
import type { Views } from './views.ts'
import { rows } from './walk.ts'

export type AddressOptions = {
  readonly partition?: number
  readonly kind?: string
  readonly after?: Address
  readonly limit?: number
}

export function* needsOf(tables: Tables, views: Views, partition: number): Generator<readonly [Address, Needs]> {
  const view = views.open()
  try {
    for (const { key, value } of rows(tables.needs, partitionRange(partition), view, views))
      yield [addressOfKey(key), decodeNeeds(key, value)]
  } finally {
    views.close(view)
  }
}

export function* historyOf(
  tables: Tables,
  views: Views,
  partition: number,
  address: Address,
  { before, limit }: { before?: number; limit: number },
): Generator<HistoryLine> {
  const view = views.open()
  try {
    const key = actorKey(partition, address)
    const last = readHead(tables, key, view)?.last ?? endedLink(tables, key, address)
    let left = limit
    for (const line of linesFrom(tables, partition, address, startOf(before, last), view)) {
      if (before !== undefined && line.n >= before) continue
      if (left-- <= 0) return
      yield line
      views.check()
    }

    /** A line that is known by its number is found without walking down to it. */
    function startOf(before: number | undefined, last: Link): Link {
      if (before === undefined || linkTo(before) >= last) return last
      const { done } = linesFrom(tables, partition, address, linkTo(before), view).next()
      return done ? last : linkTo(before)
    }
  } finally {
    views.close(view)
  }
}

export function* addressesOf(
  tables: Tables,
  views: Views,
  partitions: number,
  options: AddressOptions,
): Generator<Address> {
  const { partition, kind, after, limit = Number.POSITIVE_INFINITY } = options
  const view = views.open()
  try {
    const wanted = partition === undefined ? Array.from({ length: partitions }, (_, at) => at) : [partition]
    let left = limit
    for (const address of inOrder(wanted.map((one) => addressesIn(tables, views, view, one, kind, after)))) {
      if (left-- <= 0) return
      yield address
    }
  } finally {
    views.close(view)
  }
}

function* addressesIn(
  tables: Tables,
  views: Views,
  view: View,
  partition: number,
  kind: string | undefined,
  after: Address | undefined,
): Generator<Address> {
  const range = kind === undefined ? partitionRange(partition) : kindRange(partition, kind)
  const start = after === undefined ? range.start : laterOf(range.start, actorKey(partition, after))
  for (const { key } of liveRows(tables, { partition, ...range, start, withValues: false }, view, views)) {
    const address = addressOfKey(key)
    if (address !== after) yield address
  }
}

function laterOf(a: Buffer, b: Buffer): Buffer {
  return Buffer.compare(a, b) < 0 ? b : a
}

/** Several ordered walks as one. */
function* inOrder(walks: readonly Generator<Address>[]): Generator<Address> {
  const heads = walks.map((walk) => ({ walk, next: walk.next() })).filter(({ next }) => !next.done)
  while (heads.length > 0) {
    let least = 0
    for (let at = 1; at < heads.length; at++)
      if ((heads[at]?.next.value as Address) < (heads[least]?.next.value as Address)) least = at
    const head = heads[least] as (typeof heads)[number]
    yield head.next.value as Address
    head.next = head.walk.next()
    if (head.next.done) heads.splice(least, 1)
  }
}
