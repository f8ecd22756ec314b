/** Generations of a realm on a real server: one takes what is sent, the ones before can be read. */
import { expect, test } from 'vitest'
import { openBus } from '#runtime/nats/open-bus.ts'
import { openGenerations } from '#runtime/nats/generations.ts'
import { startNats } from '#test/support/nats.ts'

test('the next generation takes what is sent to the realm, and what names the one before is refused', async () => {
  await using server = await startNats()
  const options = {
    servers: [server.url],
    realm: 'shop',
    partitions: 4,
    replicas: 1,
    durability: 'process',
    create: true,
  } as const
  await using old = await openBus(options)
  const subject = 'shop.commit.0'
  const { seq } = await old.append({ subject, data: new Uint8Array([1]) })
  await using generations = await openGenerations({ ...options, create: false })
  expect(await generations.newest()).toMatchObject({ state: 'open', lastSeq: seq })
  await generations.seal()
  await expect(old.append({ subject, data: new Uint8Array([2]) })).rejects.toMatchObject({ verdict: 'retry' })
  await expect(openBus({ ...options, create: false })).rejects.toMatchObject({ code: 'realm.restoring' })
  const next = await generations.begin({ generation: 1, partitions: 8, firstSeq: seq + 10 })
  expect((await next.append({ subject, data: new Uint8Array([3]) })).seq).toBe(seq + 10)
  await expect(old.append({ subject, data: new Uint8Array([4]) })).rejects.toMatchObject({ code: 'realm.moved' })
  await expect(openBus({ ...options, partitions: 8, create: false })).rejects.toMatchObject({ code: 'realm.restoring' })
  await generations.open()
  await using bus = await openBus({ ...options, partitions: undefined, create: false })
  expect(bus.realm).toEqual({ name: 'shop', generation: 1, partitions: 8 })
  await using past = await generations.past(0)
  expect([...((await past?.get(seq))?.data ?? [])]).toEqual([1])
  await next.close()
})

test('one that was begun and never opened can be thrown away', async () => {
  await using server = await startNats()
  const options = {
    servers: [server.url],
    realm: 'shop',
    partitions: 4,
    replicas: 1,
    durability: 'process',
    create: true,
  } as const
  await using old = await openBus(options)
  void old
  await using generations = await openGenerations({ ...options, create: false })
  await generations.seal()
  await (await generations.begin({ generation: 1, partitions: 4, firstSeq: 100 })).close()
  await generations.discard()
  expect(await generations.newest()).toMatchObject({ state: 'sealed', realm: { generation: 0 } })
  await (await generations.begin({ generation: 1, partitions: 4, firstSeq: 100 })).close()
  await generations.open()
  expect(await generations.newest()).toMatchObject({ state: 'open', realm: { generation: 1 } })
})
