/**
 * A whole system in one seed: a log with wires that fail, disks that outlive their processes,
 * nodes that crash, freeze and fight over partitions, programs outside that crash too. First a
 * storm, then calm, then the checkers look. Nothing here depends on how fast the machine is.
 */
import { isDeepStrictEqual } from 'node:util'
import type { Address } from '#protocol/address.ts'
import type { ActorState } from '#protocol/state.ts'
import type { LogEntry } from '#runtime/bus.ts'
import { openMemoryLog } from '#runtime/memory/memory-bus.ts'
import { onTrace } from '#runtime/trace.ts'
import { openVirtualClock, type VirtualClock } from '#runtime/memory/virtual-clock.ts'
import { realmOptions } from '#test/support/engine.ts'
import { everything } from '#test/support/workloads/everything.ts'
import { type Random, randomOf } from '#test/support/workloads/random.ts'
import type { Reader } from '#test/support/workloads/reader.ts'
import type { Workload } from '#test/support/workloads/workload.ts'
import { type Audit, auditOf } from './audit.ts'
import { type Crew, crewOf, describe } from './crew.ts'
import { cutFaultsOf, type TakenCut } from './cut-audit.ts'
import { disturbanceOf, ratesOf } from './faults.ts'
import { optionsOf, sharing } from './options.ts'
import { mortalOutsideOf, type SimulatedOutside } from './outside.ts'
import { photographerOf } from './photographer.ts'
import type { Mutation, Process } from './process.ts'
import { storm } from './storm.ts'

export type WorldOptions = {
  readonly seed: number
  /** Of each workload. */
  readonly requests: number
  /** By default each world has its own troubles; `harsh`: all of them; `calm`: none. */
  readonly weather?: 'harsh' | 'calm' | undefined
  /** All of them by default. */
  readonly workloads?: readonly Workload[] | undefined
  /** So many nodes share the realm by heartbeats; by default two that know nothing of each other. */
  readonly nodes?: number | undefined
  /** Cuts are taken all the time, and looked at afterwards. */
  readonly cuts?: boolean | undefined
  /** A planted bug. */
  readonly mutation?: ((random: Random) => Mutation) | undefined
}

export type World = {
  readonly faults: readonly string[]
  readonly audit: Audit
  readonly reader: Reader
  /** What happened, for whoever looks at a seed that failed. */
  readonly story: readonly string[]
  /** How many cuts were whole, of how many. */
  readonly cuts: readonly [whole: number, begun: number]
  /** Those that were whole, read again. */
  readonly taken: readonly TakenCut[]
}

const partitionsMost = 4
const stormMs = 20_000
const minuteMs = 60_000

export async function runWorld(given: WorldOptions): Promise<World> {
  const { seed, requests, weather, workloads: all = everything() } = given
  const random = randomOf(seed)
  const isHarsh = weather === 'harsh'
  const partitions = random.int(isHarsh ? 2 : 1, partitionsMost)
  const start = Date.UTC(2026, 0, 1)
  let isStorm = weather !== 'calm'
  let skewMs = 0
  const clock: VirtualClock = openVirtualClock({ start, progress: () => progressOf(crew.processes) })
  const log = openMemoryLog({
    realm: 'sim',
    partitions,
    clock,
    latencyMs: random.pick([0, 0, 0, 1, 3]),
    ackMs: random.pick([0, 20, 200]),
  })
  const story: string[] = []
  const tell = (what: string): void => void story.push(`${clock.now() - start} ${what}`)

  const isShared = given.nodes !== undefined
  const options = { ...optionsOf(random, isHarsh), ...(isShared ? sharing : {}) }
  const rates = ratesOf(random, isHarsh)
  const disturbed = random.fork()
  const disturb = (): ReturnType<typeof disturbanceOf> => disturbanceOf(disturbed.fork(), clock, rates, () => isStorm)
  const outside = mortalOutsideOf(log, clock, realmOptions)
  const driven = random.fork()
  const mutation = given.mutation?.(random.fork())
  const dice = random.fork()
  const releasedAt = start + (isHarsh || dice.chance(0.7) ? dice.int(isHarsh ? stormMs / 2 : 0, stormMs) : 0)
  const crew: Crew = crewOf({
    names: ['one', 'two', 'three', 'four'].slice(0, given.nodes ?? 2),
    log,
    clock,
    dice,
    options,
    mutation,
    disturb,
    tell,
    isStorm: () => isStorm,
    cuts: given.cuts === true,
    kinds: () => all.flatMap(({ kinds, later }) => (clock.now() < releasedAt ? kinds : (later ?? kinds))),
  })

  // Hears every entry as it is stored, before it could be trimmed or a server forget it.
  const entries: LogEntry[] = []
  const hearing = log.connect().read({ filter: 'sim.>', from: 1, onEntry: (entry) => entries.push(entry) })
  await clock.advance(10)
  await hearing

  const faults: string[] = []
  let failure: unknown
  let isDriven = false
  const calm = Promise.withResolvers<void>()
  let last: Process | undefined
  let shown: ReadonlyMap<Address, ActorState> | undefined

  const isOwned = (): boolean => {
    const owned = new Set(crew.processes.flatMap((one) => one.node?.partitions.map(({ partition }) => partition) ?? []))
    return owned.size === partitions
  }

  /** As whoever runs the nodes would: what nobody serves is served again, not at once. */
  async function supervise(): Promise<void> {
    for (let missed = 0; isStorm;) {
      await outside.sleep(dice.int(100, 1500))
      missed = isOwned() ? 0 : missed + 1
      if (missed < 2 || !isStorm) continue
      const idle = crew.idle()
      if (idle.length > 0) crew.launch(dice.pick(idle))
      missed = 0
    }
  }

  async function strikes(): Promise<void> {
    const jumped = (ms: number): void => void (skewMs += Math.abs(ms))
    const mortal = (program: ReturnType<SimulatedOutside['program']>): void => program.connection.disturb(disturb())
    await storm(
      { log, crew, outside, dice, tell, isHarsh, isShared, jumped, disturb: mortal },
      () => clock.now() < start + stormMs,
    )
    isStorm = false
  }

  async function drive(): Promise<void> {
    // Programs appear with their first use, so their wires are made to fail from then on.
    const known = new Set<string>()
    const program = (name: string): ReturnType<SimulatedOutside['program']> => {
      const one = outside.program(name)
      if (!known.has(name)) one.connection.disturb(disturb())
      known.add(name)
      return one
    }
    const calmly = Math.ceil(requests / 4)
    const round = async (rounds: number): Promise<void> =>
      void (await Promise.all(all.map((one) => one.drive({ ...outside, program }, driven.fork(), rounds))))
    await round(requests - calmly)
    await calm.promise
    await round(calmly)
  }

  /** Through the storm; then everything is mended, and one node that lives goes on with all of it. */
  async function pass(): Promise<void> {
    await clock.advanceUntil(() => !isStorm || failure !== undefined, 10 * minuteMs)
    log.start()
    for (const process of [...crew.processes]) process.crash('lost')
    // For a while nobody serves, and what is due waits.
    await clock.advance(isHarsh ? dice.int(6000, 12_000) : dice.pick([0, 0, dice.int(0, 12_000)]))
    tell('calm')
    for (const { connection } of outside.programs) connection.reconnect()
    await clock.advance(1)
    last = crew.launch(crew.names.find((name) => crew.hasDisk(name)) ?? 'two')
    const isReady = await clock.advanceUntil(() => last?.node !== undefined || last?.isAlive === false, minuteMs)
    if (!isReady || last.node === undefined) {
      faults.push(`the last node does not start: ${String(last.failure)}`)
      return
    }
    if (isShared) for (const name of crew.idle()) crew.launch(name)
    calm.resolve()
    await clock.advanceUntil(() => isDriven || failure !== undefined, 10 * minuteMs)
    if (!isDriven) faults.push(`not everything that was asked for came to an end: ${String(failure)}`)
    await clock.advance(minuteMs + skewMs)
    // Not at an instant at which a schedule strikes.
    await clock.advance(7500 - (clock.now() % 5000))
    if (!last.isAlive) faults.push(`the last node ended: ${String(last.failure)}`)
    if (isShared) faults.push(...unshared())
    faults.push(...((await photographer?.takeLast()) ?? []))
    await look()
  }

  /** At rest each partition has one owner, and each node a share. */
  function unshared(): string[] {
    const owned = crew.processes.flatMap((one) => one.node?.partitions.map(({ partition }) => partition) ?? [])
    const all = Array.from({ length: partitions }, (_, partition) => partition)
    if (crew.idle().length > 0) return [`nodes ended in the calm: ${crew.idle().join()}`]
    return isDeepStrictEqual(
      owned.toSorted((a, b) => a - b),
      all,
    )
      ? []
      : [`owned at rest: ${owned.join()} of ${all.join()}`]
  }

  /** What the last owner shows of all actors, from its memory and its store. */
  async function look(): Promise<void> {
    const { operate } = outside.program('inspector').realm
    const looking = Array.fromAsync(operate.list()).then(
      (found) => (shown = new Map(found.map(({ address, state }) => [address, state]))),
    )
    looking.catch((error: unknown) => (failure ??= error))
    await clock.advanceUntil(() => shown !== undefined || failure !== undefined, minuteMs)
  }

  // The log of this world never loses its end, whatever else it does.
  const traces = onTrace((event) => {
    if (event.is === 'log.shorter')
      faults.push(`a log that is whole was taken for a shorter one: ${event.fault.message}`)
  })
  for (const name of isShared ? crew.names : ['one']) crew.launch(name)
  const photographer = given.cuts === true ? photographerOf({ log, clock, crew, dice: random.fork(), tell }) : undefined
  const driving = drive().then(() => (isDriven = true))
  const stormy = isStorm
    ? Promise.all([strikes(), supervise(), photographer?.takeWhile(() => isStorm)])
    : Promise.resolve()
  for (const work of [driving, stormy]) work.catch((error: unknown) => (failure ??= error))

  try {
    await pass()
  } catch (error) {
    failure ??= error
  }
  if (failure !== undefined) faults.push(`the world itself failed: ${describe(failure)}`)

  const audit = auditOf(entries, { atRest: last?.node !== undefined })
  const reader: Reader = { states: audit.states, entries, skewMs }
  faults.push(...audit.faults, ...(shown === undefined ? [] : differences(shown, audit.states)))
  faults.push(...judge(all, reader, audit.parked))
  const taken = (await photographer?.developed()) ?? []
  faults.push(...cutFaultsOf(entries, taken))
  for (const process of [...crew.processes]) process.crash()
  traces.stop()
  return { faults, audit, reader, story, cuts: photographer?.counts() ?? [0, 0], taken }
}

/** What the workloads find broken, and what was set aside although nobody reckoned with it. */
export function judge(all: readonly Workload[], reader: Reader, parked: Audit['parked']): string[] {
  return [
    ...parked
      .filter(({ address }) => !all.some((one) => one.parks?.(address) === true))
      .map(({ address, seq }) => `parked: ${address} at ${seq}`),
    ...all.flatMap((one) => one.audit(reader).map((fault) => `${one.name}: ${fault}`)),
  ]
}

/** The owner's memory is the fold of the log. */
function differences(shown: ReadonlyMap<Address, ActorState>, folded: ReadonlyMap<Address, ActorState>): string[] {
  const faults: string[] = []
  for (const address of new Set([...shown.keys(), ...folded.keys()])) {
    if (isDeepStrictEqual(shown.get(address), folded.get(address))) continue
    faults.push(
      `the owner shows of ${address} ${JSON.stringify(shown.get(address))?.slice(0, 400)}, and the log says ${JSON.stringify(folded.get(address))?.slice(0, 400)}`,
    )
  }
  return faults
}

function progressOf(processes: readonly Process[]): string {
  let text = ''
  for (const { node, operations } of processes) {
    text += `${operations} `
    for (const { position, depth } of node?.partitions ?? []) text += `${position.n}:${depth.queued}:${depth.staged} `
  }
  return text
}
