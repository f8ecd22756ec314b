/** Layers as a cut has them, from maps of what each knows, and a base that holds them sealed. */
import type { Address } from '#protocol/address.ts'
import { bundleOf } from '#protocol/bundle.ts'
import { encode } from '#protocol/codec.ts'
import type { SegmentRef } from '#protocol/cut.ts'
import type { Needs, StoreIdentity } from '#store/store.ts'
import { openMemoryArchive } from '#store/memory-archive.ts'
import { sealedBaseOf } from '#store/sealed-base.ts'
import { stateRowOf } from '#store/state-rows.ts'
import { positionOf, stateOf } from './store-samples.ts'

/** Steps by address; nothing for one that is gone in this layer. */
export type Known = ReadonlyMap<Address, { readonly steps: number; readonly needs: Needs } | undefined>

export const sealing = openMemoryArchive(undefined, Buffer.alloc(32, 7))

type Wanted = { readonly partition: number; readonly rowsMost: number; readonly identity: StoreIdentity }

/** The newest first. */
export async function sealedBaseWith(layers: readonly Known[], wanted: Wanted): Promise<Uint8Array> {
  const bytes = new Map<string, Uint8Array>()
  const refs = await Promise.all(layers.map((known) => layerOf(known, wanted.rowsMost, bytes)))
  const header = {
    identity: wanted.identity,
    partition: positionOf(wanted.partition, 10),
    clients: [['ann', 3, 5] as const],
  }
  return await sealedBaseOf(header, refs, { bytesOf: async ({ id }) => bytes.get(id)!, isShared: false })
}

async function layerOf(known: Known, rowsMost: number, kept: Map<string, Uint8Array>): Promise<SegmentRef[]> {
  const rows = [...known]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([address, one]) => stateRowOf(address, one && encode(stateOf(one.steps)), one?.needs ?? {}))
  const refs: SegmentRef[] = []
  for (let at = 0; at < rows.length; at += rowsMost) {
    const some = rows.slice(at, at + rowsMost)
    const { ref, bytes } = await sealing.pack(bundleOf(some, { first: some[0]![0], last: some.at(-1)![0] }))
    kept.set(ref.id, bytes)
    refs.push(ref)
  }
  return refs
}
