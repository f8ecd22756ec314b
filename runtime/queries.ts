/**
 * Answers questions about the present: the state of an actor, lists, histories, and live views
 * for those who watch. Invariant: what is shown was committed; a state that could still be
 * refused is never seen from outside.
 */
import type { Address } from '#protocol/address.ts'
import { encode } from '#protocol/codec.ts'
import { storedFaultOf } from '#protocol/fault.ts'
import { partitionOf } from '#protocol/partition.ts'
import { decodeQuery, encodeAnswered, type Query, type Seen, type SeenHistory, type SeenPartition } from '#protocol/query.ts'
import type { Change } from '#protocol/record.ts'
import { encodeState } from '#protocol/state.ts'
import { subjects } from '#protocol/subject.ts'
import type { Store } from '#store/store.ts'
import type { Bus } from './bus.ts'
import type { Clock } from './clock.ts'
import { stateOf } from './core/live.ts'
import type { Partition } from './partition.ts'

export type Queries = {
  /** An actor's state was committed. */
  moved(address: Address, change: Change, settled: boolean): void
  serve(partition: number): void
  withdraw(partition: number): void
  stop(): void
}

type World = { readonly bus: Bus; readonly store: Store; readonly clock: Clock; readonly node: string; readonly partition: (number: number) => Partition | undefined }

export function queriesOf(world: World): Queries {
  const { bus, store, clock } = world
  const served = new Map<number, { stop(): void }>()
  /** Address to inbox to the end of its lease. */
  const watchers = new Map<Address, Map<string, number>>()

  function committedOf(partition: Partition, address: Address): Uint8Array | undefined {
    const resident = partition.peek(address)
    if (resident !== undefined && resident.staged === 0) return resident.live === undefined ? undefined : encodeState(stateOf(resident.live))
    if (resident?.committed !== undefined) return resident.committed
    const array = store.read(address)
    return array === undefined ? undefined : encode(array)
  }

  function seen(partition: Partition, address: Address): Seen {
    return { address, state: committedOf(partition, address), depth: partition.depthOf(address) }
  }

  function answer(partition: Partition, query: Query): unknown {
    switch (query.is) {
      case 'state':
        return seen(partition, query.address)
      case 'watch': {
        const inboxes = watchers.get(query.address) ?? new Map<string, number>()
        inboxes.set(query.inbox, clock.now() + query.leaseMs)
        watchers.set(query.address, inboxes)
        return seen(partition, query.address)
      }
      case 'unwatch':
        watchers.get(query.address)?.delete(query.inbox)
        return {}
      case 'list':
        return [...store.addresses(listOptions(partition.partition, query))].map((address) => seen(partition, address))
      case 'history': {
        const lines = [...store.history(query.address, { limit: query.limit, ...(query.before === undefined ? {} : { before: query.before }) })]
        return { lines: lines.map(({ n, seq, at, steps }) => ({ n, seq, at, steps })) } satisfies SeenHistory
      }
      case 'partition': {
        const { epoch, n, seq, cursor } = partition.position
        const { queued, staged } = partition.depth
        return { partition: partition.partition, epoch, n, seq, cursor, queued, staged, residents: partition.residents, actors: store.count(), node: world.node } satisfies SeenPartition
      }
    }
  }

  return {
    moved(address, change, settled) {
      const inboxes = watchers.get(address)
      if (inboxes === undefined) return
      const state = change.is === 'full' ? change.state : change.is === 'gone' ? undefined : settled ? stateNow(address) : null
      if (state === null) return
      const now = clock.now()
      for (const [inbox, until] of inboxes) {
        if (until < now) inboxes.delete(inbox)
        else bus.tell(inbox, encodeAnswered<Seen>({ ok: { address, state, depth: 0 } }))
      }
      if (inboxes.size === 0) watchers.delete(address)
    },
    serve(number) {
      const serving = bus.serve(subjects.query(bus.realm, number), async (data) => {
        const partition = world.partition(number)
        try {
          if (partition === undefined) return encodeAnswered({ fault: { code: 'partition.unowned', message: 'not served here' } })
          const query = decodeQuery(data)
          // Lists and histories are the store's; what was committed must be in it first.
          if (query.is === 'list' || query.is === 'history') await partition.settle()
          return encodeAnswered({ ok: answer(partition, query) })
        } catch (error) {
          const { code, message } = storedFaultOf(error)
          return encodeAnswered({ fault: { code, message } })
        }
      })
      served.set(number, serving)
    },
    withdraw(number) {
      served.get(number)?.stop()
      served.delete(number)
    },
    stop() {
      for (const serving of served.values()) serving.stop()
      served.clear()
      watchers.clear()
    },
  }

  function stateNow(address: Address): Uint8Array | undefined {
    const partition = world.partition(partitionOf(address, bus.realm.partitions))
    return partition === undefined ? undefined : committedOf(partition, address)
  }
}

function listOptions(partition: number, query: Extract<Query, { is: 'list' }>): { partition: number; kind?: string; after?: Address; limit: number } {
  return {
    partition,
    limit: query.limit,
    ...(query.kind === undefined ? {} : { kind: query.kind }),
    ...(query.after === undefined ? {} : { after: query.after }),
  }
}
