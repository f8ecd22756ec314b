/**
 * A realm as a program outside sees it: handles of actors, and what those may do who run them.
 */
import { randomBytes } from 'node:crypto'
import { nuid } from '@nats-io/nats-core'
import type { AnyActorLogic, InputFrom } from 'xstate'
import type { ActorKind } from '#protocol/actor.ts'
import { type Address, addressOf, kindOf, parseAddress } from '#protocol/address.ts'
import type { AnyEvent } from '#protocol/envelope.ts'
import { Fault } from '#protocol/fault.ts'
import { parseStored } from '#protocol/subject.ts'
import type { Archive } from '#store/archive.ts'
import type { Bus, LogEntry } from '#runtime/bus.ts'
import type { Clock } from '#runtime/clock.ts'
import { type Blueprint, blueprintOf } from '#runtime/core/blueprint.ts'
import { emittedOf } from '#runtime/core/emitted.ts'
import { checkPattern } from '#runtime/core/pattern.ts'
import type { SealedBaseOf } from '#runtime/cuts/restoring/put-layers.ts'
import type { BaseOf } from '#runtime/cuts/restoring/put-states.ts'
import type { Realms } from '#runtime/realms.ts'
import type { ReadBase } from '#runtime/past/anchors.ts'
import type { OpenGenerations } from '#runtime/past/epochs.ts'
import { type ActorHandle, handleOf } from './actor-handle.ts'
import { askingOf } from './asking.ts'
import { type RealmCuts, realmCutsOf } from './cuts.ts'
import { type RealmForks, realmForksOf } from './forks.ts'
import { type Operations, operationsOf } from './operate.ts'
import { type ParkedBox, parkedBoxOf } from './parked.ts'
import { type RealmPast, realmPastOf } from './past.ts'
import { repliesOf } from './replies.ts'
import { senderOf, type SenderOptions } from './sender.ts'
import { type ViewOptions, viewsOf } from './views.ts'

export type RealmOptions = SenderOptions & ViewOptions & { readonly client: string | undefined }

export interface RealmHandle extends AsyncDisposable {
  readonly name: string
  readonly partitions: number
  readonly client: string
  readonly bus: Bus
  readonly parked: ParkedBox
  readonly operate: Operations
  readonly cuts: RealmCuts
  readonly past: RealmPast
  readonly forks: RealmForks
  ref<TLogic extends AnyActorLogic>(kind: ActorKind<TLogic>, key: string): ActorHandle<TLogic>
  ref(kind: string, key: string): ActorHandle
  /** A handle from an address as text, for example `order/42`. */
  at(address: string): ActorHandle
  /** Creates an actor with input; again with the same input changes nothing. */
  start<TLogic extends AnyActorLogic>(
    kind: ActorKind<TLogic>,
    key: string,
    options: { readonly input: InputFrom<TLogic> },
  ): Promise<ActorHandle<TLogic>>
  start(kind: string, key: string, options: { readonly input: unknown }): Promise<ActorHandle>
  /** Sends an event to any address. */
  send(address: string, event: AnyEvent, options?: { readonly id?: string }): Promise<{ readonly seq: number }>
  /** Everything that machines emit, from now on or from a position: `pattern` is kind.key.type. */
  topic(pattern: string, on: (told: EmittedEntry) => void, from?: number): Promise<{ stop(): Promise<void> }>
  close(): Promise<void>
}

/** An emitted event, by whom, and where it stands. */
export type EmittedEntry = {
  readonly address: Address
  readonly event: AnyEvent
  readonly seq: number
  readonly at: number
}

const clientPattern = /^[A-Za-z0-9_-]{1,64}$/

export type RealmWorld = {
  readonly bus: Bus
  readonly clock: Clock
  readonly archive?: Archive | undefined
  /** Where the logs before the present one are found. */
  readonly generations?: OpenGenerations | undefined
  /** Where the log no longer reaches, bases are read. */
  readonly readBase?: ReadBase | undefined
  /** Where forks are made. */
  readonly realms?: (() => Promise<Realms>) | undefined
  readonly baseOf?: BaseOf | undefined
  readonly sealedBaseOf?: SealedBaseOf | undefined
}

export function realmHandleOf(
  { bus, clock, archive, generations, readBase, realms, baseOf, sealedBaseOf }: RealmWorld,
  options: RealmOptions,
): RealmHandle {
  // Nobody may guess it: who knows a session can send in its place. A client's name is no secret.
  const session = randomBytes(16).toString('base64url')
  const client = options.client ?? nuid.next()
  if (!clientPattern.test(client)) throw new Fault('client.invalid', { value: client })
  const sender = senderOf({ bus, clock }, session, options)
  const views = viewsOf({ bus, clock }, options)
  const replies = repliesOf(bus, client)
  const asking = askingOf({ sender, replies, clock }, client)
  const operate = operationsOf({ bus, clock, views }, client)
  const blueprints = new Map<ActorKind, Blueprint>()
  const world = { sender, views, asking, clock, client }

  function blueprintFor(kind: ActorKind | string): Blueprint | undefined {
    if (typeof kind === 'string') return [...blueprints.values()].find((one) => one.kind === kind)
    const known = blueprints.get(kind) ?? blueprintOf(kind)
    blueprints.set(kind, known)
    return known
  }

  const cuts = realmCutsOf({ bus, clock, archive, operate, blueprintFor })

  function given<T>(one: T | undefined): T {
    if (one === undefined) throw new Fault('cuts.noArchive', { realm: bus.realm.name })
    return one
  }

  const forks = realmForksOf({
    ...{ realm: bus.realm.name, clock, open: cuts.open },
    realms: async () => await given(realms)(),
    baseOf: (header, rows) => given(baseOf)(header, rows),
    bus: () => Promise.resolve(bus),
    archive: () => given(archive),
    sealedBaseOf,
  })

  function ref(kind: ActorKind | string, key: string): ActorHandle {
    return handleOf(world, addressOf(typeof kind === 'string' ? kind : kind.kind, key), blueprintFor(kind))
  }

  async function start(
    kind: ActorKind | string,
    key: string,
    { input }: { readonly input: unknown },
  ): Promise<ActorHandle> {
    const handle = ref(kind, key)
    await operate.start(handle.address, input)
    return handle
  }

  async function close(): Promise<void> {
    views.stop()
    await replies.stop()
    await bus.close()
  }

  return {
    name: bus.realm.name,
    partitions: bus.realm.partitions,
    client,
    bus,
    parked: parkedBoxOf({ bus, clock }),
    operate,
    cuts,
    forks,
    past: realmPastOf({ bus, clock, archive, cuts, operate, client, generations, readBase, blueprintFor }, options),
    ref,
    at(text) {
      const address: Address = parseAddress(text)
      return handleOf(world, address, blueprintFor(kindOf(address)))
    },
    start,
    send: (address, event, given = {}) =>
      sender.send(parseAddress(address), event, given.id === undefined ? {} : { client, id: given.id }),
    async topic(pattern, on, from) {
      const start = from ?? (await bus.logState()).lastSeq + 1
      return await bus.read({
        filter: `${bus.realm.name}.ev.${checkPattern(pattern)}`,
        from: start,
        onEntry: (entry) => tellEmitted(entry, on),
      })
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

function tellEmitted({ subject, data, seq, at }: LogEntry, on: (told: EmittedEntry) => void): void {
  const stored = parseStored(subject)
  if (stored.is === 'ev') on({ address: stored.address, event: emittedOf(data), seq, at })
}
