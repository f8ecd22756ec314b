/** A slice of the store in memory: a copy, so nothing that comes later is in it. It serves tests in virtual time. */
import type { Address } from '#protocol/address.ts'
import { bundlesOf, type Keyed } from '#protocol/bundle.ts'
import { encode } from '#protocol/codec.ts'
import { Fault } from '#protocol/fault.ts'
import type { ClientMark } from '#protocol/folded.ts'
import { countOf } from './counting.ts'
import { type Contents, stateOf } from './memory-contents.ts'
import { isNeedy } from './need-rows.ts'
import { stateRowOf } from './state-rows.ts'
import type { Slice } from './store.ts'

export type MemorySlice = {
  readonly partition: number
  readonly clients: readonly ClientMark[]
  /** Of that partition, in their order. */
  readonly addresses: readonly Address[]
  readonly isIn: (address: Address) => boolean
  /** Throws once the store is closed. */
  readonly check: () => void
}

/** Rows that are read at once. */
const portionRows = 100

export function memorySliceOf(contents: Contents, { partition, clients, addresses, isIn, check }: MemorySlice): Slice {
  const position = contents.partitions.get(partition)
  if (position === undefined) throw new Fault('store.empty', { partition })
  const tracks = contents.tracks.get(partition) ?? []
  const actors = new Map(addresses.map((address) => [address, contents.actors.get(address)] as const))
  const changed = [...contents.changed].filter(([address]) => isIn(address)).toSorted(([a], [b]) => (a < b ? -1 : 1))

  function rowOf(address: Address): Keyed {
    const actor = actors.get(address)
    const state = actor && (actor.deltas.length === 0 ? actor.base : encode(stateOf(actor)))
    const needs = actor?.needs ?? {}
    return {
      key: address,
      row: stateRowOf(address, state, needs),
      bytes: state?.length ?? 0,
      isNeedy: isNeedy(needs),
    }
  }

  async function* portionsOf<T>(all: readonly T[]): AsyncGenerator<readonly T[]> {
    for (let at = 0; at < all.length; at += portionRows) {
      check()
      yield all.slice(at, at + portionRows)
      await Promise.resolve()
    }
  }

  return {
    position,
    clients,
    cuts: tracks.map(([, cut]) => cut),
    bundles(since) {
      const track = tracks.find(([, cut]) => cut === since)?.[0]
      const found =
        track === undefined ? [...actors.keys()] : changed.filter(([, at]) => at >= track).map(([address]) => address)
      return bundlesOf(portionsOf(found), rowOf)
    },
    census() {
      const counting = countOf()
      for (const [address, actor] of actors) {
        counting.count(Buffer.from(address, 'latin1'))
        if (actor !== undefined) counting.need(actor.needs)
      }
      return Promise.resolve(counting.sum())
    },
    needs: () =>
      portionsOf(
        [...actors].flatMap(([address, actor]) =>
          actor !== undefined && isNeedy(actor.needs) ? [[address, actor.needs] as const] : [],
        ),
      ),
    read(address) {
      const actor = actors.get(address)
      return actor === undefined ? undefined : stateOf(actor)
    },
    close: () => undefined,
  }
}
