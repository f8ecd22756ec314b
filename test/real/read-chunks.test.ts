import { hash } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import type { Bus } from '#runtime/bus.ts'
import { openBus } from '#runtime/nats/open-bus.ts'
import { type TestNats, startNats } from '#test/support/nats.ts'

const chunkBytes = 128 * 1024
let nats: TestNats
let bus: Bus
let beside: NatsConnection

beforeAll(async () => {
  nats = await startNats()
  bus = await openBus({
    ...{ servers: [nats.url], realm: 'shop', create: true },
    ...{ partitions: 4, replicas: 1, durability: 'process' },
  })
  beside = await connect({ servers: nats.url })
})

afterAll(async () => {
  await beside.close()
  await bus.close()
  await nats.stop()
})

/** What the server was asked for meanwhile. */
async function asked<T>(work: () => Promise<T>): Promise<readonly [T, readonly string[]]> {
  const heard: string[] = []
  const listening = beside.subscribe('$JS.API.>', { callback: (_, { subject }) => void heard.push(subject) })
  await beside.flush()
  const result = await work()
  await beside.flush()
  listening.unsubscribe()
  return [result, heard.map((subject) => subject.split('.').slice(2, 4).join('.'))]
}

function bytesOf(length: number): Uint8Array {
  return new Uint8Array(length).map((_, at) => (at * 31 + (at >> 9)) % 251)
}

test('a value of any number of chunks comes back as it was, up to 64 of them in one request', async () => {
  for (const length of [1, chunkBytes, chunkBytes + 1, 5 * chunkBytes - 1, 64 * chunkBytes]) {
    const value = bytesOf(length)
    await bus.cuts.put(`v${length}`, value)
    const [found, calls] = await asked(() => bus.cuts.get(`v${length}`))
    expect(Buffer.compare(found as Uint8Array, value)).toBe(0)
    expect(calls).toEqual(['STREAM.MSG', 'DIRECT.GET'])
  }
  for (const length of [0, 65 * chunkBytes]) {
    await bus.cuts.put(`v${length}`, bytesOf(length))
    const [found, calls] = await asked(() => bus.cuts.get(`v${length}`))
    expect(Buffer.compare(found as Uint8Array, bytesOf(length))).toBe(0)
    expect(calls).not.toContain('DIRECT.GET')
  }
})

test('a value that is added under a new name is one of the others, in chunks of its own size', async () => {
  for (const length of [0, 1, 512 * 1024, 512 * 1024 + 1, 3_000_000]) {
    const value = bytesOf(length)
    const [, calls] = await asked(() => bus.cuts.add(`new${length}`, value, hash('sha256', value)))
    expect(calls).toEqual([])
    expect(Buffer.compare((await bus.cuts.get(`new${length}`)) as Uint8Array, value)).toBe(0)
  }
  expect(await bus.cuts.names()).toContain('new524288')
  // Whoever puts or removes it finds all of it.
  await bus.cuts.put('new1', bytesOf(2))
  expect(Buffer.compare((await bus.cuts.get('new1')) as Uint8Array, bytesOf(2))).toBe(0)
  await bus.cuts.remove('new3000000')
  expect(await bus.cuts.get('new3000000')).toBeUndefined()
  const left = await beside.request('$JS.API.STREAM.INFO.OBJ_shop_cuts', '{"subjects_filter":"$O.shop_cuts.C.>"}')
  const { state } = left.json<{ state: { subjects: Record<string, number> } }>()
  expect(Object.values(state.subjects)).not.toContain(6)
})

test('very many are read at once, each its own', async () => {
  const values = Array.from({ length: 200 }, (_, at) => bytesOf(chunkBytes + at))
  await Promise.all(values.map((value, at) => bus.cuts.put(`many${at}`, value)))
  const found = await Promise.all(values.map((_, at) => bus.cuts.get(`many${at}`)))
  expect(found.map((value, at) => Buffer.compare(value as Uint8Array, values[at] as Uint8Array))).toEqual(
    values.map(() => 0),
  )
})

test('a value that lacks a chunk, or has another one, is not given out', async () => {
  await bus.cuts.put('short', bytesOf(3 * chunkBytes))
  const call = async (subject: string, body: object): Promise<{ message: { seq: number; data: string } }> =>
    (await beside.request(`$JS.API.STREAM.MSG.${subject}.OBJ_shop_cuts`, JSON.stringify(body))).json()
  const textOf = (base64: string): Buffer => Buffer.from(base64, 'base64')
  const { message: info } = await call('GET', { last_by_subj: '$O.shop_cuts.M.c2hvcnQ=' })
  const { nuid } = JSON.parse(textOf(info.data).toString()) as { nuid: string }
  const chunk = `$O.shop_cuts.C.${nuid}`
  const { message: last } = await call('GET', { last_by_subj: chunk })
  await call('DELETE', { seq: last.seq })
  await expect(bus.cuts.get('short')).rejects.toThrow('corrupt')
  await beside.request(chunk, textOf(last.data).toReversed())
  await expect(bus.cuts.get('short')).rejects.toThrow('corrupt')
  // One too many.
  await beside.request(chunk, textOf(last.data))
  await expect(bus.cuts.get('short')).rejects.toThrow('corrupt')
})
