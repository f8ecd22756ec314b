/**
 * The bus in memory: one log that several connections share, deterministic, on microtasks and the
 * injected clock only, so that a system of nodes and clients runs in virtual time. It passes the
 * same contract suite as NATS, and lets a simulation do to it what networks, disks and crashes do.
 */
import { Fault } from '#protocol/fault.ts'
import { limits } from '#protocol/limits.ts'
import { parseRealmName, type Realm } from '#protocol/realm.ts'
import { blobsAbove } from '#runtime/blobs-above.ts'
import type { Blobs, Bus, Entry, LogEntry, Placed } from '#runtime/bus.ts'
import type { Clock } from '#runtime/clock.ts'
import { blobsOver } from './memory-blobs.ts'
import type { Generations } from '#runtime/generations.ts'
import { type MemoryGeneration, memoryGenerationsOf, openMemoryGeneration } from './memory-generation.ts'
import { openHub, openMemoryCore } from './memory-core.ts'
import { type MemoryReading, openMemoryReader } from './memory-reader.ts'
import type { Outside } from './memory-log.ts'
import { openMemoryRegistry } from './memory-registry.ts'
import { type Disturb, type InFlight, openWire, type Wire } from './memory-wire.ts'

export type { Disturb, Disturbance, InFlight, MemoryOp } from './memory-wire.ts'

export type MemoryLogOptions = {
  readonly realm: string
  readonly partitions: number
  readonly clock: Clock
  readonly maxPayload?: number | undefined
  /** Of each leg between a connection and the log; 0 (the default) is a microtask. */
  readonly latencyMs?: number | undefined
  /** How long a connection waits for an acknowledgement that was lost; 0 (the default): not at all. */
  readonly ackMs?: number | undefined
  /** Of a fork: the cuts of its parent. */
  readonly beneath?: Pick<Blobs, 'get'> | undefined
}

export type MemoryConnection = Bus & {
  /** What happens to each request and delivery of this connection from now on. */
  disturb(hook: Disturb | undefined): void
  /** As a killed process: nothing that is awaited ever settles, nothing more is heard. */
  die(inFlight?: InFlight): void
  disconnect(inFlight?: InFlight): void
  reconnect(): void
}

export type MemoryLog = {
  connect(): MemoryConnection
  /** As any NATS client would, with the headers that a bare publisher may set. */
  publish(subject: string, data: Uint8Array, outside?: Outside): Placed
  /** The server is killed: every connection loses it, and what was on its way. */
  stop(): void
  start(): void
  /** The server comes back with a shorter log than it acknowledged. */
  truncate(lastSeq: number): void
  /** All of them, or those from a sequence on. */
  entries(from?: number): readonly LogEntry[]
  readonly generations: Generations
}

/** The default of a real server. */
const defaultMaxPayload = 1_048_576

export function openMemoryLog(options: MemoryLogOptions): MemoryLog {
  const { clock, partitions, maxPayload = defaultMaxPayload, latencyMs = 0, ackMs = 0 } = options
  const first: Realm = { name: parseRealmName(options.realm), generation: 0, partitions }
  const past: MemoryGeneration[] = []
  let present = openMemoryGeneration(first, clock)
  const hub = openHub()
  const wires = new Set<Wire>()
  const readings = new Set<MemoryReading>()
  const registry = openMemoryRegistry(() => clock.now())
  const notes = openMemoryRegistry(() => clock.now())
  const cuts = new Map<string, Uint8Array>()
  let isServerUp = true
  let connections = 0

  function place(entries: readonly Entry[], outside?: Outside, by = present): Placed {
    // A live view hears a publish even when the log refuses it, as on a real server.
    for (const { subject, data } of entries) hub.publish({ subject, data })
    const { realm, log, state } = present
    if (by !== present) throw new Fault('realm.moved', { value: realm.name })
    if (state === 'sealed') throw new Fault('bus.unreachable', { value: realm.name })
    const seq = log.append(entries, outside)
    for (let at = seq - entries.length + 1; at <= seq; at++) noticed(at)
    return { seq }
  }

  function noticed(seq: number): void {
    const { subject } = present.log.get(seq) as LogEntry
    for (const reading of readings) reading.notice(subject)
  }

  function connect(mine = present): MemoryConnection {
    const { realm, log, createdAt, blobs, fork } = mine
    const wire = openWire({ clock, latencyMs, ackMs, isServerUp: () => isServerUp })
    wires.add(wire)
    if (!isServerUp) wire.become('disconnected')

    const send = (entries: readonly Entry[]): Promise<Placed> => {
      const large = entries.find((entry) => entry.data.length > maxPayload)
      if (large !== undefined) {
        const { subject: value, data } = large
        return Promise.reject(new Fault('bus.tooBig', { value, size: data.length, limit: maxPayload }))
      }
      // The sender may use its buffers again before a held-back original arrives.
      const copies = entries.map((entry) => ({ ...entry, data: entry.data.slice() }))
      return wire.request({ is: 'append', entries: copies }, () => place(copies, undefined, mine))
    }
    const call = <T>(what: string, atLog: () => T): Promise<T> => wire.request({ is: 'call', what }, atLog)
    const core = openMemoryCore(hub, wire, {
      clock,
      maxPayload,
      connection: ++connections,
      store(subject, data) {
        if (!present.log.isStored(subject) || present.state !== 'open') return
        noticed(present.log.append([{ subject, data }]))
      },
    })
    const close = async (): Promise<void> => {
      wire.become('closed')
      wires.delete(wire)
    }

    return {
      realm,
      fork,
      maxPayload,
      replicas: 1,
      durability: 'process',
      append: (entry) => send([entry]),
      async appendAll(entries) {
        const { length } = entries
        if (length === 0 || length > limits.batchEntries) {
          throw new RangeError(`A batch holds 1 to ${limits.batchEntries} entries, not ${length}.`)
        }
        return send(entries)
      },
      read: (reading) =>
        call('read', () => {
          const opened = openMemoryReader(log, wire, reading)
          readings.add(opened)
          const stop = async (): Promise<void> => {
            readings.delete(opened)
            await opened.stop()
          }
          return { pause: () => opened.pause(), resume: () => opened.resume(), stop }
        }),
      last: (subject) => call('last', () => log.last(subject)),
      get: (seq) => call('get', () => log.get(seq)),
      next: (subject, from) => call('next', () => log.nextOf((one) => one === subject, from)),
      lastMatching: (filter) => call('lastMatching', () => log.last(filter)?.seq),
      purge: (filter, upTo) => call('purge', () => ({ removed: log.purge(filter, upTo) })),
      removeEntry: (seq) => call('removeEntry', () => log.removeEntry(seq)),
      logState: () => call('logState', () => ({ ...log.state(), createdAt })),
      isSuperseded: () => call('isSuperseded', () => mine !== present || mine.state === 'sealed'),
      ...core,
      registry: registry.over(call),
      notes: notes.over(call),
      blobs: blobsOver(blobs, call),
      cuts: options.beneath === undefined ? blobsOver(cuts, call) : blobsAbove(blobsOver(cuts, call), options.beneath),
      onState: (on) => wire.onState(on),
      close,
      [Symbol.asyncDispose]: close,
      disturb: (hook) => wire.disturb(hook),
      die(inFlight) {
        wire.become('dead', inFlight)
        wires.delete(wire)
      },
      disconnect: (inFlight) => wire.become('disconnected', inFlight),
      reconnect() {
        if (isServerUp) wire.become('connected')
      },
    }
  }

  const stop = (): void => {
    isServerUp = false
    for (const wire of wires) wire.become('disconnected', 'lost')
  }
  const start = (): void => {
    isServerUp = true
    for (const wire of wires) wire.become('connected')
  }
  const generations = memoryGenerationsOf({
    clock,
    name: first.name,
    maxPayload,
    past,
    present: () => present,
    become: (next) => void (present = next),
    connect,
    tell: (subject) => void hub.publish({ subject, data: new Uint8Array() }),
  })
  return {
    connect: () => connect(),
    generations,
    publish(subject, data, outside) {
      // What is restored comes before anything that is sent anew.
      if (present.state !== 'open') throw new Fault('bus.unreachable', { value: first.name })
      return place([{ subject, data: data.slice() }], outside)
    },
    stop,
    start,
    truncate(lastSeq) {
      stop()
      present.log.truncate(lastSeq)
      start()
    },
    entries: (from) => present.log.all(from),
  }
}
