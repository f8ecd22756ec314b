/**
 * A simulated process that runs a node: its own connection, its own view of the clock, a disk
 * that outlives it. When it crashes, nothing that it awaited ever settles, no alarm of its comes
 * any more, and the disk keeps exactly what was folded.
 */
import type { ActorKind } from '#protocol/actor.ts'
import type { Bus } from '#runtime/bus.ts'
import type { Clock } from '#runtime/clock.ts'
import type { InFlight, MemoryConnection, MemoryLog } from '#runtime/memory/memory-bus.ts'
import { startNode } from '#runtime/start-node.ts'
import type { Node, NodeOptions } from '#runtime/node.ts'
import type { MemoryShelf } from '#store/memory-archive.ts'
import { type MemoryDisk, openMemoryStore } from '#store/memory-store.ts'
import type { Random } from '#test/support/workloads/random.ts'
import type { Store } from '#store/store.ts'
import { openPlainArchive } from './plain-archive.ts'
import { withPlainBases } from './plain-base.ts'

/** Changes what a process sees of the world: for planted bugs. */
export type Mutation = {
  readonly bus?: (bus: Bus, clock: Clock) => Bus
  readonly store?: (store: Store) => Store
  readonly clock?: (clock: Clock) => Clock
  readonly kinds?: (kinds: readonly ActorKind[]) => readonly ActorKind[]
}

export type Plant = (random: Random) => Mutation

export type Process = {
  readonly name: string
  readonly connection: MemoryConnection
  /** Once it has started. */
  readonly node: Node | undefined
  readonly isAlive: boolean
  /** How many times it has asked something of the log or the disk. */
  readonly operations: number
  /** As by SIGKILL. What is on its way is stored or lost. */
  crash(inFlight?: InFlight): void
  /** As by SIGSTOP: it asks, hears and notices nothing more until it is resumed. */
  pause(): void
  resume(): void
  /** Its clock is set forwards or back by so much. */
  jump(ms: number): void
  /** What it ended with, if that was a failure. */
  readonly failure: unknown
  /** Resolves when it is over, whatever ended it. */
  readonly ended: Promise<void>
}

export type ProcessWorld = {
  readonly log: MemoryLog
  readonly clock: Clock
  readonly disk: MemoryDisk
  /** What it keeps of cuts; without one it takes no part in them. */
  readonly shelf?: MemoryShelf | undefined
  readonly kinds: readonly ActorKind[]
  readonly options: NodeOptions
  /** Asked at each operation; `before`: it dies before it happened, `after`: before it hears of it. */
  readonly dies?: ((operation: number, what: string) => 'before' | 'after' | undefined) | undefined
  readonly mutation?: Mutation | undefined
}

export function startProcess(world: ProcessWorld): Process {
  const { log, disk, dies = () => undefined, mutation = {} } = world
  const connection = log.connect()
  let node: Node | undefined
  let isAlive = true
  let operations = 0
  let failure: unknown
  const gate = gateOf()
  const clock = clockOf(world.clock, gate)
  let over: () => void = () => undefined
  const ended = new Promise<void>((resolve) => (over = resolve))

  function crash(inFlight: InFlight = 'stored'): void {
    if (!isAlive) return
    isAlive = false
    connection.die(inFlight)
    disk.crash()
    clock.stop()
    node?.kill()
    over()
  }

  /** Resolves never when the process dies of it. */
  async function operate<T>(what: string, act: () => Promise<T>): Promise<T> {
    const death = isAlive ? dies(++operations, what) : 'before'
    if (death === undefined) {
      await gate.passed()
      try {
        return await act()
      } finally {
        await gate.passed()
      }
    }
    if (death === 'after') {
      const done = act().catch(() => undefined)
      // The wire's own steps are promises: this one comes to its end, and nobody is told.
      await done
    }
    crash(death === 'after' ? 'stored' : 'lost')
    return await new Promise<never>(() => undefined)
  }

  async function run(): Promise<void> {
    const bus = (mutation.bus ?? same)(busOf(connection, operate, gate), clock)
    const { name: realm, generation, partitions } = bus.realm
    const { createdAt } = await bus.logState()
    const plain = withPlainBases(openMemoryStore({ identity: { realm, generation, partitions, log: createdAt }, disk }))
    const store = (mutation.store ?? same)(storeOf(plain, operate))
    const archive = world.shelf && openPlainArchive(world.shelf)
    node = await startNode(
      { bus, store, archive, clock: (mutation.clock ?? same)(clock), actors: (mutation.kinds ?? same)(world.kinds) },
      world.options,
    )
    failure = await node.ended
  }

  // A start that fails and a node that ends are the end of the process: the system lets go of all it had.
  run().then(
    () => crash(),
    (error: unknown) => {
      failure = error
      crash()
    },
  )

  return {
    name: world.options.name,
    connection,
    get node() {
      return isAlive ? node : undefined
    },
    get isAlive() {
      return isAlive
    },
    get operations() {
      return operations
    },
    get failure() {
      return failure
    },
    crash,
    pause: gate.close,
    resume: gate.open,
    jump: clock.jump,
    ended,
  }
}

/** Holds everything up while it is closed, in order. */
type Gate = {
  readonly isOpen: boolean
  passed(): Promise<void>
  pass(call: () => void): void
  close(): void
  open(): void
}

function gateOf(): Gate {
  let held: (() => void)[] | undefined
  return {
    get isOpen() {
      return held === undefined
    },
    passed: () => (held === undefined ? Promise.resolve() : new Promise((resolve) => held?.push(resolve))),
    pass(call) {
      if (held === undefined) call()
      else held.push(call)
    },
    close: () => void (held ??= []),
    open() {
      const calls = held ?? []
      held = undefined
      for (const call of calls) call()
    },
  }
}

type Operate = <T>(what: string, act: () => Promise<T>) => Promise<T>

const same = <T>(value: T): T => value

function busOf(bus: Bus, operate: Operate, gate: Gate): Bus {
  return {
    ...bus,
    append: (entry) => operate('append', () => bus.append(entry)),
    appendAll: (entries) => operate('append', () => bus.appendAll(entries)),
    read: (options) =>
      operate('read', () => bus.read({ ...options, onEntry: (entry) => gate.pass(() => options.onEntry(entry)) })),
    last: (subject) => operate('last', () => bus.last(subject)),
    get: (seq) => operate('get', () => bus.get(seq)),
    // Not counted as one more place to die at: it is asked for ever, and changes nothing.
    async next(subject, from) {
      await gate.passed()
      const found = await bus.next(subject, from)
      await gate.passed()
      return found
    },
    lastMatching: (filter) => operate('last', () => bus.lastMatching(filter)),
    hear: (subject, on) => bus.hear(subject, (data, heard) => gate.pass(() => on(data, heard))),
    serve: (subject, answer) =>
      bus.serve(subject, (data) => (gate.isOpen ? answer(data) : gate.passed().then(() => answer(data)))),
    purge: (filter, upTo) => operate('purge', () => bus.purge(filter, upTo)),
    logState: () => operate('state', () => bus.logState()),
    cuts: {
      ...bus.cuts,
      put: (name, bytes) => operate('keep', () => bus.cuts.put(name, bytes)),
      get: (name) => operate('fetch', () => bus.cuts.get(name)),
    },
    notes: { ...bus.notes, put: (...given) => operate('note', () => bus.notes.put(...given)) },
  }
}

function storeOf(store: Store, operate: Operate): Store {
  return {
    ...store,
    fold: (...given) => operate('fold', () => store.fold(...given)),
    dropPartition: (partition) => operate('drop', () => store.dropPartition(partition)),
    loadBase: (bytes) => operate('load', () => store.loadBase(bytes)),
  }
}

/** The same time, but for what it was set by; its alarms end with the process. */
function clockOf(clock: Clock, gate: Gate): Clock & { stop(): void; jump(ms: number): void } {
  const alarms = new Set<{ cancel(): void }>()
  let isOn = true
  let offset = 0
  return {
    now: () => clock.now() + offset,
    at(instant, call) {
      if (!isOn) return { cancel: () => undefined }
      // As a real process waits: for so long, whatever its clock is set to meanwhile.
      const alarm = clock.at(instant - offset, () => {
        alarms.delete(alarm)
        gate.pass(() => {
          if (isOn) call()
        })
      })
      alarms.add(alarm)
      return {
        cancel() {
          alarms.delete(alarm)
          alarm.cancel()
        },
      }
    },
    stop() {
      isOn = false
      for (const alarm of alarms) alarm.cancel()
      alarms.clear()
    },
    jump(ms) {
      offset += ms
    },
  }
}
