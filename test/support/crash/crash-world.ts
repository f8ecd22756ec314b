/**
 * A realm on a real server whose nodes are real processes that die: what the outside asks for,
 * what the log says in the end, and the checkers of the simulation over both.
 */
import { setImmediate } from 'node:timers/promises'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { AnyEvent } from '#protocol/envelope.ts'
import { type RealmHandle, realmHandleOf } from '#runtime/client/realm-handle.ts'
import type { Bus, LogEntry } from '#runtime/bus.ts'
import { systemClock } from '#runtime/clock.ts'
import type { NodeOptions } from '#runtime/node.ts'
import { openBus } from '#runtime/nats/open-bus.ts'
import { realmOptions } from '#test/support/engine.ts'
import { startNats, type TestNats } from '#test/support/nats.ts'
import { type Audit, auditOf } from '#test/support/sim/audit.ts'
import { judge } from '#test/support/sim/world.ts'
import { everything } from '#test/support/workloads/everything.ts'
import { outsideOf } from '#test/support/workloads/outside.ts'
import { randomOf } from '#test/support/workloads/random.ts'
import type { Death } from './boundaries.ts'
import { type Child, startChild } from './child.ts'

export type Given = {
  readonly death?: Death | undefined
  readonly plant?: string | undefined
  readonly url?: string
  readonly ackMs?: number
  readonly options?: Partial<NodeOptions>
}

export type CrashWorld = {
  readonly nats: TestNats
  readonly bus: Bus
  /** A node on the disk of that name; `url` when it is to go another way to the server. */
  start(name: string, given?: Given): Child
  /** Takes the disk of that name away; its next node has the log alone. */
  loseDisk(name: string): Promise<void>
  /** An event from outside; resolves when it was promised. */
  send(address: string, event: AnyEvent): Promise<unknown>
  /** So many requests of each workload; resolves when each was promised or given up. */
  drive(size: number): Promise<void>
  /** Round after round, as long as it is so when one begins. */
  driveWhile(isSo: () => boolean): Promise<void>
  /** Every entry so far, and one more look after each that comes. */
  readonly entries: readonly LogEntry[]
  until(isSo: (entries: readonly LogEntry[]) => boolean): Promise<void>
  /** What is broken at rest, in a log as it is given. */
  judge(all: readonly LogEntry[]): readonly string[]
  /** What the log breaks of its own laws, now. */
  faults(): readonly string[]
  /** Waits until everything that was asked for has come to its end, once, and says what was found. */
  rest(): Promise<Audit>
  [Symbol.asyncDispose](): Promise<void>
}

const partitions = 3
/** What takes seconds in virtual time takes as many hundredths here. */
const pace = 0.02
/** Long after the last recovery; a law that is broken for good is told then. */
const patienceMs = 40_000

/** `isScripted`: instead of the workloads its nodes have an agent that goes by a script. */
export async function openCrashWorld(seed: number, { isScripted = false } = {}): Promise<CrashWorld> {
  const nats = await startNats()
  const dir = await mkdtemp(join(tmpdir(), 'perdure-crash-'))
  const realm = 'crash'
  const bus = await openBus({
    servers: [nats.url],
    realm,
    create: true,
    defaultPartitions: partitions,
    replicas: 1,
    durability: 'process',
    times: { ackMs: 1500, callMs: 1500, heartbeatMs: 500, reconnectMs: 50 },
  })
  const all = isScripted ? [] : everything({ isElsewhere: true })
  const random = randomOf(seed)
  const started = new Set<Child>()
  const handleOf = (name: string): RealmHandle =>
    realmHandleOf({ bus, clock: systemClock }, { ...realmOptions, sendTimeoutMs: 30_000, client: name })
  const outside = outsideOf(handleOf, { clock: systemClock, pace })

  const entries: LogEntry[] = []
  const hearers = new Set<() => void>()
  await bus.read({
    filter: `${realm}.>`,
    from: 1,
    onEntry(entry) {
      entries.push(entry)
      for (const hear of hearers) hear()
    },
  })

  async function drive(size: number): Promise<void> {
    await Promise.all(all.map((one) => one.drive(outside, random.fork(), size)))
  }

  async function until(isSo: (seen: readonly LogEntry[]) => boolean): Promise<void> {
    const deadline = performance.now() + patienceMs
    while (!isSo(entries)) {
      const { promise, resolve } = Promise.withResolvers<void>()
      hearers.add(resolve)
      const alarm = systemClock.at(systemClock.now() + patienceMs, resolve)
      await promise
      alarm.cancel()
      hearers.delete(resolve)
      if (performance.now() > deadline) return
      // One look for all that came in this turn.
      await setImmediate()
    }
  }

  function look(seen: readonly LogEntry[] = entries): { readonly audit: Audit; readonly faults: string[] } {
    const audit = auditOf(seen, { atRest: true })
    const reader = { states: audit.states, entries: seen, skewMs: 0 }
    return { audit, faults: [...audit.faults, ...judge(all, reader, audit.parked)] }
  }

  return {
    nats,
    bus,
    start(name, { death, plant, url = nats.url, ackMs = 1000, options } = {}) {
      const how = { death, plant, ackMs, options, isScripted }
      const child = startChild({ name, url, realm, dir: join(dir, name), partitions, ...how })
      started.add(child)
      child.exited.then(
        () => started.delete(child),
        () => undefined,
      )
      return child
    },
    loseDisk: (name) => rm(join(dir, name), { recursive: true, force: true }),
    send: (address, event) => handleOf('sender').send(address, event),
    drive,
    async driveWhile(isSo) {
      while (isSo()) await drive(2)
    },
    entries,
    judge: (seen) => look(seen).faults,
    until,
    faults: () => auditOf(entries, { atRest: false }).faults,
    async rest() {
      let found = look()
      await until(() => {
        found = look()
        return found.faults.length === 0
      })
      if (found.faults.length > 0)
        throw new Error(`${found.faults.length} laws are broken:\n${found.faults.slice(0, 12).join('\n')}`)
      return found.audit
    },
    async [Symbol.asyncDispose]() {
      for (const child of started) {
        child.signal('SIGCONT')
        await child.kill()
      }
      await bus.close()
      await nats.stop()
      await rm(dir, { recursive: true, force: true })
    },
  }
}
