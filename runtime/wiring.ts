/**
 * What is behind the doors: the parts put together from a configuration. The library's door reads
 * one from what a program says, the command line from what a person typed; both get the same node
 * and the same realm. It adds no clause of its own to the design's sentence.
 */
import { configOfRealm } from '#config/config-of-realm.ts'
import type { Config } from '#config/open-config.ts'
import {
  archiveOptionsOf,
  busOptionsOf,
  clientOptionsOf,
  keyPlaceOf,
  nodeOptionsOf,
  storeOptionsOf,
} from '#config/options.ts'
import { readAuth } from '#config/read-auth.ts'
import type { ActorKind } from '#protocol/actor.ts'
import { Fault, isFault, storedFaultOf } from '#protocol/fault.ts'
import type { Archive } from '#store/archive.ts'
import { baseOfRows, openBaseReader } from '#store/base-blob.ts'
import { openLmdbArchive } from '#store/lmdb-archive.ts'
import { openLmdbStore, removeStore } from '#store/lmdb-store.ts'
import { openMemoryArchive } from '#store/memory-archive.ts'
import { sealerOf } from '#store/seal.ts'
import { sealedBaseOf } from '#store/sealed-base.ts'
import type { Store } from '#store/store.ts'
import type { Bus } from './bus.ts'
import { openForkJournal } from './fork-journal.ts'
import { realmHandleOf, type RealmHandle } from './client/realm-handle.ts'
import { type Clock, systemClock } from './clock.ts'
import type { Invariant } from './cuts/reading/invariant.ts'
import { ensureCutKey, readCutKey } from './cuts/reading/cut-key.ts'
import { openGenerations, type OpenGenerations } from './nats/generations.ts'
import { openBus } from './nats/open-bus.ts'
import { openRealms } from './nats/realms.ts'
import { openPlacedView } from './mending/placed-view.ts'
import type { BusAuth, BusOptions } from './nats/bus-options.ts'
import type { ReadBase } from './past/anchors.ts'
import { patiently } from './patience.ts'
import { goingOn, type OpenNext } from './going-on.ts'
import { openedTogether } from './opened.ts'
import { startNode } from './start-node.ts'
import type { Node } from './node.ts'
import { nodeLoginFile, readLogin } from './server/credentials.ts'
import { trace } from './trace.ts'

export type Given = {
  /** By default the configured one, else the credentials that the first start made in `dir`. */
  readonly auth?: BusAuth | undefined
  readonly clock?: Clock | undefined
}

type GivenNode = Given & {
  readonly actors: readonly ActorKind[]
  /** What must hold in every cut. */
  readonly invariants?: readonly Invariant[] | undefined
  /** Whether servers that do not answer are waited for, as they are by default; whoever began one itself need not. */
  readonly isPatient?: boolean
  /** Ends the waiting. */
  readonly signal?: AbortSignal | undefined
}

export async function openConfiguredNode(config: Config, given: GivenNode): Promise<Node> {
  const { name, 'bus.retryMs': retryMs, 'start.patienceMs': patienceMs } = config.node
  const opening: Opening = {}
  const open: OpenNext = (isAgain, signal) =>
    patiently(() => openMended(config, given, opening), {
      ...{ name, retryMs, clock: given.clock ?? systemClock, signal },
      patienceMs: isAgain ? Number.POSITIVE_INFINITY : given.isPatient === false ? 0 : patienceMs,
    })
  return await goingOn(open, given.signal)
}

/**
 * A node that served a fork serves that and nothing else: without it, there is nothing to make. What it
 * reached it with may have gone with the fork's directory.
 */
type Opening = { fork?: Access }

/** Some damage shows itself only when the node reads what it begins with: then it begins without it. */
async function openMended(config: Config, given: GivenNode, opening: Opening): Promise<Node> {
  try {
    return await openOnce(config, given, opening)
  } catch (error) {
    if (!isFault(error, 'store.corrupt')) throw error
    removeDamaged(config, error)
    return await openOnce(config, given, opening)
  }
}

async function openOnce(config: Config, given: GivenNode, opening: Opening): Promise<Node> {
  const access = opening.fork ?? (await accessOf(config, given.auth))
  const clock = given.clock ?? systemClock
  const create = opening.fork === undefined
  const bus = await openBus({ ...busOptionsOf(config), ...access, create }).catch((error: unknown) => {
    const isGone = !create && isFault(error, 'realm.missing')
    throw isGone ? new Fault('fork.gone', { value: config.cluster.realm }, { cause: error }) : error
  })
  const opened = openedTogether()
  opened.use(bus)
  try {
    if (bus.fork !== undefined) opening.fork = access
    const openRealm = (realm: string): Promise<RealmHandle> => openConfiguredRealm(configOfRealm(config, realm), given)
    const reached = { own: { ...busOptionsOf(config), ...access }, retryMs: config.node['bus.retryMs'] }
    const journal = bus.fork && opened.use(openForkJournal({ clock, openRealm }, bus.fork, reached))
    const archive = await openArchive(bus, config)
    if (archive !== undefined) opened.use(archive)
    const store = opened.use(await openStore(bus, config, archive))
    const node = await startNode(
      { bus, store, archive, clock, journal, actors: given.actors, invariants: given.invariants },
      nodeOptionsOf(config),
    )
    return closing(node, () => opened[Symbol.asyncDispose]())
  } catch (error) {
    await opened[Symbol.asyncDispose]()
    throw error
  }
}

export async function openConfiguredRealm(
  config: Config,
  given: Given & { readonly client?: string | undefined },
): Promise<RealmHandle> {
  const clock = given.clock ?? systemClock
  const options = await reachOf(config, given.auth)
  const raw = await openBus(options)
  try {
    // What nodes tell of the log are positions.
    const bus = await openPlacedView({ bus: raw, clock }, { retryMs: config.node['bus.retryMs'] })
    const archive = openMemoryArchive(undefined, await readCutKey(keyPlaceOf(config)))
    const generations = (): Promise<OpenGenerations> => openGenerations(options)
    const { unsealed: unseal } = archive
    const readBase: ReadBase = (bytes, ours, beside) => openBaseReader(bytes, ours, { unseal, ...beside })
    return realmHandleOf(
      {
        bus,
        clock,
        archive,
        generations,
        readBase,
        realms: () => openRealms(options),
        baseOf: baseOfRows,
        sealedBaseOf,
      },
      { ...clientOptionsOf(config), client: given.client },
    )
  } catch (error) {
    await raw.close()
    throw error
  }
}

/** How a realm that is there is reached. */
export async function reachOf(config: Config, auth?: BusAuth): Promise<BusOptions> {
  return { ...busOptionsOf(config), ...(await accessOf(config, auth)), create: false }
}

export type Access = { readonly servers: readonly string[]; readonly auth?: BusAuth }

/** Where the server is and who we are there; a directory that was started in knows both. */
export async function accessOf(config: Config, auth?: BusAuth): Promise<Access> {
  const { servers } = config.node
  const configured = auth ?? readAuth(config)
  if (configured !== undefined) return { servers, auth: configured }
  const saved = await readLogin(nodeLoginFile(config.node.dir))
  if (saved === undefined) return { servers }
  const noted = config.isSet('servers') || saved.servers === undefined ? servers : saved.servers.split(',')
  return { servers: noted, auth: { user: saved.user, pass: saved.pass } }
}

/** Where this node keeps cuts; without the key of the realm it takes no part in them, and says so. */
async function openArchive(bus: Bus, config: Config): Promise<Archive | undefined> {
  try {
    const secret = await ensureCutKey(bus.notes, keyPlaceOf(config), (one) => sealerOf(one).keyName ?? '')
    return openLmdbArchive({ ...archiveOptionsOf(config), secret })
  } catch (error) {
    if (!isFault(error, 'cuts.otherKey')) throw error
    trace({ is: 'cuts.off', fault: storedFaultOf(error) })
    return undefined
  }
}

/** The fold of this node. One that cannot be read, or is of an earlier generation, is made again from the log. */
async function openStore(bus: Bus, config: Config, archive: Archive | undefined): Promise<Store> {
  const { name: realm, generation, partitions } = bus.realm
  const { createdAt } = await bus.logState()
  const identity = { realm, generation, partitions, log: createdAt }
  const options = { ...storeOptionsOf(config), identity, unseal: archive?.unsealed }
  try {
    return await openLmdbStore(options)
  } catch (error) {
    if (!isFault(error, 'store.corrupt') && !isFault(error, 'store.superseded')) throw error
    removeDamaged(config, error)
    return await openLmdbStore(options)
  }
}

function removeDamaged(config: Config, error: unknown): void {
  trace({ is: 'fold.rebuilt', reason: storedFaultOf(error).message })
  removeStore(storeOptionsOf(config).dir)
}

function closing(node: Node, close: () => Promise<void>): Node {
  let closed: Promise<void> | undefined
  // Whoever goes on after it needs the directory.
  const ended = node.ended.then(async (error) => {
    await (closed ??= close())
    return error
  })
  const stop = async (): Promise<void> => {
    await node.stop()
    await (closed ??= close())
  }
  // The node's own members are getters over what changes, so it is extended and not copied.
  const own = { ended: { value: ended }, stop: { value: stop }, [Symbol.asyncDispose]: { value: stop } }
  return Object.create(node, own) as Node
}
