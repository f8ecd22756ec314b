/**
 * What those may do who run actors: begin, stop and delete them, cancel a timer, decide an
 * effect whose outcome is unknown, list and read. Needs a node's rights: it writes to mailboxes
 * as `c`, which the public address can never become.
 */
import { nuid } from '@nats-io/nats-core'
import { type Address, kindOf } from '#protocol/address.ts'
import { type Content, type EffectResult, encodeEnvelope } from '#protocol/envelope.ts'
import type { DrainRequest } from '#protocol/drain.ts'
import type { StoredFault } from '#protocol/fault.ts'
import { partitionOf } from '#protocol/partition.ts'
import type { EffectPlace, Seen, SeenHistory, SeenPartition } from '#protocol/query.ts'
import { type ActorState, decodeState } from '#protocol/state.ts'
import type { Standstill } from '#protocol/standstill.ts'
import { subjects } from '#protocol/subject.ts'
import type { Bus } from '#runtime/bus.ts'
import type { Clock } from '#runtime/clock.ts'
import type { KindEntry } from '#runtime/core/kind-entry.ts'
import { type Drained, type Draining, drainNode, lookAtNodes, type SeenRealm } from './nodes.ts'
import { readStandstill } from '#runtime/members/standstill.ts'
import { thawTimers } from './thaw.ts'
import type { Views } from './views.ts'
import { tryWayBack } from './way-back.ts'

export type ShownActor = {
  readonly address: Address
  readonly state: ActorState
  readonly depth: number
  /** Absent when no node serves its kind. */
  readonly tags: readonly string[] | undefined
  /** Effects that wait for a person to say how they ended. */
  readonly undecided: readonly string[]
  /** By id, effects that do not run where their actor is: on which node they do, or why on none. */
  readonly places: Readonly<Record<string, EffectPlace>>
  /** Why its stored state does not fit the definition that its node runs. */
  readonly unfit: StoredFault | undefined
}

export type Operations = {
  start(address: Address, input: unknown): Promise<void>
  stop(address: Address): Promise<void>
  delete(address: Address): Promise<void>
  cancelTimer(address: Address, name: string): Promise<void>
  resolveEffect(address: Address, effect: string, result: EffectResult): Promise<void>
  /** Actors in no particular order, page by page; `brief` leaves contexts and outputs out. */
  list(options?: { readonly kind?: string; readonly brief?: boolean }): AsyncIterable<ShownActor>
  show(address: Address): Promise<ShownActor | undefined>
  history(
    address: Address,
    options: { readonly limit: number; readonly before?: number },
  ): Promise<SeenHistory['lines']>
  partitions(): Promise<SeenPartition[]>
  /** One of them; a fault when nobody owns it. */
  partition(number: number): Promise<SeenPartition>
  /** Who runs the realm, and which node has what. */
  nodes(): Promise<SeenRealm>
  /** Tries on all that is stored whether a rollout could be undone; throws `rollout.downFails`, and changes nothing. */
  tryWayBack(entry: KindEntry): Promise<void>
  /** Whether timers stand still, or did in this generation. */
  standstill(): Promise<Standstill | undefined>
  /** Ends that; throws `timers.free` where they do not. */
  thawTimers(): Promise<Standstill>
  /** Lets a node give its partitions away, then stop or stay, or take its share again; resolves when that is so. */
  drain(name: string, asked: DrainRequest, onProgress?: (progress: Draining) => void): Promise<Drained>
}

const pageSize = 200

export function operationsOf(
  { bus, clock, views }: { readonly bus: Bus; readonly clock: Clock; readonly views: Views },
  client: string,
): Operations {
  async function control(address: Address, content: Content): Promise<void> {
    const data = encodeEnvelope({
      to: address,
      content,
      from: client,
      at: clock.now(),
      id: nuid.next(),
      n: 0,
      index: 0,
      generation: bus.realm.generation,
      cause: undefined,
      ask: undefined,
      deadline: undefined,
      traceparent: undefined,
    })
    await bus.append({
      subject: subjects.in(bus.realm, partitionOf(address, bus.realm.partitions), 'c', address),
      data,
    })
  }

  const shown = (seen: Seen): ShownActor | undefined =>
    seen.state === undefined
      ? undefined
      : {
          address: seen.address,
          state: decodeState(seen.state),
          depth: seen.depth,
          tags: seen.tags,
          undecided: seen.undecided ?? [],
          places: seen.places ?? {},
          unfit: seen.unfit,
        }

  async function* list({
    kind,
    brief = false,
  }: { readonly kind?: string; readonly brief?: boolean } = {}): AsyncGenerator<ShownActor> {
    for (let partition = 0; partition < bus.realm.partitions; partition++) {
      let after: Address | undefined
      for (;;) {
        const page: Seen[] = await views.query(partition, { is: 'list', kind, after, limit: pageSize, brief })
        for (const seen of page) {
          const actor = shown(seen)
          if (actor !== undefined && (kind === undefined || kindOf(actor.address) === kind)) yield actor
        }
        // A page ends where an answer is full, so only an empty one is the last.
        if (page.length === 0) break
        after = page.at(-1)?.address
      }
    }
  }

  const partition = (number: number): Promise<SeenPartition> => views.query<SeenPartition>(number, { is: 'partition' })

  return {
    start: (address, input) => control(address, { is: 'start', input }),
    stop: (address) => control(address, { is: 'stop', reason: 'operator' }),
    delete: (address) => control(address, { is: 'delete' }),
    cancelTimer: (address, name) => control(address, { is: 'cancelTimer', name }),
    resolveEffect: (address, effect, result) => control(address, { is: 'resolveEffect', effect, result }),
    list,
    async show(address) {
      return shown(await views.query<Seen>(partitionOf(address, bus.realm.partitions), { is: 'state', address }))
    },
    async history(address, options) {
      const partition = partitionOf(address, bus.realm.partitions)
      const answer = await views.query<SeenHistory>(partition, { is: 'history', address, ...options })
      return answer.lines
    },
    async partitions() {
      const numbers = Array.from({ length: bus.realm.partitions }, (_, number) => number)
      return await Promise.all(numbers.map(partition))
    },
    partition,
    tryWayBack: (entry) => tryWayBack({ views, partitions: bus.realm.partitions }, entry),
    nodes: () => lookAtNodes({ bus, clock }),
    standstill: () => readStandstill(bus.notes, bus.realm.generation),
    thawTimers: () => thawTimers({ bus, clock }),
    drain: (name, asked, onProgress = () => undefined) => drainNode({ bus, clock }, { name, asked }, onProgress),
  }
}
