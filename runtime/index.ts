/**
 * The public door of perdure: what a program that embeds it imports. Defaults come from `config/`
 * here and nowhere below; everything behind this file takes every value it needs.
 */
import { type Config, openConfig } from '#config/open-config.ts'
import type { FlagValue } from '#config/read-settings.ts'
import { flagNameOf } from '#config/setting.ts'
import { type SettingName, settings } from '#config/settings.ts'
import type { ActorKind } from '#protocol/actor.ts'
import type { RealmHandle } from './client/realm-handle.ts'
import type { Clock } from './clock.ts'
import type { Invariant } from './cuts/reading/invariant.ts'
import type { BusAuth } from './nats/bus-options.ts'
import type { Node } from './node.ts'
import { openConfiguredNode, openConfiguredRealm } from './wiring.ts'

export { actor } from '#protocol/actor.ts'
export type { ActorKind, CronPolicy, EffectPolicy, KindOptions, Schema, SupervisionPolicy } from '#protocol/actor.ts'
export { type Address, addressOf, keyOf, kindOf, parseAddress } from '#protocol/address.ts'
export { Ref } from '#protocol/codec.ts'
export type { AnyEvent, EffectResult } from '#protocol/envelope.ts'
export { Fault, type FaultCode, isFault } from '#protocol/fault.ts'
export type { ActorState, Book, Effect, Timer } from '#protocol/state.ts'
export type { ActorHandle, AskOptions, SendOptions } from './client/actor-handle.ts'
export type { Drained, Draining, SeenNode, SeenPlace, SeenRealm, Unowned } from './client/nodes.ts'
export type { Operations, ShownActor } from './client/operate.ts'
export type { ParkedBox, ParkedEntry } from './client/parked.ts'
export type { PastSight, RealmPast, When } from './client/past.ts'
export type { LostEvent, Rewinding, RewindOptions, Rewound } from './client/rewinding.ts'
export type { Fork, MakeForkOptions, RealmForks, SeenFork } from './client/forks.ts'
export type { EmittedEntry, RealmHandle } from './client/realm-handle.ts'
export { type Clock, systemClock } from './clock.ts'
export { refTo, reply, subscribe, tell, unsubscribe, unwatch, watch } from './core/actions.ts'
export type { Node, NodeHealth } from './node.ts'
export { type Eventual, eventually } from './cuts/reading/eventually.ts'
export {
  type ActorInCut,
  type CheckedCut,
  type CutMemory,
  type FlyingEnvelope,
  invariant,
  type Invariant,
} from './cuts/reading/invariant.ts'
export type { DebugStep } from './past/debug.ts'
export type { Input } from './past/inputs.ts'
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
  readonly actors: readonly ActorKind[]
  /** What must hold in every cut: made with `invariant(name, holds)` or `eventually(name, …)`. */
  readonly invariants?: readonly Invariant[]
  readonly name?: string
}

export type OpenRealmOptions = OpenOptions & {
  /** A name of your own makes ids and asks of this program the same ones after its restart. */
  readonly client?: string
}

/** Starts a node in this process: it claims the realm's partitions and runs its actors until it is stopped. */
export async function openNode(options: OpenNodeOptions): Promise<Node> {
  return await openConfiguredNode(configOf(options, options.name), options)
}

/** Connects to a realm to send, ask and look. Machines run in nodes, not here. */
export async function openRealm(options: OpenRealmOptions): Promise<RealmHandle> {
  return await openConfiguredRealm(configOf(options, options.client), options)
}

function configOf(options: OpenOptions, name: string | undefined): Config {
  const { realm, servers, dir, settings: given = {} } = options
  const flags: Record<string, FlagValue> = {
    realm,
    dir,
    name,
    servers: typeof servers === 'string' ? [servers] : servers,
  }
  for (const [setting, value] of Object.entries(given)) {
    const flag = setting in settings ? flagNameOf(setting, settings[setting as SettingName]) : setting
    flags[flag] = typeof value === 'number' ? String(value) : value
  }
  return openConfig({ flags })
}
