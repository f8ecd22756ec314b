/** How a node ends when its store fails it: with what failed, once, and with nothing lost. */
import { expect, test } from 'vitest'
import { assign, setup } from 'xstate'
import { actor } from '#protocol/actor.ts'
import type { CommitRecord } from '#protocol/record.ts'
import { systemClock } from '#runtime/clock.ts'
import { beginning } from '#runtime/core/position.ts'
import { folderOf } from '#runtime/partition/folder.ts'
import { openMemoryLog } from '#runtime/memory/memory-bus.ts'
import { onTrace, type Trace } from '#runtime/trace.ts'
import type { Store } from '#store/store.ts'
import { openManualClock, turn } from '#test/support/manual-clock.ts'
import { openTestNode, openTestRealm, openTestStore } from '#test/support/engine.ts'

const counters = actor(
  'counter',
  setup({ types: { context: {} as { count: number } } }).createMachine({
    context: { count: 0 },
    on: { ADD: { actions: assign({ count: ({ context }) => context.count + 1 }) } },
  }),
)

const full = new Error('the disk is full')

async function openWorld(breakIt: (store: Store, isBroken: () => boolean) => Partial<Store>) {
  const log = openMemoryLog({ realm: 'shop', partitions: 2, clock: systemClock })
  const bus = log.connect()
  const store = await openTestStore(bus)
  let isBroken = false
  // Folds on its own only when the node stops.
  const node = await openTestNode(bus, [counters], {
    store: { ...store, ...breakIt(store, () => isBroken) },
    options: { foldMs: 3_600_000 },
  })
  const failed: Trace[] = []
  const hearing = onTrace((one) => void (one.is === 'node.failed' && failed.push(one)))
  const realm = openTestRealm(log.connect())
  await realm.ref(counters, 'a').send({ type: 'ADD' })
  await realm.ref(counters, 'a').waitFor(({ context }) => context.count === 1, { timeoutMs: 5000 })
  return {
    log,
    store,
    node,
    realm,
    failed,
    break: () => (isBroken = true),
    async [Symbol.asyncDispose]() {
      hearing.stop()
      await realm.close()
    },
  }
}

test.each([
  [
    'folding',
    (store: Store, isBroken: () => boolean) => ({
      fold: async (folds: Parameters<Store['fold']>[0]) => (isBroken() ? Promise.reject(full) : store.fold(folds)),
    }),
  ],
  [
    'saying when it was alive',
    (store: Store, isBroken: () => boolean) => ({
      alive: {
        get: () => store.alive.get(),
        set: async (now: number) => (isBroken() ? Promise.reject(full) : store.alive.set(now)),
      },
    }),
  ],
])(
  'a store that fails at %s while its node stops ends the node, and the log has what the store lacks',
  async (_, how) => {
    await using world = await openWorld(how)
    world.break()
    await world.node.stop()
    expect(await world.node.ended).toBe(full)
    expect(world.failed).toMatchObject([{ fault: { message: 'the disk is full' } }])
    // Whoever stops it again hears no more of it.
    await world.node.stop()

    const bus = world.log.connect()
    const again = await openTestNode(bus, [counters], { store: world.store })
    expect((await world.realm.operate.show('counter/a'))?.state.snapshot.context).toEqual({ count: 1 })
    await again.stop()
    expect(await again.ended).toBeUndefined()
  },
)

test('nothing is folded behind a fold that failed, not even what came while it was written', async () => {
  const clock = openManualClock()
  const log = openMemoryLog({ realm: 'shop', partitions: 1, clock })
  const store = await openTestStore(log.connect())
  const first = Promise.withResolvers<void>()
  const folded: number[] = []
  const errors: unknown[] = []
  const folder = folderOf(
    {
      clock,
      store: {
        ...store,
        async fold(folds) {
          folded.push(...folds.map(({ partition }) => partition.n))
          if (folded.length === 1) await first.promise
        },
      },
      onError: (error) => void errors.push(error),
    },
    { intervalMs: 10, commitsMost: 1, mendKeepMs: 0 },
  )
  const add = (n: number): void => {
    const position = { ...beginning(0), n }
    const record = { changes: [], steps: [], n, at: 0 } as unknown as CommitRecord
    folder.add({ position, clients: new Map(), record, seq: n, needs: new Map(), held: [] })
  }
  add(1)
  add(2)
  first.reject(full)
  await turn()
  add(3)
  await clock.advance(100)
  expect([folded, errors]).toEqual([[1], [full]])
})
