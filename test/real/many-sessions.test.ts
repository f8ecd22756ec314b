/** An outsider who opens a session for each event makes no commit, no fold and no store larger than its events. */
import { rm, mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { assign, setup } from 'xstate'
import { expect, test } from 'vitest'
import { actor } from '#protocol/actor.ts'
import { encode } from '#protocol/codec.ts'
import { encodeOutside } from '#protocol/outside.ts'
import { onTrace } from '#runtime/trace.ts'
import { openLmdbStore } from '#store/lmdb-store.ts'
import type { Fold, Store } from '#store/store.ts'
import { openTestNode, openTestRealm } from '#test/support/engine.ts'
import { useRealBus } from '#test/support/real-bus.ts'

const { foreign, nextRealm, open } = useRealBus()

const events = 100_000
const clientsMost = 1000

const counters = actor(
  'counter',
  setup({ types: { context: {} as { n: number }, events: {} as { type: 'ADD' } } }).createMachine({
    context: { n: 0 },
    on: { ADD: { actions: assign({ n: ({ context }) => context.n + 1 }) } },
  }),
)

/** The same store; what each fold writes besides states and lines is told. */
function watched(store: Store, onFold: (fold: Fold) => void): Store {
  const fold = async (folds: readonly Fold[]): Promise<void> => {
    for (const one of folds) onFold(one)
    await store.fold(folds)
  }
  return Object.create(store, { fold: { value: fold } }) as Store
}

test('100,000 sessions of one event each cost as much each as the first', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'perdure-sessions-'))
  const realm = nextRealm()
  const bus = await open(realm, { defaultPartitions: 1 })
  const { createdAt: log } = await bus.logState()
  const identity = { realm, generation: 0, partitions: 1, log }
  const store = await openLmdbStore({ dir, identity, mapBytes: 2 ** 30 })
  let moved = 0
  let stepped = 0
  let positionBytes = 0
  const mostOverSteps: number[] = []
  const folding = watched(store, ({ partition, clients, history }) => {
    const steps = history.reduce((sum, line) => sum + line.steps.length, 0)
    moved += clients?.size ?? 0
    stepped += steps
    mostOverSteps.push((clients?.size ?? 0) - 2 * steps)
    positionBytes = Math.max(positionBytes, encode(partition).length)
  })
  const node = await openTestNode(bus, [counters], { store: folding, options: { clientsMost } })
  const all = Promise.withResolvers<void>()
  let committed = 0
  const hearing = onTrace((one) => {
    if (one.is === 'committed' && (committed += one.steps) === events) all.resolve()
  })
  const client = openTestRealm(await open(realm, { defaultPartitions: 1 }))
  try {
    for (let at = 1; at <= events; at++) {
      const note = { session: `session-${at}`, n: 1, floor: 1 }
      foreign().publish(`${realm}.to.counter.a`, encodeOutside({ type: 'ADD' }, note))
      if (at % 5000 === 0) await foreign().flush()
    }
    await all.promise
    expect((await client.ref(counters, 'a').read())?.context.n).toBe(events)
    await node.stop()
    expect(stepped).toBe(events)
    // Each fold moves the marks of its own steps, and forgets no more than it brought.
    expect(Math.max(...mostOverSteps)).toBeLessThanOrEqual(0)
    expect(moved).toBeLessThanOrEqual(2 * events)
    expect(positionBytes).toBeLessThan(500)
    expect([...store.clients(0)]).toHaveLength(clientsMost)
  } finally {
    hearing.stop()
    await client.close()
    await node.stop()
    await store.close()
    await bus.close()
    await rm(dir, { recursive: true, force: true })
  }
}, 240_000)
