import { createServer } from 'node:net'
import {
  connect as connectNats,
  createInbox,
  headers as newHeaders,
  type NatsConnection,
} from '@nats-io/transport-node'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { storedSubjectsOf, subjects, transformOf } from '#protocol/subject.ts'
import type { Bus } from '#runtime/bus.ts'
import type { BusOptions } from '#runtime/nats/bus-options.ts'
import { deliveryOf } from '#runtime/nats/delivery.ts'
import { openBus } from '#runtime/nats/open-bus.ts'
import { outsideOf } from '#runtime/nats/wire-headers.ts'
import { seqOf } from '#runtime/nats/appends.ts'
import { bytes, faultOf, listen, stateOf, textOf } from '#test/support/bus-world.ts'
import { type TestNats, startNats } from '#test/support/nats.ts'

let nats: TestNats
let foreign: NatsConnection
let realms = 0

beforeAll(async () => {
  nats = await startNats()
  foreign = await connectNats({ servers: nats.url })
})
afterAll(async () => {
  await foreign.close()
  await nats.stop()
})

const optionsFor = (realm: string, more: Partial<BusOptions> = {}): BusOptions => ({
  servers: [nats.url],
  realm,
  create: true,
  defaultPartitions: 4,
  replicas: 1,
  durability: 'process',
  ...more,
})
const open = (realm = `real${++realms}`, more: Partial<BusOptions> = {}): Promise<Bus> =>
  openBus(optionsFor(realm, more))

async function api<T>(subject: string, body: object = {}): Promise<T> {
  const answer = await foreign.request(`$JS.API.${subject}`, JSON.stringify(body), { timeout: 5000 })
  return answer.json<T>()
}

describe('opening', () => {
  test('a realm keeps the number of partitions it was made with', async () => {
    const realm = `real${++realms}`
    await using first = await open(realm, { partitions: 8 })
    await using second = await open(realm, { defaultPartitions: 64 })
    expect([first.realm.partitions, second.realm.partitions]).toEqual([8, 8])
    await using third = await open(realm, { partitions: 8, create: false })
    expect(third.realm).toEqual({ name: realm, generation: 0, partitions: 8 })
    expect(await faultOf(open(realm, { partitions: 16 }))).toEqual({
      code: 'realm.mismatch',
      details: { value: realm, have: 8, want: 16 },
    })
  })

  test('many nodes that make the same realm at once make one', async () => {
    const realm = `real${++realms}`
    const opened = await Promise.all(Array.from({ length: 6 }, (_, at) => open(realm, { defaultPartitions: 4 + at })))
    const states = await Promise.all(opened.map((bus) => bus.logState()))
    expect(new Set(opened.map((bus) => bus.realm.partitions)).size).toBe(1)
    expect(new Set(states.map(({ createdAt }) => createdAt)).size).toBe(1)
    for (const bus of opened) await bus.close()
  })

  test('what stands in the way is told by its own fault', async () => {
    expect(await faultOf(open('nowhere', { create: false }))).toMatchObject({ code: 'realm.missing' })
    expect(await faultOf(open('no spaces'))).toMatchObject({ code: 'realm.invalid' })
    expect(await faultOf(open('x', { servers: ['nats://127.0.0.1:1'] }))).toMatchObject({ code: 'bus.unreachable' })
    await using plain = await startNats({ jetstream: false })
    expect(await faultOf(open('x', { servers: [plain.url] }))).toMatchObject({ code: 'bus.noJetStream' })
  })

  test('a server that is too old is named with its version', async () => {
    const old = createServer((socket) => {
      socket.on('error', () => undefined)
      socket.write('INFO {"server_id":"old","version":"2.9.25","max_payload":1048576,"headers":true,"proto":1}\r\n')
      socket.on('data', (data) => {
        if (data.includes('PING')) socket.write('PONG\r\n')
      })
    })
    await new Promise<void>((resolve) => old.listen(0, '127.0.0.1', resolve))
    const { port } = old.address() as { port: number }
    expect(await faultOf(open('x', { servers: [`nats://127.0.0.1:${port}`] }))).toMatchObject({
      code: 'bus.tooOld',
      details: { have: '2.9.25', want: '2.12.1' },
    })
    old.close()
  })

  test('a foreign stream on the subjects of the realm is not touched', async () => {
    await api('STREAM.CREATE.others', { name: 'others', subjects: ['theirs.>'], storage: 'memory' })
    await api('STREAM.CREATE.mine', { name: 'mine', subjects: ['some.thing'], storage: 'memory' })
    expect(await faultOf(open('theirs'))).toMatchObject({ code: 'realm.taken' })
    expect(await faultOf(open('mine'))).toMatchObject({ code: 'realm.taken', details: { stream: 'mine' } })
  })

  test('a stream that was altered so that it could lose entries is refused with what to set back', async () => {
    const realm = `real${++realms}`
    await (await open(realm)).close()
    const { config } = await api<{ config: Record<string, unknown> }>(`STREAM.INFO.${realm}`)
    for (const change of [{ allow_rollup_hdrs: true }, { max_msgs: 5 }, { max_age: 3_600_000_000_000 }]) {
      await api(`STREAM.UPDATE.${realm}`, { ...config, ...change })
      expect(await faultOf(open(realm))).toMatchObject({ code: 'realm.altered' })
    }
    await api(`STREAM.UPDATE.${realm}`, config)
    const metadata = { ...(config['metadata'] as object), 'perdure-format': '2' }
    await api(`STREAM.UPDATE.${realm}`, { ...config, metadata })
    expect(await faultOf(open(realm))).toMatchObject({ code: 'realm.format', details: { have: 2 } })
    await api(`STREAM.UPDATE.${realm}`, config)
    await (await open(realm)).close()
  })

  test('a later generation is found by the subjects it has taken over', async () => {
    const realm = `real${++realms}`
    const before = await open(realm)
    await before.append({ subject: subjects.commit(before.realm, 0), data: bytes('old'), check: { seq: 0 } })
    const { config } = await api<{ config: Record<string, unknown> }>(`STREAM.INFO.${realm}`)
    const { subject_transform: _, ...left } = config
    await api(`STREAM.UPDATE.${realm}`, { ...left, subjects: [`sealed.${realm}`], subject_transform: null })
    const metadata = { 'perdure-format': '1', 'perdure-partitions': '4', 'perdure-generation': '1' }
    const made = await api<{ error?: unknown }>(`STREAM.CREATE.${realm}_g1`, {
      name: `${realm}_g1`,
      subjects: storedSubjectsOf(realm),
      subject_transform: transformOf(realm, 4),
      storage: 'file',
      allow_atomic: true,
      first_seq: 1000,
      metadata,
    })
    expect(made.error).toBeUndefined()
    await using after = await open(realm)
    expect(after.realm.generation).toBe(1)
    expect(await after.append({ subject: subjects.commit(after.realm, 0), data: bytes('new') })).toEqual({ seq: 1000 })
    // Whoever still means the old generation names the old stream.
    const late = { subject: subjects.commit(before.realm, 0), data: bytes('late'), check: { seq: 1000 } }
    expect(await faultOf(before.append(late))).toMatchObject({ code: 'realm.moved' })
    expect(await faultOf(before.appendAll([late, late]))).toMatchObject({ code: 'realm.moved' })
    expect((await after.logState()).entries).toBe(1)
    await before.close()
  })
})

describe('outsiders', () => {
  test('no header that comes with a public event has any effect beyond a refusal', async () => {
    await using bus = await open()
    const { realm } = bus
    for (let at = 0; at < 20; at++) {
      await bus.append({ subject: subjects.in(realm, at % 4, 'e', 'order/1'), data: bytes(String(at)) })
    }
    const fence = await bus.append({ subject: subjects.commit(realm, 0), data: bytes('fence'), check: { seq: 0 } })
    const target = subjects.commit(realm, 0)
    const attacks: Record<string, string>[] = [
      { 'Nats-Rollup': 'all' },
      { 'Nats-Rollup': 'sub' },
      { 'Nats-TTL': '1s' },
      { 'Nats-TTL': 'never' },
      { 'Nats-Schedule': '@at 2020-01-01T00:00:00Z', 'Nats-Schedule-Target': target },
      { 'Nats-Schedule': '@every 1s', 'Nats-Schedule-Target': target },
      { 'Nats-Schedule-Next': 'purge', 'Nats-Scheduler': target },
      { 'Nats-Incr': '+1' },
      { 'Nats-Marker-Reason': 'Purge' },
      { 'KV-Operation': 'PURGE' },
      { 'Nats-Batch-Id': 'b', 'Nats-Batch-Sequence': '1', 'Nats-Batch-Commit': '1' },
      { 'Nats-Batch-Id': 'c', 'Nats-Batch-Sequence': '7' },
      { 'Nats-Expected-Last-Sequence': '0' },
      { 'Nats-Trace-Only': 'true', 'Nats-Trace-Dest': 'nowhere' },
    ]
    for (const attack of attacks) {
      const headers = newHeaders()
      for (const [name, value] of Object.entries(attack)) headers.set(name, value)
      for (const to of [subjects.to(realm, 'order/1'), subjects.to(realm, 'order/2')]) {
        foreign.publish(to, 'attack', { headers, reply: createInbox() })
      }
    }
    await foreign.flush()
    const end = await bus.append({ subject: target, data: bytes('still mine'), check: { seq: fence.seq } })
    const heard = await listen(bus, `${realm.name}.>`)
    const entries = await heard.until((all) => all.at(-1)?.seq === end.seq)
    const mine = entries.filter(({ data }) => textOf(data) !== 'attack')
    expect(mine.map(({ data }) => textOf(data))).toEqual([
      ...Array.from({ length: 20 }, (_, at) => String(at)),
      'fence',
      'still mine',
    ])
    const theirs = entries.filter(({ data }) => textOf(data) === 'attack')
    for (const { subject } of theirs) expect(subject).toMatch(new RegExp(`^${realm.name}\\.in\\.\\d\\.x\\.order\\.`))
  })

  test('credentials decide what may be published, and a denial is not taken for silence', async () => {
    await using guarded = await startNats({
      config: `authorization { users: [
        { user: node, password: secret }
        { user: out, password: open, permissions: {
          publish: ["shop.to.>", "$JS.API.STREAM.INFO.shop"]
          subscribe: ["_INBOX_out.>"]
        } }
      ] }`,
    })
    const at = { servers: [guarded.url] }
    expect(await faultOf(open('shop', { ...at, auth: { user: 'node', pass: 'wrong' } }))).toMatchObject({
      code: 'bus.denied',
    })
    await using node = await open('shop', { ...at, auth: { user: 'node', pass: 'secret' } })
    const auth = { user: 'out', pass: 'open' }
    expect(await faultOf(open('shop', { ...at, auth, create: false }))).toMatchObject({ code: 'bus.denied' })
    await using outsider = await open('shop', { ...at, auth, create: false, inboxPrefix: '_INBOX_out' })
    expect(outsider.realm).toEqual(node.realm)
    const event = { subject: subjects.to(node.realm, 'order/1'), data: bytes('{"type":"PAY"}') }
    expect(await outsider.append(event)).toEqual({ seq: 1 })
    const forged = { subject: subjects.commit(node.realm, 0), data: bytes('forged') }
    // With the default deadline of seconds a timeout would say something else.
    expect(await faultOf(outsider.append(forged))).toMatchObject({
      code: 'bus.denied',
      details: { value: 'publish to shop.commit.0' },
    })
    expect(await faultOf(outsider.appendAll([event, forged]))).toMatchObject({ code: 'bus.denied' })
    expect(await faultOf(outsider.purge('shop.>', 9))).toMatchObject({ code: 'bus.denied' })
    expect(await node.logState()).toMatchObject({ entries: 1 })
  })
})

describe('a reader', () => {
  const consumersOf = async (realm: string): Promise<string[]> =>
    (await api<{ consumers: string[] | null }>(`CONSUMER.NAMES.${realm}`)).consumers ?? []

  test("notices by the consumer's own count that deliveries went elsewhere, and reads them again", async () => {
    await using bus = await open()
    const { name } = bus.realm
    const subject = subjects.in(bus.realm, 0, 'e', 'order/1')
    const heard = await listen(bus, subjects.mailbox(bus.realm, 0))
    const [consumer] = await consumersOf(name)
    // Somebody else asks our consumer for entries, so that some never reach us.
    const thief = createInbox()
    const stolen: number[] = []
    foreign.subscribe(thief, { callback: (_, message) => void stolen.push(message.data.length) })
    foreign.publish(
      `$JS.API.CONSUMER.MSG.NEXT.${name}.${consumer}`,
      JSON.stringify({ batch: 5, expires: 30_000_000_000 }),
      {
        reply: thief,
      },
    )
    await foreign.flush()
    for (let at = 0; at < 50; at++) await bus.append({ subject, data: bytes(String(at)) })
    const entries = await heard.until(({ length }) => length >= 50)
    expect(entries.map(({ data }) => textOf(data))).toEqual(Array.from({ length: 50 }, (_, at) => String(at)))
    expect(stolen.length).toBeGreaterThan(0)
    expect(heard.repairs).toHaveLength(1)
    expect(heard.repairs[0]).toMatch(/delivery \d+ came after \d+/)
  })

  test('learns of a loss at the very end from the heartbeat', async () => {
    await using bus = await open(undefined, { times: { heartbeatMs: 500 } })
    const { name } = bus.realm
    const subject = subjects.in(bus.realm, 0, 'e', 'order/1')
    const heard = await listen(bus, subjects.mailbox(bus.realm, 0))
    const [consumer] = await consumersOf(name)
    const thief = createInbox()
    const stolen = new Promise<boolean>((resolve) => {
      foreign.subscribe(thief, { callback: () => resolve(true) })
    })
    foreign.publish(
      `$JS.API.CONSUMER.MSG.NEXT.${name}.${consumer}`,
      JSON.stringify({ batch: 1, expires: 30_000_000_000 }),
      {
        reply: thief,
      },
    )
    await foreign.flush()
    // One at a time, until one went to the thief: nothing after it shows the gap.
    for (let count = 1; ; count++) {
      await bus.append({ subject, data: bytes(String(count)) })
      if (await Promise.race([stolen, heard.until(({ length }) => length === count).then(() => false)])) break
    }
    const { seq: last } = (await bus.last(subject)) as { seq: number }
    const entries = await heard.until((all) => all.at(-1)?.seq === last)
    expect(entries.map(({ seq }) => seq)).toEqual(Array.from({ length: last }, (_, at) => at + 1))
    expect(heard.repairs).toHaveLength(1)
    expect(heard.repairs[0]).toMatch(/\d+ were sent, \d+ came/)
  })

  test('begins again when its consumer is deleted, and leaves none behind', async () => {
    const bus = await open()
    const { name } = bus.realm
    const subject = subjects.in(bus.realm, 0, 'e', 'order/1')
    const heard = await listen(bus, subjects.mailbox(bus.realm, 0))
    for (let round = 0; round < 3; round++) {
      await bus.append({ subject, data: bytes(String(round)) })
      await heard.until(({ length }) => length > round)
      for (const consumer of await consumersOf(name)) await api(`CONSUMER.DELETE.${name}.${consumer}`)
    }
    await bus.append({ subject, data: bytes('3') })
    const entries = await heard.until(({ length }) => length >= 4)
    expect(entries.map(({ data }) => textOf(data))).toEqual(['0', '1', '2', '3'])
    expect(await consumersOf(name)).toHaveLength(1)
    await heard.stop()
    await listen(bus, subjects.mailbox(bus.realm, 0))
    await bus.close()
    expect(await consumersOf(name)).toEqual([])
  })

  test('carries entries of any size the server takes', async () => {
    await using bus = await open()
    const subject = subjects.in(bus.realm, 0, 'e', 'order/1')
    const sizes = [0, 1, 1000, 900_000, bus.maxPayload, 5, 700_000, bus.maxPayload, 0]
    for (const size of sizes) await bus.append({ subject, data: new Uint8Array(size).fill(7) })
    const heard = await listen(bus, subjects.mailbox(bus.realm, 0))
    const entries = await heard.until(({ length }) => length >= sizes.length)
    expect(entries.map(({ data }) => data.length)).toEqual(sizes)
    expect(heard.repairs).toEqual([])
  })
})

describe('a server that stands still', () => {
  test('leaves appends unknown at their deadline; a late original is one more entry, once', async () => {
    await using frozen = await startNats()
    const at = { servers: [frozen.url], times: { ackMs: 400, callMs: 400, heartbeatMs: 500 } }
    await using bus = await open('still', at)
    const fence = subjects.commit(bus.realm, 0)
    const first = await bus.append({ subject: fence, data: bytes('first'), check: { seq: 0 } })
    const repaired = Promise.withResolvers<string>()
    const seen: string[] = []
    const all = Promise.withResolvers<void>()
    await bus.read({
      filter: `${bus.realm.name}.>`,
      from: 1,
      onEntry: ({ data }) => {
        seen.push(textOf(data))
        if (seen.at(-1) === 'end') all.resolve()
      },
      onRepair: repaired.resolve,
    })
    await frozen.pause()
    const held = { subject: fence, data: bytes('held'), check: { seq: first.seq } }
    expect(await faultOf(bus.append(held))).toMatchObject({ code: 'bus.timeout' })
    // Sent again as it was: exactly one of the two is stored.
    const again = faultOf(bus.append(held))
    expect(await again).toMatchObject({ code: 'bus.timeout' })
    expect(await faultOf(bus.last(fence))).toMatchObject({ code: 'bus.timeout' })
    expect(await repaired.promise).toMatch(/nothing was heard/)
    frozen.resume()
    const last = await bus.last(fence)
    expect(textOf(last?.data as Uint8Array)).toBe('held')
    await bus.append({ subject: fence, data: bytes('end'), check: { seq: last?.seq as number } })
    await all.promise
    expect(seen).toEqual(['first', 'held', 'end'])
  })

  test('what is asked of a lost connection is refused at once, and never done later', async () => {
    const own = await startNats()
    await using bus = await open('lost', { servers: [own.url] })
    const fence = subjects.commit(bus.realm, 0)
    const { seq } = await bus.append({ subject: fence, data: bytes('kept') })
    const down = stateOf(bus, 'disconnected')
    await own.kill()
    await down
    const refused = [
      bus.append({ subject: fence, data: bytes('x') }),
      bus.appendAll([1, 2].map(() => ({ subject: fence, data: bytes('x') }))),
      bus.last(fence),
      bus.purge(`${bus.realm.name}.>`, seq),
      bus.removeEntry(seq),
      bus.read({ filter: fence, from: 1, onEntry: () => undefined }),
      bus.registry.put('k', bytes('x')),
      bus.blobs.put('b', bytes('x')),
      bus.request(fence, bytes('x'), 1000),
    ]
    const codes = await Promise.all(refused.map(async (promise) => (await faultOf(promise)).code))
    expect(codes).toEqual(refused.map(() => 'bus.unreachable'))
    const up = stateOf(bus, 'connected')
    await own.restart()
    await up
    expect(await bus.logState()).toMatchObject({ entries: 1, lastSeq: seq })
    expect(await bus.registry.get('k')).toBeUndefined()
    await own.stop()
  })
})

describe('on the wire', () => {
  test("both forms of a delivery's reply subject say where the entry stands", () => {
    const wanted = { seq: 4_503_599_627_370_496, count: 12, at: 1_795_225_475_405 }
    expect(deliveryOf('$JS.ACK.shop.C.1.4503599627370496.12.1795225475405732689.1')).toEqual(wanted)
    expect(deliveryOf('$JS.ACK.hub.ACC.shop.C.1.4503599627370496.12.1795225475405732689.1')).toEqual(wanted)
    expect(deliveryOf('$JS.ACK._.ACC.shop.C.1.4503599627370496.12.1795225475405732689.1.rnd')).toEqual(wanted)
  })

  test('an acknowledgement gives its sequence in any spacing, a refusal none', () => {
    const cases: [string, number][] = [
      ['{"stream":"shop","seq":17}', 17],
      ['{"stream":"shop", "seq":4503599627370496}', 4_503_599_627_370_496],
      ['{"stream":"shop","seq":3,"duplicate":true}', 3],
      ['{"stream":"seq","domain":"hub","seq": 5,"batch":"x","count":2}', 5],
      ['{"error":{"code":400,"err_code":10071,"description":"wrong last sequence: 9"},"stream":"shop","seq":0}', 0],
      ['{}', 0],
      ['', 0],
    ]
    for (const [text, seq] of cases) expect([text, seqOf(bytes(text))]).toEqual([text, seq])
  })

  test('headers of an outsider are found among others, in any case and order', () => {
    const of = (lines: string): unknown => outsideOf(bytes(`NATS/1.0\r\n${lines}\r\n`))
    expect(of('')).toEqual({})
    expect(of('Nats-Expected-Stream: shop\r\n')).toEqual({})
    expect(of('perdure-id: a\r\nNats-Msg-Id: b\r\n')).toEqual({ id: 'a' })
    expect(of('Nats-Msg-Id: b\r\nPerdure-Id:a:1\r\n')).toEqual({ id: 'a:1' })
    expect(of('NATS-MSG-ID:   b  \r\nTraceparent: 00-1\r\n')).toEqual({ id: 'b', traceparent: '00-1' })
    expect(of('perdure-xx: no\r\ntraceparenx: no\r\nbroken\r\nNats-Msg-Id: é\r\n')).toEqual({ id: 'é' })
  })
})
