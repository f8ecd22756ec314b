/**
 * A whole system in one seed: a log with wires that fail, disks that outlive their processes,
 * nodes that crash, freeze and fight over partitions, programs outside that crash too. First a
 * storm, then calm, then the checkers look. Nothing here depends on how fast the machine is.
 */
import { isDeepStrictEqual } from 'node:util'
import type { Address } from '#protocol/address.ts'
import type { ActorState } from '#protocol/state.ts'
import type { LogEntry } from '#runtime/bus.ts'
import { openMemoryLog } from '#runtime/memory-bus.ts'
import type { NodeOptions } from '#runtime/node.ts'
import { openVirtualClock, type VirtualClock } from '#runtime/virtual-clock.ts'
import { type MemoryDisk, openMemoryDisk } from '#store/memory-store.ts'
import { type Audit, auditOf } from './audit.ts'
import { disturbanceOf, ratesOf } from './faults.ts'
import { nodeOptions, realmOptions } from '#test/support/engine.ts'
import { outsideOf, type SimulatedOutside } from './outside.ts'
import { type Mutation, type Process, startProcess } from './process.ts'
import { type Random, randomOf } from './random.ts'
import { everything } from './everything.ts'

export type WorldOptions = {
  readonly seed: number
  /** Of each workload. */
  readonly requests: number
  /** A planted bug. */
  readonly mutation?: ((random: Random) => Mutation) | undefined
}

export type Outcome = {
  readonly faults: readonly string[]
  readonly audit: Audit
  readonly entries: readonly LogEntry[]
  /** What happened, for whoever looks at a seed that failed. */
  readonly story: readonly string[]
}

const partitionsMost = 4
const stormMs = 20_000
const minuteMs = 60_000

export async function runWorld({ seed, requests, mutation }: WorldOptions): Promise<Outcome> {
  const random = randomOf(seed)
  const partitions = random.int(1, partitionsMost)
  const start = Date.UTC(2026, 0, 1)
  const processes: Process[] = []
  const clock: VirtualClock = openVirtualClock({ start, progress: () => progressOf(processes) })
  const log = openMemoryLog({
    realm: 'sim',
    partitions,
    clock,
    latencyMs: random.pick([0, 0, 0, 1, 3]),
    ackMs: random.pick([0, 20, 200]),
  })
  const options = optionsOf(random)
  const story: string[] = []
  const tell = (what: string): void => void story.push(`${clock.now() - start} ${what}`)
  const all = everything()
  const actors = all.flatMap((one) => one.actors)

  // Hears every entry as it is stored, before it could be trimmed or a server forget it.
  const entries: LogEntry[] = []
  const hearing = log.connect().read({ filter: 'sim.>', from: 1, onEntry: (entry) => entries.push(entry) })
  await clock.advance(10)
  await hearing

  const rates = ratesOf(random)
  let isStorm = true
  const disturbed = random.fork()
  const disturb = (): ReturnType<typeof disturbanceOf> => disturbanceOf(disturbed.fork(), clock, rates, () => isStorm)
  const outside = outsideOf(log, clock, random.fork(), realmOptions)

  const disks = new Map<string, MemoryDisk>()
  const planted = mutation?.(random.fork())
  const dice = random.fork()

  function launch(name: string): void {
    const disk = disks.get(name) ?? openMemoryDisk()
    disks.set(name, disk)
    tell(`${name} starts`)
    // A death at some operation to come: between any two steps of the commit path, or within the start.
    const mortal = isStorm && dice.chance(0.5) ? dice.int(1, dice.pick([20, 100, 400])) : undefined
    const after = dice.chance(0.5)
    const process: Process = startProcess({
      log,
      clock,
      disk,
      actors,
      options: { ...options, name },
      mutation: planted,
      dies(operation, what) {
        if (operation !== mortal || !isStorm) return undefined
        tell(`${name} dies ${after ? 'after' : 'before'} ${what}`)
        return after ? 'after' : 'before'
      },
    })
    process.connection.disturb(disturb())
    processes.push(process)
    process.ended.then(
      () => {
        tell(`${name} is over${process.failure === undefined ? '' : `: ${describe(process.failure)}`}`)
        processes.splice(processes.indexOf(process), 1)
      },
      () => undefined,
    )
  }

  const faults: string[] = []
  let failure: unknown
  let isDriven = false
  let last: Process | undefined
  let shown: ReadonlyMap<Address, ActorState> | undefined

  const isOwned = (): boolean => {
    const owned = new Set(processes.flatMap((one) => one.node?.partitions.map(({ partition }) => partition) ?? []))
    return owned.size === partitions
  }

  /** As whoever runs the nodes would: what nobody serves is served again, not at once. */
  async function supervise(): Promise<void> {
    for (let missed = 0; isStorm;) {
      await outside.sleep(dice.int(100, 1500))
      missed = isOwned() ? 0 : missed + 1
      if (missed < 2 || !isStorm) continue
      const idle = ['one', 'two'].filter((name) => !processes.some((process) => process.name === name))
      if (idle.length > 0) launch(dice.pick(idle))
      missed = 0
    }
  }

  async function storm(): Promise<void> {
    const frequency = dice.pick([400, 1500, 4000])
    const kinds = ['crash', 'fight', 'freeze', 'cut', 'server', 'program', 'lostDisk', 'cutProgram'].filter(() =>
      dice.chance(0.6),
    )
    while (clock.now() < start + stormMs) {
      await outside.sleep(dice.int(1, frequency))
      if (kinds.length === 0) continue
      await strike(dice.pick(kinds))
    }
    isStorm = false
  }

  async function strike(kind: string): Promise<void> {
    const process = processes.length === 0 ? undefined : dice.pick(processes)
    const inFlight = dice.pick(['stored', 'lost'] as const)
    const program = outside.programs.length === 0 ? undefined : dice.pick(outside.programs)
    tell(`${kind} (${process?.name ?? 'nobody'}, ${program?.name ?? 'nobody'}, ${inFlight})`)
    switch (kind) {
      case 'crash':
        return process?.crash(inFlight)
      case 'fight': {
        const idle = ['one', 'two'].filter((name) => !processes.some((one) => one.name === name))
        return idle.length === 0 ? undefined : launch(dice.pick(idle))
      }
      case 'freeze':
        process?.pause()
        await outside.sleep(dice.int(10, 5000))
        return process?.resume()
      case 'cut':
        process?.connection.disconnect(inFlight)
        await outside.sleep(dice.int(1, 2000))
        return process?.connection.reconnect()
      case 'server':
        log.stop()
        await outside.sleep(dice.int(1, 1000))
        return log.start()
      case 'program':
        program?.crash(inFlight)
        return program?.connection.disturb(disturb())
      case 'cutProgram':
        program?.connection.disconnect(inFlight)
        await outside.sleep(dice.int(1, 2000))
        return program?.connection.reconnect()
      case 'lostDisk':
        if (process === undefined) return
        process.crash(inFlight)
        disks.delete(process.name)
    }
  }

  async function drive(): Promise<void> {
    // Programs appear with their first use, so their wires are made to fail from then on.
    const watched = { ...outside, program: (name: string) => disturbedProgram(name) }
    const known = new Set<string>()
    const disturbedProgram = (name: string): ReturnType<SimulatedOutside['program']> => {
      const program = outside.program(name)
      if (!known.has(name)) program.connection.disturb(disturb())
      known.add(name)
      return program
    }
    await Promise.all(all.map((one) => one.drive(watched, requests)))
  }

  /** Through the storm; then everything is mended, and one node that lives goes on with all of it. */
  async function pass(): Promise<void> {
    await clock.advanceUntil(() => !isStorm || failure !== undefined, 10 * minuteMs)
    tell('calm')
    log.start()
    for (const process of [...processes]) process.crash('lost')
    for (const { connection } of outside.programs) connection.reconnect()
    await clock.advance(1)
    launch(disks.has('one') ? 'one' : 'two')
    last = processes.at(-1)
    const isReady = await clock.advanceUntil(() => last?.node !== undefined || last?.isAlive === false, minuteMs)
    if (!isReady || last?.node === undefined) faults.push(`the last node does not start: ${String(last?.failure)}`)
    else {
      await clock.advanceUntil(() => isDriven || failure !== undefined, 10 * minuteMs)
      if (!isDriven) faults.push(`not everything that was asked for came to an end: ${String(failure)}`)
      await clock.advance(minuteMs)
      if (!last.isAlive) faults.push(`the last node ended: ${String(last.failure)}`)
      await look()
    }
  }

  /** What the last owner shows of all actors, from its memory and its store. */
  async function look(): Promise<void> {
    const { operate } = outside.program('inspector').realm
    const looking = Array.fromAsync(operate.list()).then(
      (all) => (shown = new Map(all.map(({ address, state }) => [address, state]))),
    )
    looking.catch((error: unknown) => (failure ??= error))
    await clock.advanceUntil(() => shown !== undefined || failure !== undefined, minuteMs)
  }

  launch('one')
  const driving = drive().then(() => (isDriven = true))
  const stormy = Promise.all([storm(), supervise()])
  for (const work of [driving, stormy]) work.catch((error: unknown) => (failure ??= error))

  try {
    await pass()
  } catch (error) {
    failure ??= error
  }
  if (failure !== undefined) faults.push(`the world itself failed: ${describe(failure)}`)

  const audit = auditOf(entries, { atRest: last?.node !== undefined })
  faults.push(...audit.faults, ...(shown === undefined ? [] : differences(shown, audit.states)))
  for (const { address, seq } of audit.parked) faults.push(`parked: ${address} at ${seq}`)
  for (const one of all) faults.push(...one.check({ audit, entries }).map((fault) => `${one.name}: ${fault}`))
  for (const process of processes) process.crash()
  return { faults, audit, entries, story }
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

/** Small limits on some seeds, so that what rarely happens in life happens often here. */
function optionsOf(random: Random): NodeOptions {
  return {
    ...nodeOptions,
    entriesMost: random.pick([999, 999, 110]),
    cheapMost: random.pick([0, 2, 16]),
    queueMost: random.pick([4, 10_000]),
    stagedMost: random.pick([1, 3, 1000]),
    inFlightMost: random.pick([1, 2, 4]),
    foldMs: random.pick([0, 20, 300, 2000]),
    foldCommitsMost: random.pick([1, 5, 5000]),
    idleMs: random.pick([1, 500, 60_000]),
    residentsMost: random.pick([1, 10_000]),
    aliveMs: random.pick([100, 1000]),
    trimEveryMs: random.pick([500, 3000, 3_600_000]),
    historyMs: random.pick([500, 5000]),
  }
}

function progressOf(processes: readonly Process[]): string {
  let text = ''
  for (const { node, operations } of processes) {
    text += `${operations} `
    for (const { position, depth } of node?.partitions ?? []) text += `${position.n}:${depth.queued}:${depth.staged} `
  }
  return text
}

function describe(failure: unknown): string {
  return failure instanceof Error ? (failure.stack ?? failure.message) : JSON.stringify(failure)
}
