/**
 * The public door of perdure: what a program that embeds it imports. Defaults come from `config/`
 * here and nowhere below; everything behind this file takes every value it needs.
 */
import type { AnyActorLogic } from 'xstate'
import { type Config, openConfig } from '#config/open-config.ts'
import { busOptionsOf, clientOptionsOf, nodeOptionsOf, storeOptionsOf } from '#config/options.ts'
import { readAuth } from '#config/read-auth.ts'
import type { ActorKind } from '#protocol/actor.ts'
import { isFault, storedFaultOf } from '#protocol/fault.ts'
import { openLmdbStore, removeStore } from '#store/lmdb-store.ts'
import type { Store } from '#store/store.ts'
import type { Bus } from './bus.ts'
import { realmHandleOf, type RealmHandle } from './client/realm-handle.ts'
import { type Clock, systemClock } from './clock.ts'
import { openBus } from './nats/open-bus.ts'
import type { BusAuth } from './nats/bus-options.ts'
import { type Node, startNode } from './node.ts'
import { nodeLoginFile, readLogin } from './server/credentials.ts'
import { trace } from './trace.ts'

export { actor } from '#protocol/actor.ts'
export type { ActorKind, CronPolicy, EffectPolicy, KindOptions, Schema, SupervisionPolicy } from '#protocol/actor.ts'
export { type Address, addressOf, keyOf, kindOf, parseAddress } from '#protocol/address.ts'
export { Ref } from '#protocol/codec.ts'
export type { AnyEvent, EffectResult } from '#protocol/envelope.ts'
export { Fault, type FaultCode, isFault } from '#protocol/fault.ts'
export type { ActorState, Book, Effect, Timer } from '#protocol/state.ts'
export type { ActorHandle, AskOptions, SendOptions } from './client/actor-handle.ts'
export type { Operations, ShownActor } from './client/operate.ts'
export type { ParkedBox, ParkedEntry } from './client/parked.ts'
export type { RealmHandle } from './client/realm-handle.ts'
export { type Clock, systemClock } from './clock.ts'
export { refTo, reply, subscribe, tell, unsubscribe, unwatch, watch } from './core/actions.ts'
export type { Node, NodeHealth } from './node.ts'
export { onTrace, type Trace } from './trace.ts'

/** Settings by the names that `perdure config` lists, for example `{ 'actors.idleMs': 5000 }`. */
export type Settings = Readonly<Record<string, string | number | boolean | readonly string[]>>

export type OpenOptions = {
  readonly realm: string
  readonly servers?: string | readonly string[]
  /** By default the credentials that `perdure up` keeps in `dir`. */
  readonly auth?: BusAuth
  /** Where the store and the credentials stand; `.perdure` by default. */
  readonly dir?: string
  readonly settings?: Settings
  readonly clock?: Clock
}

export type OpenNodeOptions = OpenOptions & {
  readonly actors: readonly ActorKind<AnyActorLogic>[]
  readonly name?: string
}

export type OpenRealmOptions = OpenOptions & {
  /** A name of your own makes ids and asks of this program the same ones after its restart. */
  readonly client?: string
}

/** Starts a node in this process: it claims the realm's partitions and runs its actors until it is stopped. */
export async function openNode(options: OpenNodeOptions): Promise<Node> {
  const config = configOf(options, options.name)
  const bus = await openBus({ ...busOptionsOf(config), create: true, auth: await authOf(options, config) })
  try {
    const store = await openStore(bus, config)
    try {
      const node = await startNode({ bus, store, clock: options.clock ?? systemClock, actors: options.actors }, nodeOptionsOf(config))
      return closing(node, async () => {
        await store.close()
        await bus.close()
      })
    } catch (error) {
      await store.close()
      throw error
    }
  } catch (error) {
    await bus.close()
    throw error
  }
}

/** Connects to a realm to send, ask and look. Machines run in nodes, not here. */
export async function openRealm(options: OpenRealmOptions): Promise<RealmHandle> {
  const config = configOf(options, options.client)
  const bus = await openBus({ ...busOptionsOf(config), create: false, auth: await authOf(options, config) })
  return realmHandleOf({ bus, clock: options.clock ?? systemClock }, { ...clientOptionsOf(config), client: options.client })
}

function configOf(options: OpenOptions, name: string | undefined): Config {
  const { realm, servers, dir, settings = {} } = options
  const flags: Record<string, string | boolean | readonly string[]> = { realm }
  if (servers !== undefined) flags['servers'] = typeof servers === 'string' ? [servers] : servers
  if (dir !== undefined) flags['dir'] = dir
  if (name !== undefined) flags['name'] = name
  for (const [setting, value] of Object.entries(settings)) flags[setting] = typeof value === 'number' ? String(value) : value
  return openConfig({ flags })
}

async function authOf(options: OpenOptions, config: Config): Promise<BusAuth | undefined> {
  if (options.auth !== undefined) return options.auth
  const configured = readAuth(config)
  if (configured !== undefined) return configured
  const saved = await readLogin(nodeLoginFile(config.node.dir))
  return saved === undefined ? undefined : { user: saved.user, pass: saved.pass }
}

/** The fold of this node. One that cannot be read is made again from the log. */
async function openStore(bus: Bus, config: Config): Promise<Store> {
  const { name: realm, generation, partitions } = bus.realm
  const { createdAt } = await bus.logState()
  const options = { ...storeOptionsOf(config), identity: { realm, generation, partitions, log: createdAt } }
  try {
    return await openLmdbStore(options)
  } catch (error) {
    if (!isFault(error, 'store.corrupt')) throw error
    trace({ is: 'fold.rebuilt', reason: storedFaultOf(error).message })
    await removeStore(options.dir)
    return await openLmdbStore(options)
  }
}

function closing(node: Node, close: () => Promise<void>): Node {
  let closed: Promise<void> | undefined
  void node.ended.then(() => (closed ??= close()))
  const stop = async (): Promise<void> => {
    await node.stop()
    await (closed ??= close())
  }
  // The node's own members are getters over what changes, so it is extended and not copied.
  return Object.create(node, { stop: { value: stop }, [Symbol.asyncDispose]: { value: stop } }) as Node
}
