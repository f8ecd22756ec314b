/**
 * A node: one process that runs actors. It wires the parts (bus, store, owners of partitions,
 * effects, topics, queries) and keeps house: says that it is alive, forgets idle actors, trims.
 */
import { type Fault, isFault, storedFaultOf } from '#protocol/fault.ts'
import { partitionOf } from '#protocol/partition.ts'
import { foldThrough } from './rebuild.ts'
import { claimPartition, ownershipOf } from './claim.ts'
import { committerOf } from './committer.ts'
import type { Arrival } from './core/arrival.ts'
import type { Blueprint } from './core/blueprint.ts'
import { effectsOf } from './run-effects.ts'
import { folderOf } from './folder.ts'
import { addKind, agreeOnKinds } from './kinds.ts'
import { ownPartition } from './own-partition.ts'
import type { Partition } from './partition.ts'
import { queriesOf } from './queries.ts'
import { topicsOf } from './topics.ts'
import { trace } from './trace.ts'
import { openTrimmer } from './trim.ts'
import { checkStore, watchLog } from './verify-log.ts'
import type { NodeOptions, NodeWorld, Node } from './node.ts'

export async function startNode(world: NodeWorld, options: NodeOptions): Promise<Node> {
  const { store, clock } = world
  const { realm } = world.bus
  const begunAt = performance.now()
  const kinds = new Map<string, Blueprint>()
  for (const actor of world.actors) addKind(kinds, actor)
  await agreeOnKinds(world.bus, [...kinds.values()], options)

  const partitions = new Map<number, Partition>()
  const waits = new Map<number, { cancel(): void }>()
  const begun = await world.bus.logState()
  const log = watchLog({ bus: world.bus, clock, createdAt: begun.createdAt, onShorter }, options)
  const { bus } = log
  let lastSeq = begun.lastSeq
  let stopping = false
  let end: (error: Error | undefined) => void = () => undefined
  const ended = new Promise<Error | undefined>((resolve) => (end = resolve))

  const folder = folderOf(
    { store, clock, onError: (error) => fail(error) },
    { intervalMs: options.foldMs, commitsMost: options.foldCommitsMost },
  )
  const committer = committerOf({ bus, clock, log }, options)
  const owner = (arrival: Arrival & { address: string }): Partition | undefined =>
    partitions.get(partitionOf(arrival.address as never, realm.partitions))
  const arrive = (arrival: Extract<Arrival, { address: unknown }>): void => owner(arrival)?.arrive(arrival)
  const effects = effectsOf(
    {
      bus,
      clock,
      hooks: {
        settled: (address, effect) => arrive({ by: 'settled', address, effect }),
        attempted: (address, effect, attempt, notBefore, error) =>
          arrive({ by: 'attempted', address, effect, attempt, notBefore, error }),
      },
    },
    { limit: options.effectLimit, retryMs: options.retryMs },
  )
  const topics = topicsOf({ bus, clock, arrive }, options)
  const queries = queriesOf({
    bus,
    store,
    clock,
    kinds,
    effects,
    node: options.name,
    partition: (number) => partitions.get(number),
  })
  const trimmer = openTrimmer(
    { bus, store, clock, positions: () => [...partitions.values()].map((one) => one.position) },
    options,
  )
  const watchState = bus.onState((state) => trace({ is: 'bus.state', state }))

  folder.onFolded((positions) => {
    for (const position of positions) partitions.get(position.partition)?.folded(position)
  })

  function fail(error: unknown): void {
    trace({ is: 'node.failed', node: options.name, fault: storedFaultOf(error) })
    kill(error instanceof Error ? error : new Error(String(error)))
  }

  async function own(numbers: readonly number[]): Promise<void> {
    const { life } = log
    await checkStore({ bus, store }, numbers)
    const claims = await Promise.all(numbers.map((number) => claimPartition({ bus, clock }, number, options.name)))
    const through = Math.max(...claims.map((one) => one.seq))
    await foldThrough({ bus, store, kinds }, claims, { through, clientKeepMs: options.clientKeepMs })
    const owned = claims.map((claimed) => ({ claimed, own: ownershipOf(store, claimed, clock.now()) }))
    await store.fold(owned.map((one) => ({ partition: one.own.folded, changes: [], history: [] })))
    if (stopping) return
    lastSeq = Math.max(lastSeq, through)
    for (const { claimed, own: ownership } of owned) {
      log.begin(claimed.partition, { seq: claimed.seq, epoch: claimed.epoch, n: undefined }, life)
      const partition = ownPartition(
        {
          bus,
          store,
          folder,
          committer,
          effects,
          clock,
          kinds,
          lastSeq: () => lastSeq,
          onMoved: queries.moved,
          onSubscribed: topics.set,
          onLost: (number, error) => lost(number, error),
        },
        claimed.partition,
        ownership,
        options,
      )
      partitions.set(claimed.partition, partition)
    }
    const opening = claims.flatMap((one) => partitions.get(one.partition) ?? [])
    try {
      await Promise.all(opening.map((one) => one.open()))
    } catch (error) {
      // One that is half open would go on stepping beside the owner that comes after it.
      for (const one of opening) await one.close()
      throw error
    }
    for (const one of claims) queries.serve(one.partition)
  }

  /** Another owner claimed it: let go. Anything else: begin again from the log, not too fast. */
  function lost(number: number, error: unknown): void {
    partitions.delete(number)
    queries.withdraw(number)
    topics.drop(number)
    log.end(number)
    if (stopping) return
    // Nobody may claim a log that lost its end before it is mended.
    if (isFault(error, 'partition.lost') || isFault(error, 'bus.closed') || isFault(error, 'log.shorter')) {
      if (partitions.size === 0) fail(error)
      return
    }
    const again = clock.at(clock.now() + options.retryMs * 4, () => {
      waits.delete(number)
      void reclaim(number)
    })
    waits.set(number, again)
  }

  function onShorter(number: number, fault: Fault): void {
    const partition = partitions.get(number)
    if (partition === undefined) return
    void partition.close()
    trace({ is: 'partition.lost', partition: number, fault: storedFaultOf(fault) })
    lost(number, fault)
  }

  async function reclaim(number: number): Promise<void> {
    if (stopping) return
    try {
      await folder.flush()
      await own([number])
    } catch (error) {
      lost(number, error)
    }
  }

  function keepHouse(): void {
    if (stopping) return
    const now = clock.now()
    store.alive.set(now).catch(fail)
    for (const partition of partitions.values()) {
      partition.evict(now - options.idleMs, Math.ceil(options.residentsMost / realm.partitions))
      lastSeq = Math.max(lastSeq, partition.position.seq)
    }
    house = clock.at(now + options.aliveMs, keepHouse)
  }

  async function finish(error: Error | undefined): Promise<void> {
    house?.cancel()
    for (const wait of waits.values()) wait.cancel()
    void trimmer.stop()
    queries.stop()
    watchState.stop()
    log.stop()
    await topics.stop()
    trace({ is: 'node.stopped', node: options.name })
    end(error)
  }

  function kill(error?: Error): void {
    if (stopping) return
    stopping = true
    for (const partition of partitions.values()) void partition.close()
    folder.abandon()
    void finish(error)
  }

  async function stop(): Promise<void> {
    if (stopping) return void (await ended)
    stopping = true
    await trimmer.stop()
    const until = clock.now() + options.graceMs
    // A server that is gone acknowledges nothing: what was stepped is stepped again after the restart.
    const drained = (): Promise<void> =>
      withinGrace(Promise.all([...partitions.values()].map((one) => one.drain())), until)
    await drained()
    await effects.drain(until)
    // That an action has run is noted by a commit; without it the action would run again.
    await drained()
    await Promise.all([...partitions.values()].map((one) => one.close()))
    await folder.stop()
    await store.alive.set(clock.now())
    await finish(undefined)
  }

  async function withinGrace(work: Promise<unknown>, until: number): Promise<void> {
    const late = Promise.withResolvers<void>()
    const alarm = clock.at(until, late.resolve)
    await Promise.race([work, late.promise])
    alarm.cancel()
  }

  let house: { cancel(): void } | undefined
  const numbers = Array.from({ length: realm.partitions }, (_, number) => number)
  await own(numbers)
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
    get partitions() {
      return [...partitions.values()]
    },
    async register(actor) {
      const blueprint = addKind(kinds, actor)
      await agreeOnKinds(bus, [blueprint], options)
    },
    async settle() {
      for (let busy = true; busy;) {
        await folder.flush()
        busy = folder.behind > 0 || [...partitions.values()].some(({ depth }) => depth.queued + depth.staged > 0)
        if (busy) await new Promise<void>((resolve) => setImmediate(resolve))
      }
    },
    health() {
      const all = [...partitions.values()]
      const sum = (of: (one: Partition) => number): number => all.reduce((total, one) => total + of(one), 0)
      return {
        ready: !stopping && partitions.size > 0,
        partitions: partitions.size,
        of: realm.partitions,
        queued: sum((one) => one.depth.queued),
        staged: sum((one) => one.depth.staged),
        behind: folder.behind,
        effects: effects.running,
        residents: sum((one) => one.residents),
        actors: store.count(),
      }
    },
    stop,
    kill: () => kill(),
    [Symbol.asyncDispose]: stop,
  }
}
