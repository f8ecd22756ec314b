/**
 * A node: one process that runs actors. It wires the parts (bus, store, owners of partitions,
 * effects, topics, queries) and keeps house: says that it is alive, forgets idle actors, trims.
 */
import type { Address } from '#protocol/address.ts'
import { type Fault, isFault, storedFaultOf } from '#protocol/fault.ts'
import { partitionOf } from '#protocol/partition.ts'
import { type Cuts, cutsOf } from './cuts/cuts.ts'
import { keepBases } from './trimming/keep-bases.ts'
import { committerOf } from './partition/committer.ts'
import { serveDrain } from './members/drain.ts'
import type { Arrival } from './core/arrival.ts'
import type { Blueprint } from './core/blueprint.ts'
import { healthOf, settle } from './health.ts'
import { effectHooksOf } from './effects/effect-hooks.ts'
import { effectsOf } from './effects/run-effects.ts'
import { firewallFor } from './forks/firewall.ts'
import { folderOf } from './partition/folder.ts'
import { hearClaims } from './members/hear-claims.ts'
import { hearStandstill } from './members/standstill.ts'
import { hearGeneration } from './members/hear-generation.ts'
import { addKind, agreeOnKinds, registerKind } from './rollouts/kinds.ts'
import { followerOf } from './members/follower.ts'
import { loadOf } from './members/load.ts'
import { type Owners, ownersOf } from './members/owners.ts'
import { type Share, shareOf } from './members/share.ts'
import type { Partition } from './partition/partition.ts'
import { queriesOf } from './queries.ts'
import { type Rollouts, rolloutsOf } from './rollouts/rollouts.ts'
import { topicsOf } from './partition/topics.ts'
import { trace } from './trace.ts'
import { type Mending, mendingOf } from './mending/mend.ts'
import { placedLogOf } from './mending/placed-log.ts'
import { openTrimmer } from './trimming/trim.ts'
import { unpackBases } from './trimming/unpack.ts'
import { watchLog } from './mending/verify-log.ts'
import type { NodeOptions, NodeWorld, Node } from './node.ts'

export async function startNode(world: NodeWorld, options: NodeOptions): Promise<Node> {
  const { store, clock } = world
  const { realm } = world.bus
  const begunAt = performance.now()
  const kinds = new Map<string, Blueprint>()
  for (const actor of world.actors) addKind(kinds, actor)
  await agreeOnKinds(world, [...kinds.values()], options)

  const standstill = await hearStandstill(world, options)
  const placed = await placedLogOf(world, options)
  const begun = await placed.bus.logState()
  const log = watchLog(
    {
      bus: placed.bus,
      clock,
      createdAt: begun.createdAt,
      isMended: () => placed.isStale(),
      onShorter: (fault, canMend) => void (canMend ? mending.begin(fault) : Promise.reject(fault)).catch(unmended),
    },
    options,
  )
  const { bus } = log
  let stopping = false
  let finishing = false
  let failure: Error | undefined
  let house: { cancel(): void } | undefined
  let end: (error: Error | undefined) => void = () => undefined
  const ended = new Promise<Error | undefined>((resolve) => (end = resolve))

  const folder = folderOf(
    { store, clock, onError: (error) => fail(error) },
    { intervalMs: options.foldMs, commitsMost: options.foldCommitsMost, mendKeepMs: options.mendKeepMs },
  )
  const committer = committerOf({ bus, clock, log }, options)
  const owner = (address: Address): Partition | undefined =>
    owners.partitions.get(partitionOf(address, realm.partitions))
  const arrive = (arrival: Extract<Arrival, { address: unknown }>): void => owner(arrival.address)?.arrive(arrival)
  const effects = effectsOf(
    {
      ...{ bus, clock, hooks: effectHooksOf({ kinds, owner, arrive, share: () => share }) },
      ...{ firewall: firewallFor(world), isStill: () => standstill.isOn },
    },
    { name: options.name, limit: options.effectLimit, retryMs: options.retryMs, replyMs: options.deadMs },
  )
  const topics = topicsOf(
    {
      ...{ bus, clock, arrive },
      onCut: (cut, marker) => partitions.forEach((one, number) => one.foresee(cut, marker + number)),
      cursor: () => Math.min(...[...partitions.values()].map(({ position }) => position.cursor)),
    },
    options,
  )
  const queries = queriesOf(
    { bus, store, clock, kinds, effects, node: options.name, partition: (number) => owners.partitions.get(number) },
    options,
  )
  const follower = followerOf({ bus, store, clock, kinds, flush: () => folder.flush() }, options)
  const owners: Owners = ownersOf(
    {
      ...{ bus, log, store, clock, kinds, folder, committer, effects, topics, queries, follower },
      rollouts: () => rollouts,
      standstill: () => standstill.present,
      onLost,
      onOpened(numbers) {
        claims.look(numbers)
        unpacking.consider()
      },
      onClaimed: () => share.announce(),
    },
    options,
    begun.lastSeq,
  )
  const { partitions } = owners
  standstill.onEnd(() => void owners.reopen().then(() => share.consider(), fail))
  const rollouts: Rollouts = rolloutsOf(
    {
      bus,
      clock,
      store,
      kinds,
      owned: partitions,
      nodes: () => [share.self(), ...share.others()],
      onChange: () => share.consider(),
      release: (number) => owners.release(number),
    },
    options,
  )
  const mending: Mending = mendingOf(
    {
      ...{ raw: world.bus, placed, log, store, clock, folder, owners, follower },
      others: () => share.others(),
      onActive: (isActive) => share.setMending(isActive),
      onUnmended: unmended,
    },
    options,
  )
  const share: Share = shareOf(
    {
      bus,
      clock,
      kinds,
      owners,
      effects,
      follower,
      rollouts,
      load: loadOf({ clock, owners, store, effects }),
      mending,
      onFailed: fail,
    },
    options,
  )
  const cutWorld = { bus, store, clock, folder, owned: partitions, kinds, invariants: world.invariants ?? [] }
  const cuts: Cuts | undefined = world.archive && cutsOf({ ...cutWorld, archive: world.archive }, options)
  const trimmer = openTrimmer(
    {
      ...{ bus, store, clock, others: () => share.others(), isHeld: () => cuts?.holdsTrim === true },
      positions: () => [...partitions.values()].map((one) => one.position),
    },
    options,
  )
  const bases = keepBases({ bus, store, clock, folder, isOwned: (number) => partitions.has(number) }, options)
  const unpacking = unpackBases({ bus, store, clock, owners })
  const claims = hearClaims({ bus, clock, owned: partitions }, options)
  const generations = hearGeneration({ bus: world.bus, clock, onSuperseded: superseded }, options)
  const drains = serveDrain({ bus, share, stop: () => void stop() }, options.name)
  const watchState = bus.onState((state) => trace({ is: 'bus.state', state }))

  folder.onFolded((positions) => {
    for (const position of positions) partitions.get(position.partition)?.folded(position)
  })

  function fail(error: unknown): void {
    trace({ is: 'node.failed', node: options.name, fault: storedFaultOf(error) })
    failure ??= error instanceof Error ? error : new Error(String(error))
    kill(failure)
  }

  /** Nothing can be committed any more; what was stepped and not committed never was. */
  function superseded(fault: Fault): void {
    trace({ is: 'node.superseded', node: options.name, generation: realm.generation })
    failure ??= fault
    kill(fault)
  }

  function onLost(number: number, error: unknown): void {
    if (isFault(error, 'realm.moved')) generations.look()
    if (!stopping && !mending.isActive) share.lost(number, error)
  }

  /** Nobody has what the log lost, or it is another log: nothing may be written to it. */
  function unmended(fault: unknown): void {
    if (stopping) return
    for (const number of [...partitions.keys()])
      owners.lose(number, fault instanceof Error ? fault : new Error(String(fault)))
    if (!finishing) fail(fault)
  }

  function keepHouse(): void {
    if (stopping) return
    const now = clock.now()
    store.alive.set(now).catch(fail)
    if (options.mendKeepMs > 0) store.recents.trim(now - options.mendKeepMs, options.mendBytes).catch(fail)
    owners.evict(now - options.idleMs)
    unpacking.consider()
    house = clock.at(now + options.aliveMs, keepHouse)
  }

  async function finish(error: Error | undefined): Promise<void> {
    if (finishing) return
    finishing = true
    house?.cancel()
    for (const one of [claims, generations, standstill, bases, mending, drains, effects]) one.stop()
    void unpacking.stop()
    void cuts?.stop()
    await share.end()
    await follower.stop().catch(() => undefined)
    void trimmer.stop()
    queries.stop()
    watchState.stop()
    log.stop()
    // The connection may be gone, and with it what was read.
    await topics.stop().catch(() => undefined)
    trace({ is: 'node.stopped', node: options.name })
    end(error)
  }

  /** Also in the middle of a stop that fails, or takes somebody too long. */
  function kill(error?: Error): void {
    if (finishing) return
    stopping = true
    effects.drop()
    owners.abandon()
    folder.abandon()
    void finish(error)
  }

  async function stop(): Promise<void> {
    if (stopping) return void (await ended)
    stopping = true
    try {
      await letGo()
    } catch (error) {
      if (!finishing) fail(error)
    }
    await finish(undefined)
    await ended
  }

  async function letGo(): Promise<void> {
    await trimmer.stop()
    const until = clock.now() + options.graceMs
    await share.giveAway(until)
    // A server that is gone acknowledges nothing: what was stepped is stepped again after the restart.
    await owners.drain(until)
    await effects.drain(until)
    // That an action has run is noted by a commit; without it the action would run again.
    await owners.drain(until)
    effects.drop()
    await owners.close()
    await Promise.all([folder.stop(), cuts?.stop()])
    await store.alive.set(clock.now())
  }

  try {
    await share.begin()
  } catch (error) {
    kill(error instanceof Error ? error : new Error(String(error)))
    throw error
  }
  keepHouse()
  trimmer.start()
  trace({
    is: 'node.ready',
    node: options.name,
    realm: realm.name,
    partitions: partitions.size,
    ms: Math.round(performance.now() - begunAt),
  })

  return {
    name: options.name,
    bus,
    store,
    kinds,
    ended,
    cuts,
    get partitions() {
      return [...partitions.values()]
    },
    async register(actor) {
      await registerKind({ bus, clock, kinds }, actor, options)
      for (const partition of partitions.values()) await partition.takeUp(actor.kind)
      effects.consider()
    },
    settle: () => settle(owners, folder),
    health: () => healthOf({ realm, owners, share, folder, effects, store }, !stopping),
    stop,
    kill: () => kill(),
    [Symbol.asyncDispose]: stop,
  }
}
