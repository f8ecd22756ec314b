/** How many servers keep a realm is changed while it runs, and nobody notices. */
import { expect, test } from 'vitest'
import { assign, setup } from 'xstate'
import { actor } from '#protocol/actor.ts'
import { realmHandleOf } from '#runtime/client/realm-handle.ts'
import { systemClock } from '#runtime/clock.ts'
import { openGenerations } from '#runtime/nats/generations.ts'
import { openBus } from '#runtime/nats/open-bus.ts'
import { isWhole, openReplicas, type Part } from '#runtime/nats/replicas.ts'
import { faultOf } from '#test/support/bus-world.ts'
import { openTestNode, realmOptions } from '#test/support/engine.ts'
import { startNats } from '#test/support/nats.ts'
import { startCluster } from '#test/support/nats-cluster.ts'

const counter = actor(
  'counter',
  setup({ types: { context: {} as { n: number }, events: {} as { type: 'ADD' } } }).createMachine({
    context: { n: 0 },
    on: { ADD: { actions: assign({ n: ({ context }) => context.n + 1 }) } },
  }),
)
const keys = 10

const optionsOf = (servers: readonly string[]) =>
  ({ servers: [...servers], realm: 'shop', defaultPartitions: 4, replicas: 1, durability: 'process' }) as const

test('from one copy to three under load, over the death of the server that had it, and back to one', async () => {
  const cluster = await startCluster()
  const options = optionsOf(cluster.urls)
  try {
    await using bus = await openBus({ ...options, create: true })
    await using node = await openTestNode(bus, [counter])
    await using realm = realmHandleOf(
      { bus: await openBus({ ...options, create: false }), clock: systemClock },
      // An election takes 4 to 9 s.
      { ...realmOptions, sendTimeoutMs: 60_000, client: 'test' },
    )
    const sending: Promise<void>[] = []
    const add = (): void => void sending.push(realm.ref(counter, String(sending.length % keys)).send({ type: 'ADD' }))
    const load = setInterval(add, 5)
    await using replicas = await openReplicas({ ...options, create: false })
    expect((await replicas.look()).map(({ stream, wanted }) => [stream, wanted])).toEqual([
      ['shop', 1],
      ['OBJ_shop_bases', 1],
      ['OBJ_shop_cuts', 1],
      ['KV_shop_kinds', 1],
      ['KV_shop_cuts', 1],
    ])
    const grown = await replicas.set(3, () => undefined)
    expect(grown.map(({ copies }) => copies.length)).toEqual([3, 3, 3, 3, 3])
    expect(grown.every(({ copies }) => copies.every(({ isCurrent }) => isCurrent))).toBe(true)
    expect(await faultOf(replicas.set(5, () => undefined))).toMatchObject({ code: 'replicas.refused' })

    const leader = cluster.servers[Number(leaderOf(grown[0]).split('-').at(-1))]
    await leader?.kill()
    const before = sending.length
    await Promise.all(sending)
    while (sending.length < before + 20) await sending.at(-1)
    await leader?.restart()
    const back = await replicas.set(1, () => undefined)
    expect(back.map(({ copies }) => copies.length)).toEqual([1, 1, 1, 1, 1])
    clearInterval(load)
    await Promise.all(sending)
    await node.settle()
    for (let key = 0; key < keys; key++) {
      const expected = Math.ceil((sending.length - key) / keys)
      await realm.ref(counter, String(key)).waitFor(({ context }) => context.n >= expected, { timeoutMs: 30_000 })
      expect((await realm.ref(counter, String(key)).read())?.context.n).toBe(expected)
    }
  } finally {
    await cluster.stop()
  }
}, 120_000)

function leaderOf(part: Part | undefined): string {
  return part?.copies.find(({ isLeader }) => isLeader)?.server ?? ''
}

test('one server alone has no place for three copies, and says so', async () => {
  await using server = await startNats()
  const options = optionsOf([server.url])
  await using _bus = await openBus({ ...options, create: true })
  await using replicas = await openReplicas({ ...options, create: false })
  expect(await faultOf(replicas.set(3, () => undefined))).toMatchObject({ code: 'replicas.alone' })
  expect((await replicas.look()).every(isWhole)).toBe(true)
})

test('a realm that is restored is kept by as many servers as before, and all of its generations change alike', async () => {
  const cluster = await startCluster()
  const options = optionsOf(cluster.urls)
  try {
    await using old = await openBus({ ...options, replicas: 3, create: true })
    const { seq } = await old.append({ subject: 'shop.commit.0', data: new Uint8Array([1]) })
    // Who restores says nothing of replicas, and has the default.
    await using generations = await openGenerations({ ...options, create: false })
    await generations.seal()
    const generation = await generations.reserve(0)
    const next = await generations.begin({ generation, partitions: 8, firstSeq: seq + 1 })
    await next.cuts.put('a cut', new Uint8Array([2]))
    await generations.open(generation)
    await using replicas = await openReplicas({ ...options, create: false })
    const logs = (parts: readonly Part[]) =>
      parts
        .filter(({ stream }) => ['shop', 'shop_g1'].includes(stream))
        .map(({ stream, copies }) => [stream, copies.length])
    const all = (parts: readonly Part[]) => new Set(parts.map(({ wanted }) => wanted))
    const restored = await replicas.look()
    expect(logs(restored)).toEqual([
      ['shop_g1', 3],
      ['shop', 3],
    ])
    expect(all(restored)).toEqual(new Set([3]))
    expect(all(await replicas.set(1, () => undefined))).toEqual(new Set([1]))
    const grown = await replicas.set(3, () => undefined)
    expect(logs(grown)).toEqual([
      ['shop_g1', 3],
      ['shop', 3],
    ])
    expect(grown.every(isWhole)).toBe(true)
    await next.close()
    await using bus = await openBus({ ...options, create: false })
    expect(bus.realm).toEqual({ name: 'shop', generation, partitions: 8 })
  } finally {
    await cluster.stop()
  }
})
