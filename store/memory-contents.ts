/**
 * What the store in memory holds, and what a fold does to it. It serves the clause "commit,
 * fold". Invariant: a fold happens whole or not at all.
 */
import type { Address } from '#protocol/address.ts'
import { decode, encode } from '#protocol/codec.ts'
import { applyAll } from '#protocol/delta.ts'
import { Fault } from '#protocol/fault.ts'
import { partitionOf } from '#protocol/partition.ts'
import type { ClientMark, ClientMoves, FoldedPartition } from '#protocol/folded.ts'
import { nextTracks, type Track } from './cut-tracks.ts'
import type { Fold, FoldedChange, HistoryLine, Needs, StoreIdentity } from './store.ts'

export type StoredActor = { readonly base: Uint8Array; readonly deltas: readonly Uint8Array[]; readonly needs: Needs }

export type Contents = {
  identity: StoreIdentity | undefined
  alive: number | undefined
  readonly partitions: Map<number, FoldedPartition>
  readonly clients: Map<number, Map<string, ClientMark>>
  readonly actors: Map<Address, StoredActor>
  readonly history: Map<Address, HistoryLine[]>
  /** Of each partition, where stretches between cuts begin. */
  readonly tracks: Map<number, readonly Track[]>
  /** The stretch in which an actor changed last. */
  readonly changed: Map<Address, number>
  /** Oldest first. */
  recents: readonly Uint8Array[]
}

export function emptyContents(): Contents {
  return {
    identity: undefined,
    alive: undefined,
    partitions: new Map(),
    clients: new Map(),
    actors: new Map(),
    history: new Map(),
    tracks: new Map(),
    changed: new Map(),
    recents: [],
  }
}

export function dropFrom(contents: Contents, partition: number): void {
  const { identity, partitions, clients, actors, history, tracks, changed } = contents
  const count = identity?.partitions ?? 1
  partitions.delete(partition)
  clients.delete(partition)
  tracks.delete(partition)
  for (const address of changed.keys()) if (partitionOf(address, count) === partition) changed.delete(address)
  for (const address of actors.keys()) if (partitionOf(address, count) === partition) actors.delete(address)
  for (const address of history.keys()) if (partitionOf(address, count) === partition) history.delete(address)
}

export function stateOf({ base, deltas }: StoredActor): unknown[] {
  return applyAll(decode(base), deltas) as unknown[]
}

/** All of them or none: what cannot be done is found before anything is changed. */
export function foldAll(contents: Contents, folds: readonly Fold[]): void {
  const next = new Map<Address, StoredActor | undefined>()
  const actorOf = (address: Address) => (next.has(address) ? next.get(address) : contents.actors.get(address))
  for (const { changes } of folds)
    for (const change of changes) next.set(change.address, actorAfter(change, actorOf(change.address)))
  for (const [address, actor] of next) {
    if (actor === undefined) contents.actors.delete(address)
    else contents.actors.set(address, actor)
  }
  for (const { partition, clients, history, changes, cut } of folds) {
    contents.partitions.set(partition.partition, partition)
    const tracks = contents.tracks.get(partition.partition) ?? []
    const track = tracks.at(-1)?.[0]
    if (track !== undefined) for (const { address } of changes) contents.changed.set(address, track)
    if (cut !== undefined) contents.tracks.set(partition.partition, nextTracks(tracks, cut, partition.n))
    if (clients !== undefined) moveClients(contents, partition.partition, clients)
    for (const line of history) {
      const lines = contents.history.get(line.address)
      if (lines === undefined) contents.history.set(line.address, [line])
      else lines.push(line)
    }
  }
}

function moveClients(contents: Contents, partition: number, moves: ClientMoves): void {
  const clients = contents.clients.get(partition) ?? new Map<string, ClientMark>()
  contents.clients.set(partition, clients)
  for (const [session, mark] of moves) {
    if (mark === undefined) clients.delete(session)
    else clients.set(session, mark)
  }
}

function actorAfter(change: FoldedChange, before: StoredActor | undefined): StoredActor | undefined {
  if (change.is === 'gone') return undefined
  if (change.is === 'full') return { base: change.state.slice(), deltas: [], needs: change.needs }
  const base = change.base ?? before?.base
  if (base === undefined)
    throw new Fault('store.corrupt', {
      value: 'memory',
      reason: `a difference came for ${change.address}, but there is no state before it`,
    })
  const older = change.base === undefined ? (before?.deltas ?? []) : []
  const deltas = [...older, ...change.deltas]
  if (deltas.length <= mostDeltas) return { base, deltas, needs: change.needs }
  return { base: encode(applyAll(decode(base), deltas)), deltas: [], needs: change.needs }
}

/** More than this are put into a new base. */
const mostDeltas = 64

export function sizeOf({ actors }: Contents): number {
  let bytes = 0
  for (const { base, deltas } of actors.values())
    bytes += deltas.reduce((sum, delta) => sum + delta.length, base.length)
  return bytes
}
