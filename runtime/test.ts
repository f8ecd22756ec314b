/**
 * The door for those who test their machines: the real engine, whole, over a log and a store in
 * memory and time that stands still until a test moves it.
 *
 * ```ts
 * import { openTestRealm } from 'perdure/test'
 *
 * await using realm = await openTestRealm({ actors: [orders], effects: { charge: async () => 'receipt-1' } })
 * const order = await realm.start(orders, '42', { input: { patience: '7 days' } })
 * await realm.advance('6 days')
 * await realm.restart()                                  // the node dies and comes back on what it had stored
 * await realm.advance('1 day')
 * expect((await order.read())?.value).toBe('expired')
 * expect(realm.emitted('order/42')).toMatchObject([{ type: 'EXPIRED' }])
 * ```
 *
 * An effect that waits for something real (a socket, `setTimeout`) is not waited for: give it a
 * stand-in, or wait for what it leads to with `waitFor`.
 */
import { openConfig } from '#config/open-config.ts'
import { clientOptionsOf, nodeOptionsOf } from '#config/options.ts'
import type { ActorKind } from '#protocol/actor.ts'
import type { Address } from '#protocol/address.ts'
import type { AnyEvent } from '#protocol/envelope.ts'
import { Fault } from '#protocol/fault.ts'
import { parseStored } from '#protocol/subject.ts'
import { openBaseReader } from '#store/base-blob.ts'
import { openMemoryDisk, openMemoryStore } from '#store/memory-store.ts'
import type { Store } from '#store/store.ts'
import { pause } from './clock.ts'
import { realmHandleOf, type RealmHandle } from './client/realm-handle.ts'
import { emittedOf } from './core/emitted.ts'
import { type MemoryConnection, openMemoryLog } from './memory/memory-bus.ts'
import { startNode } from './start-node.ts'
import type { Node, NodeOptions } from './node.ts'
import { type StandIns, withStandIns } from './effects/stand-in.ts'
import { openVirtualClock } from './memory/virtual-clock.ts'

export type { StandIn, StandIns, StandInTools } from './effects/stand-in.ts'
export { openVirtualClock, type VirtualClock } from './memory/virtual-clock.ts'

export type TestRealmOptions = {
  readonly actors: readonly ActorKind[]
  readonly realm?: string
  readonly partitions?: number
  /** When the test's time begins; the first instant of 2026, UTC, by default. */
  readonly start?: number | string | Date
  /** What stands in for effects, by their names in the machines. */
  readonly effects?: StandIns
}

export type RestartOptions = {
  /** Other definitions than before, for example the next version. */
  readonly actors?: readonly ActorKind[]
  /** How long no node ran. */
  readonly away?: number | string
  /** Whether the node finds its store again; without it everything is folded from the log. */
  readonly keepStore?: boolean
}

/** Something that a machine emitted. */
export type EmittedEvent = AnyEvent & { readonly address: Address; readonly at: number; readonly seq: number }

export type TestRealm = RealmHandle & {
  /** The node as it is now; another one after a restart. */
  readonly node: Node
  now(): number
  /** Time goes on by milliseconds or by an amount such as '90 s', '2 hours', '7 days'. */
  advance(by: number | string): Promise<void>
  /** All that can happen without time going on has happened. */
  settle(): Promise<void>
  /** Kills the node in the middle of whatever it does, and starts one on what was stored. */
  restart(options?: RestartOptions): Promise<void>
  /** What was emitted so far, oldest first: of all, of a kind, or of one address. */
  emitted(of?: string): EmittedEvent[]
}

const hourMs = 3_600_000

export async function openTestRealm(options: TestRealmOptions): Promise<TestRealm> {
  const { realm = 'test', partitions = 4, start = Date.UTC(2026, 0, 1), effects = {} } = options
  const clock = openVirtualClock({ start: new Date(start).getTime(), progress: () => progressOf(running?.node) })
  const log = openMemoryLog({ realm, partitions, clock })
  const settings = openDefaults()
  const time = {
    now: () => clock.now(),
    sleep: (ms: number) => pause(clock, ms),
  }
  let disk = openMemoryDisk()
  let actors = withStandIns(options.actors, effects, time)
  let running: Running | undefined
  let failure: Error | undefined

  async function open(): Promise<Running> {
    const bus = log.connect()
    const { name, generation } = bus.realm
    const { createdAt } = await bus.logState()
    const store = openMemoryStore({ identity: { realm: name, generation, partitions, log: createdAt }, disk })
    const node = await startNode({ bus, store, clock, actors }, settings.node)
    node.ended.then((error) => (failure ??= error)).catch(() => undefined)
    return { bus, store, node }
  }

  function kill(): void {
    if (running === undefined) return
    // First what it is connected to: a killed process writes nothing more, however far it was.
    running.bus.die()
    disk.crash()
    running.node.kill()
    running = undefined
  }

  async function settle(): Promise<void> {
    await clock.runUntilIdle()
    if (failure !== undefined) throw failure
  }

  async function restart({ actors: next, away = 0, keepStore = true }: RestartOptions = {}): Promise<void> {
    // A process says every second that it is alive; here it says so once, at its last instant.
    await running?.store.alive.set(clock.now())
    kill()
    await clock.advance(millisecondsOf(away))
    if (!keepStore) disk = openMemoryDisk()
    if (next !== undefined) actors = withStandIns(next, effects, time)
    running = await open()
    // Those who look on ask the new owner.
    client.disconnect()
    client.reconnect()
    await settle()
  }

  running = await open()
  const client = log.connect()
  const handle = realmHandleOf({ bus: client, clock, readBase: openBaseReader }, settings.client)
  const close = async (): Promise<void> => {
    await handle.close()
    kill()
  }
  await settle()

  return {
    ...handle,
    get node() {
      if (running === undefined) throw new Fault('partition.unowned', { partition: 0, value: realm })
      return running.node
    },
    now: () => clock.now(),
    async advance(by) {
      await clock.advance(millisecondsOf(by))
      await settle()
    },
    settle,
    restart,
    emitted(of) {
      return log.entries().flatMap(({ seq, subject, data, at }) => {
        const stored = parseStored(subject)
        if (stored.is !== 'ev' || !isOf(stored.address, of)) return []
        return [{ ...emittedOf(data), address: stored.address, at, seq }]
      })
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

type Running = { readonly bus: MemoryConnection; readonly store: Store; readonly node: Node }

/** What the clock cannot see: events that wait in a partition for the next turn. */
function progressOf(node: Node | undefined): string {
  let text = ''
  for (const { position, depth } of node?.partitions ?? []) text += `${position.n}:${depth.queued}:${depth.staged} `
  return text
}

/** Neither the file nor the environment of whoever runs the test. */
function openDefaults(): { readonly node: NodeOptions; readonly client: Parameters<typeof realmHandleOf>[1] } {
  const config = openConfig({ env: {}, cwd: '/' })
  return {
    // Housekeeping would be most of what happens in a skipped year; the log keeps all of it.
    node: {
      ...nodeOptionsOf(config),
      name: 'test',
      beatMs: 0,
      aliveMs: hourMs,
      trimEveryMs: 1e6 * hourMs,
      claimLookMs: 1e6 * hourMs,
    },
    client: { ...clientOptionsOf(config), client: undefined, leaseMs: 24 * hourMs },
  }
}

function isOf(address: Address, of: string | undefined): boolean {
  return of === undefined || address === of || address.startsWith(`${of}/`)
}

const units: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  sec: 1000,
  second: 1000,
  min: 60_000,
  m: 60_000,
  minute: 60_000,
  h: hourMs,
  hour: hourMs,
  d: 24 * hourMs,
  day: 24 * hourMs,
  w: 168 * hourMs,
  week: 168 * hourMs,
}

function millisecondsOf(by: number | string): number {
  if (typeof by === 'number') {
    if (by >= 0 && Number.isFinite(by)) return by
    throw new Fault('clock.unreadable', { value: by })
  }
  const [, amount = '', unit = ''] = /^\s*(\d+(?:\.\d+)?)\s*([a-z]+)\s*$/i.exec(by) ?? []
  const factor = units[unit] ?? units[unit.replace(/s$/, '')]
  if (factor === undefined) throw new Fault('clock.unreadable', { value: by })
  return Math.round(Number(amount) * factor)
}
