/** Generations of a realm on a real server: one takes what is sent, the ones before can be read. */
import { expect, test } from 'vitest'
import { openBus } from '#runtime/nats/open-bus.ts'
import { openReplicas } from '#runtime/nats/replicas.ts'
import { openGenerations } from '#runtime/nats/generations.ts'
import { decideAttempt } from '#runtime/nats/attempts.ts'
import { openSealedGenerations } from '#runtime/nats/sealed-generations.ts'
import { startNats } from '#test/support/nats.ts'

const realmOptions = (url: string) =>
  ({
    servers: [url],
    realm: 'shop',
    partitions: 4,
    replicas: 1,
    durability: 'process',
    create: true,
  }) as const

test('the next generation takes what is sent to the realm, and what names the one before is refused', async () => {
  await using server = await startNats()
  const options = realmOptions(server.url)
  await using old = await openBus(options)
  const subject = 'shop.commit.0'
  const { seq } = await old.append({ subject, data: new Uint8Array([1]) })
  await using generations = await openGenerations({ ...options, create: false })
  expect(await generations.newest()).toMatchObject({ state: 'open', lastSeq: seq })
  await generations.seal()
  await expect(old.append({ subject, data: new Uint8Array([2]) })).rejects.toMatchObject({ verdict: 'retry' })
  await expect(openBus({ ...options, create: false })).rejects.toMatchObject({ code: 'realm.restoring' })
  expect(await generations.reserve(0)).toBe(1)
  const next = await generations.begin({ generation: 1, partitions: 8, firstSeq: seq + 10 })
  expect((await next.append({ subject, data: new Uint8Array([3]) })).seq).toBe(seq + 10)
  // What anybody sends would come before what is restored.
  const event = { subject: 'shop.to.order.42', data: new Uint8Array([5]) }
  await expect(next.append(event)).rejects.toMatchObject({ code: 'bus.unreachable' })
  await expect(old.append({ subject, data: new Uint8Array([4]) })).rejects.toMatchObject({ code: 'realm.moved' })
  await expect(openBus({ ...options, partitions: 8, create: false })).rejects.toMatchObject({ code: 'realm.restoring' })
  await generations.open(1)
  await using bus = await openBus({ ...options, partitions: undefined, create: false })
  expect(bus.realm).toEqual({ name: 'shop', generation: 1, partitions: 8 })
  expect((await bus.append(event)).seq).toBe(seq + 11)
  // A client of the generation before counts what it sends by that one's partitions.
  await expect(old.append(event)).rejects.toMatchObject({ code: 'realm.moved' })
  await expect(old.appendAll([event, event])).rejects.toMatchObject({ code: 'realm.moved' })
  // All of them are kept alike, and the one that serves is named first.
  await using replicas = await openReplicas({ ...options, create: false })
  const [serves, ...others] = (await replicas.look()).map(({ stream }) => stream)
  expect(serves).toBe('shop_g1')
  expect(others.toSorted()).toEqual([
    ...['KV_shop_cuts', 'KV_shop_kinds', 'OBJ_shop_bases', 'OBJ_shop_cuts', 'OBJ_shop_g1_bases'],
    'shop',
  ])
  await using past = await generations.past(0)
  expect([...((await past?.get(seq))?.data ?? [])]).toEqual([1])
  await next.close()
})

test('what is sealed can be removed, but nothing while a restore is under way, and nothing that serves', async () => {
  await using server = await startNats()
  const options = realmOptions(server.url)
  await using old = await openBus(options)
  const { seq } = await old.append({ subject: 'shop.commit.0', data: new Uint8Array([1]) })
  await using generations = await openGenerations({ ...options, create: false })
  await using sealed = await openSealedGenerations({ ...options, create: false })
  expect(await sealed.list()).toEqual([])
  expect(await sealed.forget()).toEqual([])
  const next = await generations.reserve(0)
  await generations.seal()
  await (await generations.begin({ generation: next, partitions: 4, firstSeq: seq + 1 })).close()
  // What was sealed is what it would go back to.
  expect(await sealed.list()).toEqual([])
  await expect(sealed.forget()).rejects.toMatchObject({ code: 'realm.restoring' })
  await generations.open(next)
  expect(await sealed.list()).toMatchObject([{ generation: 0, bytes: expect.any(Number) as number }])
  expect((await sealed.forget()).map(({ generation }) => generation)).toEqual([0])
  expect(await sealed.list()).toEqual([])
  expect(await generations.past(0)).toBeUndefined()
  expect(await generations.newest()).toMatchObject({ state: 'open', realm: { generation: next } })
  await using bus = await openBus({ ...options, create: false })
  await bus.append({ subject: 'shop.commit.0', data: new Uint8Array([2]) })
})

test('one that was begun and never opened can be thrown away', async () => {
  await using server = await startNats()
  const options = realmOptions(server.url)
  await using old = await openBus(options)
  void old
  await using generations = await openGenerations({ ...options, create: false })
  const first = await generations.reserve(0)
  await generations.seal()
  await (await generations.begin({ generation: first, partitions: 4, firstSeq: 100 })).close()
  const second = await generations.reserve(0)
  expect(second).toBe(first + 1)
  await generations.discard(second)
  expect(await generations.newest()).toMatchObject({ state: 'sealed', realm: { generation: 0 } })
  await expect(generations.open(first)).rejects.toMatchObject({ code: 'restore.overtaken' })
  await (await generations.begin({ generation: second, partitions: 4, firstSeq: 100 })).close()
  await generations.open(second)
  expect(await generations.newest()).toMatchObject({ state: 'open', realm: { generation: second } })
})

test('what was decided to be open is never thrown away, whoever died before it could be seen', async () => {
  await using server = await startNats()
  const options = realmOptions(server.url)
  await using old = await openBus(options)
  await using generations = await openGenerations({ ...options, create: false })
  const first = await generations.reserve(0)
  await generations.seal()
  await (await generations.begin({ generation: first, partitions: 4, firstSeq: 100 })).close()
  await decideAttempt(old.notes, first)
  await generations.discard(await generations.reserve(0))
  expect(await generations.newest()).toMatchObject({ state: 'open', realm: { generation: first } })
})

test('a restore that is given up leaves the realm as it was sealed', async () => {
  await using server = await startNats()
  const options = realmOptions(server.url)
  await using old = await openBus(options)
  await using generations = await openGenerations({ ...options, create: false })
  const first = await generations.reserve(0)
  expect(await old.isSuperseded()).toBe(false)
  await generations.seal()
  expect(await old.isSuperseded()).toBe(true)
  await (await generations.begin({ generation: first, partitions: 8, firstSeq: 100 })).close()
  expect(await generations.unseal()).toMatchObject({ state: 'open', realm: { generation: 0, partitions: 4 } })
  await expect(generations.open(first)).rejects.toMatchObject({ code: 'restore.overtaken' })
  expect(await old.isSuperseded()).toBe(false)
  await old.append({ subject: 'shop.commit.0', data: new Uint8Array([1]) })
  await using again = await openBus({ ...options, create: false })
  expect(again.realm).toEqual({ name: 'shop', generation: 0, partitions: 4 })
  expect(await generations.unseal()).toBeUndefined()
})
