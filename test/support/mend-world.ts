/** Nodes in virtual time on a log that forgets, what is sent to them, and what must be left of it. */
import { assign, emit, setup } from 'xstate'
import { expect } from 'vitest'
import { actor } from '#protocol/actor.ts'
import { subscribe, tell } from '#runtime/core/actions.ts'
import { type MemoryConnection, openMemoryLog } from '#runtime/memory/memory-bus.ts'
import type { Node, NodeOptions } from '#runtime/node.ts'
import { onTrace, type Trace } from '#runtime/trace.ts'
import { openVirtualClock } from '#runtime/memory/virtual-clock.ts'
import { type MemoryDisk, openMemoryDisk, openMemoryStore } from '#store/memory-store.ts'
import { openPlacedView } from '#runtime/mending/placed-view.ts'
import type { RealmHandle } from '#runtime/client/realm-handle.ts'
import { openTestNode, openTestRealm } from './engine.ts'

type Note = { readonly type: 'NOTE'; readonly from: string; readonly n: number }

const lists = actor(
  'list',
  setup({ types: { context: {} as { got: [string, number][] }, events: {} as Note } }).createMachine({
    context: { got: [] },
    on: {
      NOTE: { actions: assign({ got: ({ context, event }) => [...context.got, [event.from, event.n]] }) },
    },
  }),
)

/** Passes on what it gets, so that records stand inside envelopes. */
const relays = actor(
  'relay',
  setup({ types: { events: {} as { type: 'PASS'; n: number } } }).createMachine({
    on: { PASS: { actions: tell('list/sink', ({ event, self }) => ({ type: 'NOTE', from: self.id, n: event.n })) } },
  }),
)

/** Says what it gets to all who want to hear it. */
const bells = actor(
  'bell',
  setup({ types: { events: {} as { type: 'RING'; n: number } } }).createMachine({
    on: { RING: { actions: emit(({ event }) => ({ type: 'RUNG', n: event.n })) } },
  }),
)

const ears = actor(
  'ear',
  setup({
    types: { context: {} as { heard: number[] }, events: {} as { type: 'LISTEN' } | { type: 'RUNG'; n: number } },
  }).createMachine({
    context: { heard: [] },
    on: {
      LISTEN: { actions: subscribe('bell.*.RUNG') },
      RUNG: { actions: assign({ heard: ({ context, event }) => [...context.heard, event.n] }) },
    },
  }),
)

export const partitions = 4
const members = { beatMs: 100, suspectMs: 300, deadMs: 1000 }

export type Joined = {
  readonly name: string
  readonly node: Node
  readonly bus: MemoryConnection
  readonly disk: MemoryDisk
}

export type MendWorld = Awaited<ReturnType<typeof openMendWorld>>

export async function openMendWorld(names: readonly string[], options: Partial<NodeOptions> = {}, latencyMs = 0) {
  const all: Joined[] = []
  const clock = openVirtualClock({
    start: Date.UTC(2026, 0, 1),
    progress: () =>
      all
        .flatMap(({ node }) =>
          node.partitions.map(({ position, depth }) => `${position.n}:${depth.queued}:${depth.staged}`),
        )
        .join(),
  })
  const log = openMemoryLog({ realm: 'shop', partitions, clock, latencyMs })
  const realm = openTestRealm(log.connect(), clock)
  const looking = realm.bus.logState()
  await clock.advance(2 * latencyMs)
  const { createdAt } = await looking
  const traces: Trace[] = []
  const hearing = onTrace((event) => traces.push(event))
  const sent: [string, number][] = []
  let count = 0
  let rung = 0

  async function join(name: string, disk: MemoryDisk = openMemoryDisk()): Promise<Joined> {
    const bus = log.connect()
    const store = openMemoryStore({ identity: { realm: 'shop', generation: 0, partitions, log: createdAt }, disk })
    const beats = names.length > 1 ? members : {}
    const opening = openTestNode(bus, [lists, relays, bells, ears], {
      clock,
      store,
      options: { name, ...beats, ...options },
    })
    opening.catch(() => undefined)
    await clock.advance(3000)
    const joined = { name, node: await opening, bus, disk }
    all.push(joined)
    return joined
  }

  const world = {
    ...{ clock, log, realm, traces, all, join, sent },
    /** To lists of all partitions, and through relays to one of them. */
    async note(times: number, settleMs = 200): Promise<void> {
      for (let at = 0; at < times; at++) {
        const n = ++count
        sent.push([`list/l${n % 7}`, n])
        void realm
          .ref(lists, `l${n % 7}`)
          .send({ type: 'NOTE', from: 'x', n })
          .catch(() => undefined)
        if (n % 3 === 0) {
          sent.push(['list/sink', n])
          void realm
            .ref(relays, `r${n % 5}`)
            .send({ type: 'PASS', n })
            .catch(() => undefined)
        }
      }
      await clock.advance(settleMs)
    },
    /** Bells ring in all partitions, and ears hear all of them. */
    async listen(): Promise<void> {
      for (let n = 0; n < 7; n++) void realm.ref(ears, `e${n}`).send({ type: 'LISTEN' })
      await clock.advance(200)
    },
    async ring(times: number): Promise<void> {
      for (let at = 0; at < times; at++) void realm.ref(bells, `b${++rung % 7}`).send({ type: 'RING', n: rung })
      await clock.advance(200)
    },
    async heard(): Promise<readonly number[][]> {
      const reading = Promise.all(Array.from({ length: 7 }, (_, n) => realm.ref(ears, `e${n}`).read()))
      await clock.advance(100)
      return (await reading).map((seen) => seen?.context.heard ?? [])
    },
    /** Somebody who looks on. */
    async view(): Promise<RealmHandle> {
      return openTestRealm(await openPlacedView({ bus: log.connect(), clock }, { retryMs: 10 }), clock)
    },
    /** What takes time, done in time. */
    async during<T>(work: Promise<T>): Promise<T> {
      work.catch(() => undefined)
      await clock.advance(200)
      return await work
    },
    /** As any program would, without a session: what it sends again is taken again. */
    bare(n: number, key = 'bare'): void {
      sent.push([`list/${key}`, n])
      log.publish(`shop.to.list.${key}`, Buffer.from(JSON.stringify({ type: 'NOTE', from: 'bare', n })))
    },
    async kill({ node, bus, disk, name }: Joined): Promise<MemoryDisk> {
      bus.die()
      node.kill()
      disk.crash()
      all.splice(
        all.findIndex((one) => one.name === name),
        1,
      )
      await clock.advance(0)
      return disk
    },
    /** Everything that was sent, each once, in the order of its sender; of some nobody needs to know. */
    async audit(unheld: ReadonlySet<number> = new Set()): Promise<void> {
      const expected = new Map<string, number[]>()
      for (const [address, n] of sent) expected.set(address, [...(expected.get(address) ?? []), n])
      for (const [address, numbers] of expected) {
        const reading = realm.ref(lists, address.slice(5)).read()
        await clock.advance(20 + 10 * latencyMs)
        const got = (await reading)?.context.got ?? []
        const senders = Map.groupBy(got, ([from]) => from)
        for (const list of senders.values()) {
          const order = list.map(([, n]) => n)
          expect(order).toEqual(order.toSorted((a, b) => a - b))
        }
        const taken = new Set(got.map(([, n]) => n))
        const wanted = numbers.filter((n) => taken.has(n) || !unheld.has(n))
        expect(got.map(([, n]) => n).toSorted((a, b) => a - b)).toEqual(wanted.toSorted((a, b) => a - b))
      }
    },
    close() {
      hearing.stop()
      for (const { node } of all) node.kill()
    },
    end: () => log.entries().at(-1)?.seq ?? 0,
    mended: () => traces.filter((one) => one.is === 'log.mended'),
    owners: () =>
      Array.from({ length: partitions }, (_, number) =>
        all.flatMap(({ node }) => (node.partitions.some(({ partition }) => partition === number) ? [node.name] : [])),
      ),
  }
  for (const name of names) await join(name)
  return world
}
