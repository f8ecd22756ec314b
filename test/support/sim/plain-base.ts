/** A store whose bases are made at once: its own are compressed by another thread, which keeps no virtual time. */
import type { Address } from '#protocol/address.ts'
import { decode, encode } from '#protocol/codec.ts'
import type { StateRow } from '#protocol/cut.ts'
import type { ClientMark, FoldedPartition } from '#protocol/folded.ts'
import type { BaseHeader } from '#store/base-header.ts'
import { needsOfRow } from '#store/state-rows.ts'
import type { Needs, Store } from '#store/store.ts'

export function withPlainBases(store: Store): Store {
  return {
    ...store,
    base: async (partition) => plainBaseOf(store, partition),
    loadBase: (bytes) => takePlainBase(store, bytes),
  }
}

type PlainBase = readonly [FoldedPartition, readonly (readonly [Address, Uint8Array, Needs])[], readonly ClientMark[]]

function plainBaseOf(store: Store, partition: number): Uint8Array {
  const needs = new Map(store.needs(partition))
  const actors = [...store.addresses({ partition })].map(
    (address) => [address, encode(store.read(address)), needs.get(address) ?? {}] as const,
  )
  return encode([store.partition(partition), actors, [...store.clients(partition)]])
}

/** The same from rows as a cut has them. */
export async function plainBaseOfRows(
  { partition, clients }: BaseHeader,
  rows: AsyncIterable<StateRow>,
): Promise<Uint8Array> {
  const actors: (readonly [Address, Uint8Array, Needs])[] = []
  for await (const row of rows) {
    const [address, state] = row
    if (state !== null) actors.push([address, state, needsOfRow(row)])
  }
  return encode([partition, actors, clients])
}

async function takePlainBase(store: Store, bytes: Uint8Array): Promise<void> {
  const [partition, actors, clients] = decode(bytes) as PlainBase
  await store.dropPartition(partition.partition)
  await store.fold([
    {
      partition,
      clients: new Map(clients.map((mark) => [mark[0], mark])),
      changes: actors.map(([address, state, needs]) => ({ address, is: 'full', state, needs })),
      history: [],
    },
  ])
}
