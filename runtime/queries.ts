/**
 * Answers questions about the present: the state of an actor, lists, histories, and live views
 * for those who watch. Invariant: what is shown was committed; a state that could still be
 * refused is never seen from outside.
 */
import { type Address, kindOf } from '#protocol/address.ts'
import { encode } from '#protocol/codec.ts'
import { type StoredFault, storedFaultOf } from '#protocol/fault.ts'
import { partitionOf } from '#protocol/partition.ts'
import {
  decodeQuery,
  encodeAnswered,
  type Query,
  type Seen,
  type SeenHistory,
  type SeenPartition,
} from '#protocol/query.ts'
import type { Change } from '#protocol/record.ts'
import { type ActorState, decodeState, encodeState } from '#protocol/state.ts'
import { subjects } from '#protocol/subject.ts'
import type { Store } from '#store/store.ts'
import { answersOf } from './answers.ts'
import type { Bus } from './bus.ts'
import type { Clock } from './clock.ts'
import type { Blueprint } from './core/blueprint.ts'
import { blueprintFor, stateOf } from './core/live.ts'
import { migrate } from './core/migrate.ts'
import { tagsOfState } from './core/tags.ts'
import type { Effects } from './effects/effects.ts'
import type { Partition } from './partition/partition.ts'
import { isUnreadable } from './partition/unreadable.ts'
import { rehearse } from './rollouts/rehearse.ts'

export type Queries = {
  /** An actor's state was committed. */
  moved(address: Address, change: Change, settled: boolean): void
  serve(partition: number): void
  withdraw(partition: number): void
  stop(): void
}

type World = {
  readonly bus: Bus
  readonly store: Store
  readonly clock: Clock
  readonly kinds: ReadonlyMap<string, Blueprint>
  readonly effects: Pick<Effects, 'isUndecided' | 'placeOf'>
  readonly node: string
  readonly partition: (number: number) => Partition | undefined
}

/** Room in an entry of core NATS for what stands around a state: what does not fit goes out in parts. */
const marginBytes = 8192

export function queriesOf(world: World, options: { readonly answerBytesMost: number }): Queries {
  const { bus, store, clock, kinds, effects } = world
  const served = new Map<number, { stop(): void }>()
  /** Address to inbox to the end of its lease. */
  const watchers = new Map<Address, Map<string, number>>()
  let sweepAt = 1000
  const most = bus.maxPayload - marginBytes
  const answers = answersOf(clock, { partBytes: most, ...options })

  function committedOf(partition: Partition, address: Address): Uint8Array | undefined {
    const resident = partition.peek(address)
    if (resident !== undefined && resident.staged === 0)
      return resident.live === undefined ? undefined : encodeState(stateOf(resident.live))
    if (resident?.committed !== undefined) return resident.committed
    const array = store.read(address)
    return array === undefined ? undefined : encode(array)
  }

  function seen(partition: Partition, address: Address): Seen {
    const bytes = committedOf(partition, address)
    const depth = partition.depthOf(address)
    if (bytes === undefined) return { address, state: undefined, depth }
    return { address, state: bytes, depth, ...sidesOf(address, decodeState(bytes)) }
  }

  /** What only the owner knows of a state. */
  function sidesOf(address: Address, state: ActorState): Pick<Seen, 'tags' | 'undecided' | 'places' | 'unfit'> {
    const pending = Object.keys(state.book.effects ?? {})
    const undecided = pending.filter((id) => effects.isUndecided(id))
    const places = pending.flatMap((id) => {
      const place = effects.placeOf(id)
      return place === undefined ? [] : [[id, place] as const]
    })
    const unfit = unfitOf(kinds.get(kindOf(address)), state)
    return {
      tags: tagsOfState(kinds, address, state),
      ...(undecided.length === 0 ? {} : { undecided }),
      ...(places.length === 0 ? {} : { places: Object.fromEntries(places) }),
      ...(unfit === undefined ? {} : { unfit }),
    }
  }

  /** As many as one answer holds, and at least one; those who ask go on behind the last. */
  function page(partition: Partition, query: Extract<Query, { is: 'list' }>): Seen[] {
    const found: Seen[] = []
    const depths = partition.depths()
    let size = 0
    for (const address of store.addresses(listOptions(partition.partition, query))) {
      const whole = committedOf(partition, address)
      const depth = depths.get(address) ?? 0
      if (whole === undefined) {
        found.push({ address, state: undefined, depth })
        continue
      }
      const state = decodeState(whole)
      const bytes = query.brief === true || whole.length > most ? encodeState(briefly(state)) : whole
      size += bytes.length + 512
      if (found.length > 0 && size > most) break
      found.push({ address, state: bytes, depth, ...sidesOf(address, state) })
    }
    return found
  }

  function forget(address: Address, inbox: string): void {
    const inboxes = watchers.get(address)
    inboxes?.delete(inbox)
    if (inboxes?.size === 0) watchers.delete(address)
  }

  /** Of those who went away without a word, whose actors rest: now and then, so that it costs nothing. */
  function sweep(): void {
    if (watchers.size < sweepAt) return
    const now = clock.now()
    for (const [address, inboxes] of watchers)
      for (const [inbox, until] of inboxes) if (until < now) forget(address, inbox)
    sweepAt = Math.max(1000, watchers.size * 2)
  }

  function answer(partition: Partition, query: Exclude<Query, { is: 'part' }>): unknown {
    switch (query.is) {
      case 'state':
        return seen(partition, query.address)
      case 'watch': {
        sweep()
        const inboxes = watchers.get(query.address) ?? new Map<string, number>()
        inboxes.set(query.inbox, clock.now() + query.leaseMs)
        watchers.set(query.address, inboxes)
        return seen(partition, query.address)
      }
      case 'unwatch':
        forget(query.address, query.inbox)
        return {}
      case 'list':
        return page(partition, query)
      case 'history': {
        const lines = [
          ...store.history(query.address, {
            limit: query.limit,
            ...(query.before === undefined ? {} : { before: query.before }),
          }),
        ]
        return { lines: lines.map(({ n, seq, at, steps }) => ({ n, seq, at, steps })) } satisfies SeenHistory
      }
      case 'rehearse':
        return rehearse({ store, kinds }, partition.partition, query)
      case 'partition': {
        const { epoch, n, seq, cursor } = partition.position
        const { queued, staged } = partition.depth
        return {
          partition: partition.partition,
          epoch,
          n,
          seq,
          cursor,
          queued,
          staged,
          residents: partition.residents,
          actors: store.count(),
          node: world.node,
        } satisfies SeenPartition
      }
    }
  }

  return {
    moved(address, change, settled) {
      const inboxes = watchers.get(address)
      if (inboxes === undefined) return
      const state =
        change.is === 'full' ? change.state : change.is === 'gone' ? undefined : settled ? stateNow(address) : null
      if (state === null) return
      // What is too large to be told is asked for, as often as whoever watches can take it.
      const isLarge = state !== undefined && state.length > most
      const told = encodeAnswered<Seen>(isLarge ? { again: true } : { ok: { address, state, depth: 0 } })
      const now = clock.now()
      for (const [inbox, until] of inboxes) {
        if (until < now) inboxes.delete(inbox)
        else bus.tell(inbox, told)
      }
      if (inboxes.size === 0) watchers.delete(address)
    },
    serve(number) {
      const serving = bus.serve(subjects.query(bus.realm, number), async (data) => {
        const partition = world.partition(number)
        try {
          if (partition === undefined)
            return encodeAnswered({ fault: { code: 'partition.unowned', message: 'not served here' } })
          const query = decodeQuery(data)
          if (query.is === 'part') return answers.part(query.id, query.part)
          // Lists and histories are the store's; what was committed must be in it first.
          if (query.is === 'list' || query.is === 'history' || query.is === 'rehearse') await partition.settle()
          return answers.give(encodeAnswered({ ok: answer(partition, query) }))
        } catch (error) {
          // Nobody may ever step that actor: who looks at it is the one that finds out.
          if (isUnreadable(error)) partition?.fail(error)
          const { code, message } = storedFaultOf(error)
          return encodeAnswered({ fault: { code, message } })
        }
      })
      served.set(number, serving)
      bus.tell(subjects.owned(bus.realm, number), new Uint8Array())
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

/** Migration happens when an actor is next woken; until then this says whether it will succeed. */
function unfitOf(root: Blueprint | undefined, state: ActorState): StoredFault | undefined {
  if (root === undefined) return undefined
  if (state.book.unfit !== undefined || state.book.ended !== undefined) return state.book.unfit
  try {
    migrate(blueprintFor(root, state.book), state)
    return undefined
  } catch (error) {
    return storedFaultOf(error)
  }
}

/** Where it stands, without what it knows. */
function briefly({ snapshot, ...state }: ActorState): ActorState {
  return { ...state, snapshot: { ...snapshot, context: undefined, output: undefined } }
}

function listOptions(
  partition: number,
  query: Extract<Query, { is: 'list' }>,
): { partition: number; kind?: string; after?: Address; limit: number } {
  return {
    partition,
    limit: query.limit,
    ...(query.kind === undefined ? {} : { kind: query.kind }),
    ...(query.after === undefined ? {} : { after: query.after }),
  }
}
