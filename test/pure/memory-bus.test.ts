import { describe, expect, test } from 'vitest'
import { type Disturbance, type MemoryConnection, type MemoryLog, openMemoryLog } from '#runtime/memory/memory-bus.ts'
import { openVirtualClock, type VirtualClock } from '#runtime/memory/virtual-clock.ts'
import { bytes, faultOf, listen, textOf } from '#test/support/bus-world.ts'

/** Everything that microtasks alone can do is done by the next macrotask. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

const stateOf = (promise: Promise<unknown>): Promise<unknown> =>
  Promise.race([faultOf(promise).then(({ code }) => code), settled().then(() => 'pending')])

function world(more: { latencyMs?: number; ackMs?: number } = {}) {
  const clock = openVirtualClock({ start: 1_000_000 })
  const log = openMemoryLog({ realm: 'shop', partitions: 4, clock, ...more })
  return { clock, log, bus: log.connect() }
}

const advanceTo = (clock: VirtualClock, instant: number): Promise<void> => clock.advance(instant - clock.now())

const subject = 'shop.in.0.e.order.1'
const entry = (text: string, seq?: number) => ({
  subject,
  data: bytes(text),
  ...(seq === undefined ? {} : { check: { seq, subject: 'shop.commit.0' } }),
})
const textsOf = (log: MemoryLog): string[] => log.entries().map(({ data }) => textOf(data))
const disturbAppends = (bus: MemoryConnection, ...outcomes: Disturbance[]): void =>
  bus.disturb((op) => (op.is === 'append' ? (outcomes.shift() ?? 'ok') : 'ok'))

describe('time', () => {
  test('stands still between the legs of a request when the clock is virtual', async () => {
    const { clock, bus, log } = world({ latencyMs: 5 })
    const append = bus.append(entry('a'))
    await advanceTo(clock, 1_000_004)
    expect([textsOf(log), await stateOf(append)]).toEqual([[], 'pending'])
    await advanceTo(clock, 1_000_005)
    expect([textsOf(log), await stateOf(append)]).toEqual([['a'], 'pending'])
    await advanceTo(clock, 1_000_010)
    expect(await append).toEqual({ seq: 1 })
    expect(log.entries()[0]?.at).toBe(1_000_005)
  })

  test('a lost acknowledgement is given up at its deadline', async () => {
    const { clock, bus, log } = world({ latencyMs: 1, ackMs: 5000 })
    disturbAppends(bus, 'lose-ack', 'lose')
    const stored = bus.append(entry('stored'))
    const lost = bus.append(entry('lost'))
    await advanceTo(clock, 1_004_999)
    expect([await stateOf(stored), await stateOf(lost)]).toEqual(['pending', 'bus.timeout'].map(() => 'pending'))
    await advanceTo(clock, 1_005_002)
    expect([await stateOf(stored), await stateOf(lost)]).toEqual(['bus.timeout', 'bus.timeout'])
    expect(textsOf(log)).toEqual(['stored'])
  })

  test('a question that nobody answers ends at its deadline', async () => {
    const { clock, bus } = world()
    bus.serve('shop.q.0', () => new Promise<Uint8Array>(() => undefined))
    const asked = bus.request('shop.q.0', bytes('?'), 1000)
    await advanceTo(clock, 1_000_999)
    expect(await stateOf(asked)).toBe('pending')
    await advanceTo(clock, 1_001_000)
    expect(await stateOf(asked)).toBe('bus.timeout')
  })
})

describe('a disturbed append', () => {
  test('that loses its acknowledgement is stored, one that is lost is not; both say unknown', async () => {
    const { bus, log } = world()
    disturbAppends(bus, 'lose-ack', 'lose')
    expect((await faultOf(bus.append(entry('stored')))).code).toBe('bus.timeout')
    expect((await faultOf(bus.append(entry('lost')))).code).toBe('bus.timeout')
    expect(textsOf(log)).toEqual(['stored'])
  })

  test('that is held back arrives after its retry and its successor, if its check still holds', async () => {
    const { bus, log } = world()
    const release = Promise.withResolvers<void>()
    disturbAppends(bus, { holdUntil: release.promise }, 'ok', 'ok', { holdUntil: release.promise })
    const { seq } = log.publish('shop.commit.0', bytes('claim'))
    expect((await faultOf(bus.append(entry('six', seq)))).code).toBe('bus.timeout')
    await bus.append(entry('six', seq))
    await bus.append(entry('seven', seq))
    const record = { subject: 'shop.commit.0', data: bytes('record') }
    expect((await faultOf(bus.append({ ...record, check: { seq } }))).code).toBe('bus.timeout')
    const heard = await listen(bus, 'shop.in.>')
    release.resolve()
    await settled()
    // The fence did not move: the late original is stored a second time, as on a real server.
    expect(textsOf(log)).toEqual(['claim', 'six', 'seven', 'six', 'record'])
    expect(heard.entries.map(({ data }) => textOf(data))).toEqual(['six', 'seven', 'six'])
  })

  test('that is held back over a claim is refused, and nobody hears of it', async () => {
    const { bus, log } = world()
    const release = Promise.withResolvers<void>()
    disturbAppends(bus, { holdUntil: release.promise })
    const { seq } = log.publish('shop.commit.0', bytes('claim'))
    expect((await faultOf(bus.append(entry('stale', seq)))).code).toBe('bus.timeout')
    log.publish('shop.commit.0', bytes('claim of another'))
    release.resolve()
    await settled()
    expect(textsOf(log)).toEqual(['claim', 'claim of another'])
  })
})

describe('a disturbed delivery', () => {
  for (const outcome of ['lose', 'duplicate'] as const) {
    test(`(${outcome}) is mended in order, also when it is the last one`, async () => {
      const { bus } = world()
      let left = 3
      bus.disturb((op) => (op.is === 'deliver' && op.seq % 5 === 0 && left-- > 0 ? outcome : 'ok'))
      const heard = await listen(bus, 'shop.in.0.>')
      for (let at = 1; at <= 10; at++) await bus.append(entry(String(at)))
      await settled()
      expect(heard.entries.map(({ seq }) => seq)).toEqual(Array.from({ length: 10 }, (_, at) => at + 1))
      expect(heard.repairs.length > 0).toBe(outcome === 'lose')
    })
  }
})

describe('a process that dies', () => {
  for (const inFlight of ['stored', 'lost'] as const) {
    test(`never hears again, and what it had sent is ${inFlight}`, async () => {
      const { bus, log } = world()
      const other = log.connect()
      const heard = await listen(bus, 'shop.>')
      bus.serve('shop.q.0', (data) => data)
      const sent = bus.append(entry('last words'))
      bus.die(inFlight)
      await settled()
      expect(textsOf(log)).toEqual(inFlight === 'stored' ? ['last words'] : [])
      await other.append(entry('life goes on'))
      expect(await stateOf(sent)).toBe('pending')
      expect(await stateOf(bus.append(entry('from the grave')))).toBe('pending')
      expect(await stateOf(bus.last(subject))).toBe('pending')
      expect((await faultOf(other.request('shop.q.0', bytes('?'), 1000))).code).toBe('bus.nobody')
      expect(heard.entries).toEqual([])
      expect(textsOf(log)).not.toContain('from the grave')
    })
  }
})

describe('a lost connection', () => {
  for (const inFlight of ['stored', 'lost'] as const) {
    test(`leaves what was on its way unknown and ${inFlight}, and mends readers when it is back`, async () => {
      const { bus, log } = world()
      const states: string[] = []
      bus.onState((state) => states.push(state))
      const heard = await listen(bus, 'shop.in.>')
      const sent = bus.append(entry('on its way'))
      bus.disconnect(inFlight)
      expect((await faultOf(sent)).code).toBe('bus.timeout')
      expect((await faultOf(bus.append(entry('while down')))).code).toBe('bus.unreachable')
      log.publish(subject, bytes('by another'))
      await settled()
      expect(heard.entries).toEqual([])
      bus.reconnect()
      await settled()
      expect(textsOf(log)).toEqual([...(inFlight === 'stored' ? ['on its way'] : []), 'by another'])
      expect(heard.entries.map(({ data }) => textOf(data))).toEqual(textsOf(log))
      expect(heard.repairs).toEqual(['the connection was lost'])
      expect(states).toEqual(['connected', 'disconnected', 'connected'])
    })
  }
})

test('what was on its way to a connection when it was cut never arrives', async () => {
  const { bus, log } = world({ latencyMs: 0 })
  const heard: string[] = []
  bus.hear('shop.live.>', (data) => heard.push(textOf(data)))
  const other = log.connect()
  other.tell('shop.live.1', bytes('cut off'))
  await Promise.resolve()
  bus.disconnect()
  bus.reconnect()
  await settled()
  other.tell('shop.live.1', bytes('after'))
  await settled()
  expect(heard).toEqual(['after'])
})

test('a log that comes back shorter gives its lost sequences out again, to whoever is first', async () => {
  const { bus, log } = world()
  const { createdAt } = await bus.logState()
  for (let at = 1; at <= 6; at++) await bus.append({ subject: `shop.commit.${at % 2}`, data: bytes(String(at)) })
  await bus.purge('shop.>', 2)
  const states: string[] = []
  bus.onState((state) => states.push(state))
  log.truncate(3)
  expect(states).toEqual(['connected', 'disconnected', 'connected'])
  expect(await bus.logState()).toMatchObject({ firstSeq: 3, lastSeq: 3, entries: 1, createdAt })
  expect((await bus.last('shop.commit.0'))?.seq).toBeUndefined()
  expect(await bus.append({ subject: 'shop.commit.1', data: bytes('new'), check: { seq: 3 } })).toEqual({ seq: 4 })
  log.truncate(0)
  expect(await bus.logState()).toMatchObject({ lastSeq: 0, entries: 0 })
  expect(await bus.append(entry('first again'))).toEqual({ seq: 1 })
})
