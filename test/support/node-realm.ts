/** Several nodes on one memory log in virtual time, each with a disk of its own, and a program that sends. */
import { assign, setup } from 'xstate'
import { type ActorKind, actor } from '#protocol/actor.ts'
import { type MemoryConnection, openMemoryLog } from '#runtime/memory/memory-bus.ts'
import type { Node, NodeOptions } from '#runtime/node.ts'
import { onTrace, type Trace } from '#runtime/trace.ts'
import { openVirtualClock } from '#runtime/memory/virtual-clock.ts'
import type { Store } from '#store/store.ts'
import { withPlainBases } from './sim/plain-base.ts'
import { openTestNode, openTestRealm, openTestStore } from './engine.ts'

export const counters = actor(
  'counter',
  setup({
    types: { context: {} as { got: number[] }, events: {} as { type: 'ADD'; n: number } },
    actions: { add: assign({ got: ({ context, event }) => [...context.got, event.n] }) },
  }).createMachine({ context: { got: [] }, on: { ADD: { actions: 'add' } } }),
)

export const members = { beatMs: 100, suspectMs: 300, deadMs: 1000 }

export type Joined = { readonly node: Node; readonly bus: MemoryConnection; readonly store: Store }

export type NodeRealmOptions = {
  readonly partitions?: number
  readonly actors?: readonly ActorKind[]
  /** How many actors are sent to. */
  readonly keys?: number
}

export type NodeRealm = ReturnType<typeof openNodeRealm>

export function openNodeRealm({ partitions = 8, actors = [counters], keys = 20 }: NodeRealmOptions = {}) {
  const all: Joined[] = []
  const traces: Trace[] = []
  const hearing = onTrace((one) => void traces.push(one))
  const clock = openVirtualClock({
    start: Date.UTC(2026, 0, 1),
    progress: () =>
      all
        .flatMap(({ node }) =>
          node.partitions.map(({ position, depth }) => `${position.n}:${depth.queued}:${depth.staged}`),
        )
        .join(),
  })
  const log = openMemoryLog({ realm: 'shop', partitions, clock })
  const realm = openTestRealm(log.connect(), clock)
  let sent = 0

  /** Begins to join, without waiting for it. */
  async function open(
    name: string,
    options: Partial<NodeOptions> = {},
    wrap: (given: { bus: MemoryConnection; store: Store }) => { bus: MemoryConnection; store: Store } = (given) =>
      given,
  ): Promise<Joined> {
    const plain = log.connect()
    const { bus, store } = wrap({ bus: plain, store: withPlainBases(await openTestStore(plain)) })
    const node = await openTestNode(bus, actors, { clock, store, options: { name, ...members, ...options } })
    const joined = { node, bus: plain, store }
    all.push(joined)
    return joined
  }

  return {
    clock,
    log,
    realm,
    traces,
    all,
    open,
    traced: <K extends Trace['is']>(is: K) => traces.filter((one): one is Extract<Trace, { is: K }> => one.is === is),
    async join(name: string, options: Partial<NodeOptions> = {}): Promise<Joined> {
      const opening = open(name, options)
      opening.catch(() => undefined)
      await clock.advance(200)
      return await opening
    },
    async kill({ node, bus }: Joined): Promise<void> {
      bus.die()
      node.kill()
      all.splice(
        all.findIndex((one) => one.node === node),
        1,
      )
      await clock.advance(0)
    },
    /** One event to each of the actors, so that every partition has some. */
    async add(times = 1): Promise<void> {
      for (let time = 0; time < times; time++) {
        for (let at = 0; at < keys; at++) {
          const sending = realm.ref(counters, `c${at}`).send({ type: 'ADD', n: ++sent })
          sending.catch(() => undefined)
        }
        await clock.advance(50)
      }
    },
    /** By partition, who owns it. */
    owners: () =>
      Array.from({ length: partitions }, (_, number) =>
        all.flatMap(({ node }) => (node.partitions.some(({ partition }) => partition === number) ? [node.name] : [])),
      ),
    /** Of each actor, how many events it took, each once and in order. */
    async counts(): Promise<number[]> {
      const found: number[] = []
      for (let at = 0; at < keys; at++) {
        const reading = realm.ref(counters, `c${at}`).read()
        reading.catch(() => undefined)
        await clock.advance(20)
        const got = (await reading)?.context.got ?? []
        if (got.some((n, index) => index > 0 && n <= (got[index - 1] ?? 0))) throw new Error(`c${at}: ${got.join()}`)
        found.push(got.length)
      }
      return found
    },
    close(): void {
      hearing.stop()
      for (const { node } of all) node.kill()
    },
  }
}
