/** Several nodes with different versions and kinds on one log, in virtual time, and a person who moves versions. */
import type { ActorKind } from '#protocol/actor.ts'
import { partitionOf } from '#protocol/partition.ts'
import { type KindEntry } from '#runtime/core/kind-entry.ts'
import { advanced, undone } from '#runtime/core/rollout.ts'
import { changeKind, kindEntry } from '#runtime/rollouts/kinds.ts'
import { type MemoryConnection, openMemoryLog } from '#runtime/memory/memory-bus.ts'
import type { Node, NodeOptions } from '#runtime/node.ts'
import { onTrace, type Trace } from '#runtime/trace.ts'
import { openVirtualClock } from '#runtime/memory/virtual-clock.ts'
import { openTestNode, openTestRealm } from './engine.ts'
import type { Counted } from './rollout-kinds.ts'

export const partitions = 8
const members = { beatMs: 100, suspectMs: 300, deadMs: 1000 }

export type Joined = { readonly node: Node; readonly bus: MemoryConnection }

export function openRolloutWorld() {
  const all: Joined[] = []
  const clock = openVirtualClock({
    start: Date.UTC(2026, 0, 1),
    progress: () =>
      all
        .flatMap(({ node }) =>
          node.partitions.map(({ position, depth }) => `${position.n}:${depth.queued}:${depth.staged}`),
        )
        .join(),
  })
  const log = openMemoryLog({ realm: 'shop', partitions, clock })
  const client = log.connect()
  const realm = openTestRealm(client, clock)
  const traces: Trace[] = []
  const hearing = onTrace((one) => traces.push(one))
  /** Of each partition, since when nobody owns it, and the longest that ever was. */
  const ownerless = new Map<number, number>()
  let longestMs = 0
  const sent = new Map<string, number[]>()
  let count = 0

  function watch(): void {
    const owned = new Set(all.flatMap(({ node }) => node.partitions.map(({ partition }) => partition)))
    for (let partition = 0; partition < partitions; partition++) {
      if (owned.has(partition)) ownerless.delete(partition)
      else longestMs = Math.max(longestMs, clock.now() - (ownerless.get(partition) ?? clock.now()))
      if (!owned.has(partition) && !ownerless.has(partition)) ownerless.set(partition, clock.now())
    }
  }

  async function pass(ms: number): Promise<void> {
    for (let at = 0; at < ms; at += 10) {
      await clock.advance(Math.min(10, ms - at))
      if (all.length > 0) watch()
    }
  }

  const world = {
    clock,
    log,
    realm,
    bus: client,
    traces,
    all,
    pass,
    async join(name: string, kinds: readonly ActorKind[], options: Partial<NodeOptions> = {}): Promise<Joined> {
      const bus = log.connect()
      const opening = openTestNode(bus, kinds, { clock, options: { name, ...members, ...options } })
      opening.catch(() => undefined)
      await pass(200)
      const joined = { node: await opening, bus }
      all.push(joined)
      return joined
    },
    async kill({ node, bus }: Joined): Promise<void> {
      bus.die()
      node.kill()
      all.splice(
        all.findIndex((one) => one.node === node),
        1,
      )
      await clock.advance(0)
    },
    /** One event to each of so many actors of a kind. */
    async add(kind: string, actors = 24): Promise<void> {
      for (let at = 0; at < actors; at++) world.send(`${kind}/c${at}`)
      await pass(30)
    },
    /** With `next`, that actor gets it, too, from the first. */
    send(address: string, next?: string): void {
      const n = ++count
      for (const one of next === undefined ? [address] : [address, next]) sent.set(one, [...(sent.get(one) ?? []), n])
      realm.send(address as `${string}/${string}`, { type: 'ADD', n, next }).catch(() => undefined)
    },
    /** The same between kinds: each of the first tells one of the second. */
    async addVia(kind: string, next: string, actors = 24): Promise<void> {
      for (let at = 0; at < actors; at++) world.send(`${kind}/via${at}`, `${next}/end${at}`)
      await pass(30)
    },
    /** Addresses whose actor did not get exactly what was sent to it, in order. */
    async wrong(): Promise<string[]> {
      const found: string[] = []
      for (const [address, numbers] of sent) {
        const { got } = await world.state(address)
        if (got?.join() !== numbers.join()) found.push(`${address}: ${got?.join()} instead of ${numbers.join()}`)
      }
      return found
    },
    async state(address: string): Promise<Partial<Counted> & { readonly version?: number }> {
      const reading = realm.operate.show(address as `${string}/${string}`)
      reading.catch(() => undefined)
      await clock.advance(20)
      const state = (await reading)?.state
      return state === undefined ? {} : { ...(state.snapshot.context as Counted), version: state.version }
    },
    /** Of one kind, the version that serves each partition now. */
    versions(kind: string): (number | undefined)[] {
      return Array.from({ length: partitions }, (_, number) => {
        const owners = all.filter(({ node }) => node.partitions.some(({ partition }) => partition === number))
        return owners.length === 1 ? owners[0]?.node.kinds.get(kind)?.version : undefined
      })
    },
    ownerOf: (address: string) =>
      all
        .filter(({ node }) =>
          node.partitions.some(
            ({ partition }) => partition === partitionOf(address as `${string}/${string}`, partitions),
          ),
        )
        .map(({ node }) => node.name)
        .join(),
    entry: async (kind: string): Promise<KindEntry> => (await settled(clock, kindEntry(client, kind))) as KindEntry,
    advance: (kind: string, share: number | 'auto') =>
      settled(
        clock,
        changeKind(client, kind, (now) => now && advanced(now, share, { by: 'ann', at: clock.now() })),
      ),
    undo: (kind: string) =>
      settled(
        clock,
        changeKind(client, kind, (now) => now && undone(now, { by: 'ann', at: clock.now() })),
      ),
    get longestMs() {
      return longestMs
    },
    parked: () => traces.flatMap((one) => (one.is === 'parked' ? [`${one.address} ${one.fault.code}`] : [])),
    end() {
      hearing.stop()
      for (const { node } of all) node.kill()
    },
  }
  return world
}

async function settled<T>(clock: { advance(ms: number): Promise<void> }, work: Promise<T>): Promise<T> {
  work.catch(() => undefined)
  await clock.advance(5)
  return await work
}
