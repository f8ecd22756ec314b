import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { subjects } from '#protocol/subject.ts'
import type { Clock } from '#runtime/clock.ts'
import { type Disturbance, type MemoryConnection, type MemoryLog, openMemoryLog } from '#runtime/memory-bus.ts'
import { bytes, faultOf, listen, textOf } from '#test/support/bus-contract.ts'

type Virtual = Clock & {
  /** Runs everything that is due, in order, letting promises settle between instants. */
  runTo(instant: number): Promise<void>
}

function virtualClock(): Virtual {
  let now = 1_000_000
  let count = 0
  const due: { instant: number; order: number; call: () => void }[] = []
  return {
    now: () => now,
    at(instant, call) {
      const one = { instant: Math.max(instant, now), order: count++, call }
      due.push(one)
      return { cancel: () => void due.splice(due.indexOf(one), due.includes(one) ? 1 : 0) }
    },
    async runTo(end) {
      for (;;) {
        await settled()
        due.sort((a, b) => a.instant - b.instant || a.order - b.order)
        const next = due[0]
        if (next === undefined || next.instant > end) break
        due.shift()
        now = next.instant
        next.call()
      }
      now = end
    },
  }
}

/** Everything that microtasks alone can do is done by the next macrotask. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

const stateOf = (promise: Promise<unknown>): Promise<unknown> =>
  Promise.race([faultOf(promise).then(({ code }) => code), settled().then(() => 'pending')])

function world(more: { latencyMs?: number; ackMs?: number } = {}) {
  const clock = virtualClock()
  const log = openMemoryLog({ realm: 'shop', partitions: 4, clock, ...more })
  return { clock, log, bus: log.connect() }
}

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
    await clock.runTo(1_000_004)
    expect([textsOf(log), await stateOf(append)]).toEqual([[], 'pending'])
    await clock.runTo(1_000_005)
    expect([textsOf(log), await stateOf(append)]).toEqual([['a'], 'pending'])
    await clock.runTo(1_000_010)
    expect(await append).toEqual({ seq: 1 })
    expect(log.entries()[0]?.at).toBe(1_000_005)
  })

  test('a lost acknowledgement is given up at its deadline', async () => {
    const { clock, bus, log } = world({ latencyMs: 1, ackMs: 5000 })
    disturbAppends(bus, 'lose-ack', 'lose')
    const stored = bus.append(entry('stored'))
    const lost = bus.append(entry('lost'))
    await clock.runTo(1_004_999)
    expect([await stateOf(stored), await stateOf(lost)]).toEqual(['pending', 'bus.timeout'].map(() => 'pending'))
    await clock.runTo(1_005_002)
    expect([await stateOf(stored), await stateOf(lost)]).toEqual(['bus.timeout', 'bus.timeout'])
    expect(textsOf(log)).toEqual(['stored'])
  })

  test('a question that nobody answers ends at its deadline', async () => {
    const { clock, bus } = world()
    bus.serve('shop.q.0', () => new Promise<Uint8Array>(() => undefined))
    const asked = bus.request('shop.q.0', bytes('?'), 1000)
    await clock.runTo(1_000_999)
    expect(await stateOf(asked)).toBe('pending')
    await clock.runTo(1_001_000)
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
  const outcomes: Disturbance[] = ['lose', 'duplicate']
  for (const outcome of outcomes) {
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

test('whatever happens on the wire, outcomes are true and every reader hands on the log itself', async () => {
  const disturbance = fc.constantFrom('ok', 'ok', 'ok', 'lose', 'lose-ack', 'duplicate', 'hold')
  const deed = fc.constantFrom('append', 'append', 'batch', 'checked', 'disconnect', 'reconnect', 'pause', 'resume', 'rest')
  await fc.assert(
    fc.asyncProperty(fc.array(deed, { maxLength: 60 }), fc.infiniteStream(disturbance), async (deeds, disturbances) => {
      const { log, bus } = world()
      const reader = log.connect()
      const release = Promise.withResolvers<void>()
      const next = (): Disturbance => {
        const { value } = disturbances.next()
        return value === 'hold' ? { holdUntil: release.promise } : (value as Disturbance)
      }
      bus.disturb((op) => (op.is === 'append' ? next() : 'ok'))
      // Deliveries are disturbed for a while only, or a reader could never come to the end.
      let patience = 100
      reader.disturb((op) => (op.is === 'deliver' && patience-- > 0 ? next() : 'ok'))
      const heard = await Promise.all(
        ['shop.>', subjects.mailbox(bus.realm, 0), 'shop.commit.*'].map((filter) => listen(reader, filter)),
      )
      const outcomes: Promise<{ text: string; seq?: number; code: string }>[] = []
      const send = (text: string, promise: Promise<{ seq: number }>): void => {
        outcomes.push(
          promise.then(
            ({ seq }) => ({ text, seq, code: 'none' }),
            (error: { code: string }) => ({ text, code: error.code }),
          ),
        )
      }
      let fence = 0
      for (const [at, what] of deeds.entries()) {
        if (what === 'append') send(`${at}`, bus.append(entry(`${at}`)))
        else if (what === 'batch') send(`${at}`, bus.appendAll([entry(`${at} a`), entry(`${at} b`), entry(`${at}`)]))
        else if (what === 'checked') {
          send(`${at}`, bus.append({ subject: 'shop.commit.0', data: bytes(`${at}`), check: { seq: fence } }))
        } else if (what === 'disconnect') bus.disconnect(at % 2 === 0 ? 'stored' : 'lost')
        else if (what === 'reconnect') bus.reconnect()
        else if (what === 'pause') for (const each of heard) each.pause()
        else if (what === 'resume') for (const each of heard) each.resume()
        else await settled()
        fence = log.entries().findLast((each) => each.subject === 'shop.commit.0')?.seq ?? 0
      }
      for (const each of heard) each.resume()
      const ended = await Promise.all(outcomes)
      release.resolve()
      await settled()

      const texts = textsOf(log)
      for (const { text, seq, code } of ended) {
        const times = texts.filter((each) => each === text).length
        if (code === 'none') expect([times, textOf(log.entries()[(seq as number) - 1]?.data as Uint8Array)]).toEqual([1, text])
        else if (code === 'bus.timeout') expect(times).toBeLessThanOrEqual(1)
        else expect([times, ['bus.conflict', 'bus.unreachable'].includes(code)]).toEqual([0, true])
      }
      for (const [at, text] of texts.entries()) {
        if (text.endsWith(' a')) expect(texts.slice(at, at + 3)).toEqual([text, text.replace('a', 'b'), text.slice(0, -2)])
      }
      const all = log.entries().map(({ seq }) => seq)
      const commits = log.entries().filter((each) => each.subject.startsWith('shop.commit.')).map(({ seq }) => seq)
      const seqs = heard.map(({ entries }) => entries.map(({ seq }) => seq))
      expect(seqs).toEqual([all, all.filter((seq) => !commits.includes(seq)), commits])
    }),
    { numRuns: 200 },
  )
})
