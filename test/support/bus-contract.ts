/**
 * The laws of the bus, one suite for every implementation. Each test gets a realm of its own; a
 * world says how to connect to it, how a foreign client publishes, and how the server goes away.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { addressOf, childAddressOf, type Address } from '#protocol/address.ts'
import { isFault } from '#protocol/fault.ts'
import { partitionOf, transformedTo } from '#protocol/partition.ts'
import { matches, parseStored, subjects } from '#protocol/subject.ts'
import type { Bus, BusState, LogEntry, Reading } from '#runtime/bus.ts'

export type BusWorld = {
  readonly bus: Bus
  connect(): Promise<Bus>
  /** As any client of the server would, with headers; `undefined` when the server refused it. */
  publishBare(subject: string, data: string, headers?: Record<string, string>): Promise<void>
  /** Takes the server away from under every connection, without warning. */
  killServer(): Promise<void>
  startServer(): Promise<void>
}

export type BusContract = {
  readonly partitions: number
  setUp(): Promise<void>
  tearDown(): Promise<void>
  openWorld(realm: string): Promise<BusWorld & AsyncDisposable>
}

const utf8 = new TextEncoder()
export const bytes = (text: string): Uint8Array => utf8.encode(text)
export const textOf = (data: Uint8Array): string => new TextDecoder().decode(data)

/** Everything a reader has handed on, and a way to wait for more of it. */
export type Heard = Reading & {
  readonly entries: LogEntry[]
  readonly repairs: string[]
  until(isEnough: (entries: readonly LogEntry[]) => boolean): Promise<readonly LogEntry[]>
}

export async function listen(bus: Bus, filter: string, from = 1): Promise<Heard> {
  const entries: LogEntry[] = []
  const repairs: string[] = []
  const waiting = new Set<() => void>()
  const reading = await bus.read({
    filter,
    from,
    onEntry(entry) {
      entries.push(entry)
      for (const look of waiting) look()
    },
    onRepair: (reason) => void repairs.push(reason),
  })
  return {
    ...reading,
    entries,
    repairs,
    until: (isEnough) =>
      new Promise((resolve) => {
        const look = (): void => {
          if (!isEnough(entries)) return
          waiting.delete(look)
          resolve(entries)
        }
        waiting.add(look)
        look()
      }),
  }
}

export function stateOf(bus: Bus, wanted: BusState): Promise<void> {
  return new Promise((resolve) => {
    const watching = bus.onState((state) => {
      if (state !== wanted) return
      resolve()
      queueMicrotask(() => watching.stop())
    })
  })
}

/** The code of the fault that a promise ends with. */
export async function faultOf(promise: Promise<unknown>): Promise<{ code: string; details: Record<string, unknown> }> {
  try {
    await promise
  } catch (error) {
    if (isFault(error)) return { code: error.code, details: error.details }
    throw error
  }
  return { code: 'none', details: {} }
}

const textsOf = (entries: readonly LogEntry[]): string[] => entries.map((entry) => textOf(entry.data))
const seqsOf = (entries: readonly LogEntry[]): number[] => entries.map((entry) => entry.seq)

let realms = 0

export function busContract(name: string, contract: BusContract): void {
  const { partitions } = contract
  const law = (text: string, body: (world: BusWorld) => Promise<void>): void =>
    test(text, async () => {
      await using world = await contract.openWorld(`law${++realms}`)
      await body(world)
    })

  describe(name, () => {
    beforeAll(() => contract.setUp())
    afterAll(() => contract.tearDown())

    describe('append', () => {
      law('gives every entry the next place, in the order of the calls', async ({ bus }) => {
        const placed = await Promise.all(
          Array.from({ length: 600 }, (_, at) =>
            bus.append({ subject: subjects.in(bus.realm, at % partitions, 'e', 'order/1'), data: bytes(String(at)) }),
          ),
        )
        expect(placed.map(({ seq }) => seq)).toEqual(Array.from({ length: 600 }, (_, at) => at + 1))
        const heard = await listen(bus, `${bus.realm.name}.>`)
        const entries = await heard.until(({ length }) => length === 600)
        expect(textsOf(entries)).toEqual(Array.from({ length: 600 }, (_, at) => String(at)))
      })

      law('stores the bytes as they were at the call, whatever becomes of the buffer', async ({ bus }) => {
        const data = bytes('as it was')
        const { seq } = await bus.append({ subject: subjects.commit(bus.realm, 0), data })
        data.fill(0)
        expect(textOf((await bus.get(seq))?.data as Uint8Array)).toBe('as it was')
      })

      law('refuses a check that does not hold and says what was found', async ({ bus }) => {
        const subject = subjects.commit(bus.realm, 3)
        const first = await bus.append({ subject, data: bytes('first'), check: { seq: 0 } })
        expect(await faultOf(bus.append({ subject, data: bytes('again'), check: { seq: 0 } }))).toMatchObject({
          code: 'bus.conflict',
          details: { want: 0, have: first.seq },
        })
        await bus.append({ subject: subjects.commit(bus.realm, 4), data: bytes('of another') })
        const second = await bus.append({ subject, data: bytes('second'), check: { seq: first.seq } })
        expect(await faultOf(bus.append({ subject, data: bytes('stale'), check: { seq: first.seq } }))).toMatchObject({
          code: 'bus.conflict',
          details: { want: first.seq, have: second.seq },
        })
        expect((await bus.logState()).entries).toBe(3)
      })

      law('checks another subject than its own without moving it', async ({ bus }) => {
        const fence = subjects.commit(bus.realm, 1)
        const subject = subjects.in(bus.realm, 2, 1, 'order/1')
        const none = await bus.append({ subject, data: bytes('before any'), check: { seq: 0, subject: fence } })
        const claim = await bus.append({ subject: fence, data: bytes('claim'), check: { seq: 0 } })
        const check = { seq: claim.seq, subject: fence }
        await bus.append({ subject, data: bytes('one'), check })
        await bus.append({ subject, data: bytes('two'), check })
        expect(
          await faultOf(bus.append({ subject, data: bytes('stale'), check: { seq: none.seq, subject: fence } })),
        ).toMatchObject({ code: 'bus.conflict', details: { want: none.seq, have: claim.seq } })
        expect((await bus.last(fence))?.seq).toBe(claim.seq)
        expect((await bus.logState()).entries).toBe(4)
      })

      law('lets exactly one of many racing claims through', async ({ bus, connect }) => {
        const others = await Promise.all([connect(), connect(), connect()])
        const subject = subjects.commit(bus.realm, 0)
        const outcomes = await Promise.all(
          [bus, ...others, bus, ...others].map((each, at) =>
            faultOf(each.append({ subject, data: bytes(String(at)), check: { seq: 0 } })),
          ),
        )
        expect(outcomes.filter(({ code }) => code === 'none')).toHaveLength(1)
        // In a cluster one may also be told that another is being decided.
        const refused = outcomes.filter(({ code }) => code === 'bus.conflict' || code === 'bus.inProgress')
        expect(refused).toHaveLength(7)
        for (const other of others) await other.close()
      })

      law('refuses an entry above the largest payload before it is sent', async ({ bus }) => {
        const data = new Uint8Array(bus.maxPayload + 1)
        expect(await faultOf(bus.append({ subject: subjects.commit(bus.realm, 0), data }))).toMatchObject({
          code: 'bus.tooBig',
        })
        const small = { subject: subjects.commit(bus.realm, 1), data: bytes('small') }
        expect(await faultOf(bus.appendAll([small, { subject: small.subject, data }]))).toMatchObject({ code: 'bus.tooBig' })
        expect((await bus.logState()).entries).toBe(0)
      })
    })

    describe('a batch', () => {
      law('is stored whole and contiguous, and answers with its last place', async ({ bus }) => {
        const entries = ['a', 'b', 'c'].map((text) => ({
          subject: subjects.in(bus.realm, 1, 0, `order/${text}`),
          data: bytes(text),
        }))
        expect(await bus.appendAll(entries)).toEqual({ seq: 3 })
        const record = { subject: subjects.commit(bus.realm, 0), data: bytes('record'), check: { seq: 0 } }
        expect(await bus.appendAll([...entries, record])).toEqual({ seq: 7 })
        expect(await bus.appendAll([{ ...record, check: { seq: 7 } }])).toEqual({ seq: 8 })
        const heard = await listen(bus, `${bus.realm.name}.>`)
        expect(textsOf(await heard.until(({ length }) => length === 8))).toEqual([
          ...['a', 'b', 'c', 'a', 'b', 'c'],
          ...['record', 'record'],
        ])
      })

      for (const place of [0, 1, 2]) {
        law(`stores nothing when the check of entry ${place + 1} of 3 does not hold`, async ({ bus }) => {
          const claim = await bus.append({ subject: subjects.commit(bus.realm, 5), data: bytes('claim') })
          const entries = [0, 1, 2].map((at) => ({
            subject: subjects.in(bus.realm, at, 5, 'order/1'),
            data: bytes(String(at)),
            ...(at === place ? { check: { seq: 77, subject: subjects.commit(bus.realm, 5) } } : {}),
          }))
          expect(await faultOf(bus.appendAll(entries))).toMatchObject({
            code: 'bus.conflict',
            details: { want: 77, have: claim.seq },
          })
          expect(await bus.logState()).toMatchObject({ entries: 1, lastSeq: claim.seq })
        })
      }

      law('checks the state before it: an entry may write what an earlier one checks', async ({ bus }) => {
        const fence = subjects.commit(bus.realm, 0)
        const sent = { subject: subjects.in(bus.realm, 1, 0, 'order/1'), data: bytes('sent') }
        const record = { subject: fence, data: bytes('record') }
        const good = [{ ...sent, check: { seq: 0, subject: fence } }, { ...record, check: { seq: 0 } }]
        expect(await bus.appendAll(good)).toEqual({ seq: 2 })
        // The other way round the server cannot decide it, and stores nothing.
        const bad = [record, { ...sent, check: { seq: 2, subject: fence } }]
        expect(await faultOf(bus.appendAll(bad))).toMatchObject({ code: 'bus.inProgress' })
        expect((await bus.logState()).entries).toBe(2)
      })

      law('may carry the checks of several partitions, and one that fails refuses all', async ({ bus }) => {
        const record = (partition: number, seq: number) => ({
          subject: subjects.commit(bus.realm, partition),
          data: bytes(`commit of ${partition}`),
          check: { seq },
        })
        expect(await bus.appendAll([record(0, 0), record(1, 0), record(2, 0)])).toEqual({ seq: 3 })
        expect(await faultOf(bus.appendAll([record(0, 1), record(1, 1), record(2, 3)]))).toMatchObject({
          code: 'bus.conflict',
        })
        expect(await bus.appendAll([record(0, 1), record(1, 2), record(2, 3)])).toEqual({ seq: 6 })
      })

      law('holds up to 1000 entries', async ({ bus }) => {
        const entries = Array.from({ length: 1000 }, (_, at) => ({
          subject: subjects.in(bus.realm, at % partitions, 0, 'order/1'),
          data: bytes(String(at)),
        }))
        expect(await bus.appendAll(entries)).toEqual({ seq: 1000 })
        await expect(bus.appendAll([...entries, ...entries.slice(0, 1)])).rejects.toThrow(RangeError)
        await expect(bus.appendAll([])).rejects.toThrow(RangeError)
      })

      law('is never torn apart by what others append', async ({ bus, connect }) => {
        const other = await connect()
        const batch = (by: string, n: number) =>
          Array.from({ length: 10 }, (_, at) => ({
            subject: subjects.in(bus.realm, at, 'e', 'order/1'),
            data: bytes(`${by} ${n} ${at}`),
          }))
        const single = { subject: subjects.in(bus.realm, 0, 'e', 'order/1'), data: bytes('single') }
        await Promise.all(
          Array.from({ length: 10 }, (_, n) => [
            bus.appendAll(batch('one', n)),
            other.appendAll(batch('other', n)),
            other.append(single),
            bus.append(single),
          ]).flat(),
        )
        const heard = await listen(bus, `${bus.realm.name}.>`)
        const texts = textsOf(await heard.until(({ length }) => length === 220))
        for (const [at, text] of texts.entries()) {
          if (!text.endsWith(' 0')) continue
          const expected = Array.from({ length: 10 }, (_, index) => text.replace(/ 0$/, ` ${index}`))
          expect(texts.slice(at, at + 10)).toEqual(expected)
        }
        await other.close()
      })
    })

    describe('a public address', () => {
      law('leads to the partition that partitionOf gives, for any key', async ({ bus }) => {
        const addresses = Array.from({ length: 500 }, (_, at) => addressOf(at % 2 === 0 ? 'order' : 'chat-room', keyAt(at)))
        await Promise.all(
          addresses.map((address) => bus.append({ subject: subjects.to(bus.realm, address), data: bytes(address) })),
        )
        const heard = await listen(bus, `${bus.realm.name}.in.*.x.>`)
        const entries = await heard.until(({ length }) => length === 500)
        for (const entry of entries) {
          const address = textOf(entry.data) as Address
          expect(parseStored(entry.subject)).toEqual({
            is: 'in',
            partition: partitionOf(address, partitions),
            sender: 'x',
            address,
          })
        }
        expect(entries.map((entry) => textOf(entry.data))).toEqual(addresses)
      })

      law('of a child leads where its whole token hashes, which need not be its root', async ({ bus }) => {
        const roots = Array.from({ length: 40 }, (_, at) => addressOf('order', String(at)))
        const children = roots.map((root, at) => childAddressOf(root, `child ${at}`, at))
        for (const child of children) {
          await bus.append({ subject: subjects.to(bus.realm, child), data: bytes(child) })
        }
        const heard = await listen(bus, `${bus.realm.name}.in.>`)
        const entries = await heard.until(({ length }) => length === 40)
        const landed = entries.map((entry) => parseStored(entry.subject) as { partition: number })
        expect(landed.map(({ partition }) => partition)).toEqual(children.map((each) => transformedTo(each, partitions)))
        // An owner notices such an envelope by this very difference.
        expect(children.some((each) => transformedTo(each, partitions) !== partitionOf(each, partitions))).toBe(true)
      })

      law('takes the id and the trace of a bare publisher from its headers', async ({ bus, publishBare }) => {
        const to = subjects.to(bus.realm, 'order/1')
        const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
        await publishBare(to, 'none')
        await publishBare(to, 'ours', { 'perdure-id': 'a-1', traceparent })
        await publishBare(to, 'theirs', { 'Nats-Msg-Id': 'b-1', 'X-Other': 'x' })
        const heard = await listen(bus, `${bus.realm.name}.in.>`)
        const entries = await heard.until(({ length }) => length === 3)
        const seen = (entry: LogEntry | undefined) => [entry?.id, entry?.traceparent]
        expect(entries.map(seen)).toEqual([
          [undefined, undefined],
          ['a-1', traceparent],
          ['b-1', undefined],
        ])
        expect(seen(await bus.get(2))).toEqual(['a-1', traceparent])
      })
    })

    describe('reading', () => {
      law('begins anywhere, through any filter, and goes on with what is appended later', async ({ bus }) => {
        const { realm } = bus
        const subjectsOf = [
          subjects.in(realm, 3, 2, 'order/a'),
          subjects.in(realm, 3, 'x', 'order/b'),
          subjects.in(realm, 4, 2, 'order/c'),
          subjects.commit(realm, 2),
          subjects.commit(realm, 3),
          subjects.emitted(realm, 'order/a', 'PAID'),
        ]
        const append = async (round: number): Promise<void> => {
          for (const subject of subjectsOf) await bus.append({ subject, data: bytes(String(round)) })
        }
        const filters = [
          subjects.mailbox(realm, 3),
          subjects.sentBy(realm, 2),
          `${realm.name}.commit.*`,
          subjects.commit(realm, 3),
          `${realm.name}.ev.order.*.PAID`,
          `${realm.name}.>`,
        ]
        for (let round = 0; round < 5; round++) await append(round)
        const all: LogEntry[] = []
        for (let seq = 1; seq <= 30; seq++) all.push((await bus.get(seq)) as LogEntry)
        const readings = await Promise.all(
          filters.flatMap((filter) =>
            [0, 1, 7, 30, 31].map(async (from) => ({ filter, from, heard: await listen(bus, filter, from) })),
          ),
        )
        for (let round = 5; round < 7; round++) await append(round)
        for (let seq = 31; seq <= 42; seq++) all.push((await bus.get(seq)) as LogEntry)
        for (const { filter, from, heard } of readings) {
          const wanted = all.filter((entry) => entry.seq >= from && matches(filter, entry.subject))
          const entries = await heard.until(({ length }) => length >= wanted.length)
          expect(seqsOf(entries)).toEqual(seqsOf(wanted))
          expect(entries.map(({ subject, at, data }) => [subject, at, textOf(data)])).toEqual(
            wanted.map(({ subject, at, data }) => [subject, at, textOf(data)]),
          )
          expect(heard.repairs).toEqual([])
          await heard.stop()
        }
      })

      law('hands on a long backlog once, in order, while more arrives', async ({ bus, connect }) => {
        const writer = await connect()
        const subject = subjects.in(bus.realm, 0, 'e', 'order/1')
        const write = (from: number, to: number) =>
          Promise.all(
            Array.from({ length: to - from }, (_, at) => writer.append({ subject, data: bytes(String(from + at)) })),
          )
        await write(0, 5000)
        const heard = await listen(bus, subjects.mailbox(bus.realm, 0))
        await write(5000, 7000)
        const entries = await heard.until(({ length }) => length >= 7000)
        expect(textsOf(entries)).toEqual(Array.from({ length: 7000 }, (_, at) => String(at)))
        expect(heard.repairs).toEqual([])
        await writer.close()
      })

      law('holds back while paused, and goes on where it was', async ({ bus }) => {
        const subject = subjects.in(bus.realm, 0, 'e', 'order/1')
        const total = 6000
        const heard = await listen(bus, subjects.mailbox(bus.realm, 0))
        heard.pause()
        await Promise.all(
          Array.from({ length: total }, (_, at) => bus.append({ subject, data: bytes(String(at)) })),
        )
        // What was asked for before the pause may still come; the rest waits on the server.
        await bus.last(subject)
        const held = heard.entries.length
        expect(held).toBeLessThan(total / 2)
        heard.resume()
        const entries = await heard.until(({ length }) => length >= total)
        expect(textsOf(entries)).toEqual(Array.from({ length: total }, (_, at) => String(at)))
      })

      law('hands on nothing after it was stopped, even from inside an entry', async ({ bus }) => {
        const subject = subjects.in(bus.realm, 0, 'e', 'order/1')
        for (let at = 0; at < 20; at++) await bus.append({ subject, data: bytes(String(at)) })
        const seen: number[] = []
        const stopped = Promise.withResolvers<void>()
        const ready = Promise.withResolvers<Reading>()
        ready.resolve(
          await bus.read({
            filter: subjects.mailbox(bus.realm, 0),
            from: 1,
            onEntry(entry) {
              seen.push(entry.seq)
              if (seen.length === 3) void ready.promise.then((reading) => reading.stop()).then(stopped.resolve)
            },
          }),
        )
        await stopped.promise
        const count = seen.length
        const witness = await listen(bus, subjects.mailbox(bus.realm, 0))
        await bus.append({ subject, data: bytes('late') })
        await witness.until(({ length }) => length === 21)
        expect(seen).toHaveLength(count)
      })
    })

    describe('the log', () => {
      law('answers last and get with every append acknowledged before', async ({ bus, connect }) => {
        const other = await connect()
        const fence = subjects.commit(bus.realm, 7)
        expect(await bus.last(fence)).toBeUndefined()
        expect(await bus.get(1)).toBeUndefined()
        expect(await bus.get(0)).toBeUndefined()
        for (let at = 0; at < 20; at++) {
          const { seq } = await other.append({ subject: fence, data: bytes(String(at)) })
          const found = await bus.last(fence)
          expect([found?.seq, textOf(found?.data as Uint8Array)]).toEqual([seq, String(at)])
          expect(await bus.get(seq)).toMatchObject({ seq, subject: fence })
        }
        const sent = await bus.append({ subject: subjects.in(bus.realm, 2, 7, 'order/1'), data: bytes('sent') })
        expect((await bus.last(subjects.sentBy(bus.realm, 7)))?.seq).toBe(sent.seq)
        expect(await bus.lastMatching(subjects.sentBy(bus.realm, 7))).toBe(sent.seq)
        expect(await bus.lastMatching(`${bus.realm.name}.>`)).toBe(sent.seq)
        expect(await bus.lastMatching(`${bus.realm.name}.commit.*`)).toBe(sent.seq - 1)
        expect(await bus.lastMatching(subjects.mailbox(bus.realm, 3))).toBeUndefined()
        await other.close()
      })

      law('purges by filter up to and including a sequence', async ({ bus }) => {
        const mailbox = subjects.in(bus.realm, 0, 'e', 'order/1')
        for (let at = 1; at <= 10; at++) {
          await bus.append({ subject: at % 2 === 0 ? mailbox : subjects.commit(bus.realm, 0), data: bytes(String(at)) })
        }
        expect(await bus.purge(subjects.mailbox(bus.realm, 0), 0)).toEqual({ removed: 0 })
        expect(await bus.purge(subjects.mailbox(bus.realm, 0), 6)).toEqual({ removed: 3 })
        expect(await bus.purge(subjects.mailbox(bus.realm, 0), 6)).toEqual({ removed: 0 })
        expect(await bus.get(6)).toBeUndefined()
        const heard = await listen(bus, `${bus.realm.name}.>`)
        expect(seqsOf(await heard.until(({ length }) => length === 7))).toEqual([1, 3, 5, 7, 8, 9, 10])
        expect(await bus.purge(`${bus.realm.name}.>`, 8)).toEqual({ removed: 5 })
        expect(await bus.logState()).toMatchObject({ firstSeq: 9, lastSeq: 10, entries: 2 })
        // A fence that was purged away reads as never written.
        expect(await bus.purge(subjects.commit(bus.realm, 0), 10)).toEqual({ removed: 1 })
        expect(
          await faultOf(bus.append({ subject: subjects.commit(bus.realm, 0), data: bytes('x'), check: { seq: 9 } })),
        ).toMatchObject({ code: 'bus.conflict', details: { have: 0 } })
      })

      law('lets go of a single entry, once', async ({ bus }) => {
        const fence = subjects.commit(bus.realm, 0)
        for (let at = 1; at <= 4; at++) await bus.append({ subject: fence, data: bytes(String(at)) })
        expect([await bus.removeEntry(2), await bus.removeEntry(2)]).toEqual([true, false])
        expect([await bus.removeEntry(0), await bus.removeEntry(9)]).toEqual([false, false])
        expect(await bus.removeEntry(4)).toBe(true)
        expect(await bus.logState()).toMatchObject({ firstSeq: 1, lastSeq: 4, entries: 2 })
        expect((await bus.last(fence))?.seq).toBe(3)
        const heard = await listen(bus, `${bus.realm.name}.>`)
        expect(await bus.append({ subject: fence, data: bytes('5'), check: { seq: 3 } })).toEqual({ seq: 5 })
        expect(seqsOf(await heard.until(({ length }) => length === 3))).toEqual([1, 3, 5])
        expect(heard.repairs).toEqual([])
      })

      law('has an identity that connections agree on', async ({ bus, connect }) => {
        const other = await connect()
        const [ours, theirs] = [await bus.logState(), await other.logState()]
        expect(theirs.createdAt).toBe(ours.createdAt)
        expect(Date.parse(ours.createdAt)).toBeGreaterThan(0)
        expect(other.realm).toEqual(bus.realm)
        expect(bus.realm.partitions).toBe(partitions)
        await other.close()
      })
    })

    describe('core subjects', () => {
      law('a question is answered by who serves the subject now', async ({ bus, connect }) => {
        const other = await connect()
        const subject = subjects.query(bus.realm, 3)
        expect(await faultOf(bus.request(subject, bytes('anybody?'), 5000))).toMatchObject({ code: 'bus.nobody' })
        const serving = other.serve(subject, (data) => bytes(`${textOf(data)}!`))
        await other.logState()
        expect(textOf(await bus.request(subject, bytes('hello'), 5000))).toBe('hello!')
        serving.stop()
        await other.logState()
        expect(await faultOf(bus.request(subject, bytes('still?'), 5000))).toMatchObject({ code: 'bus.nobody' })
        await other.close()
      })

      law('a refusal reaches the asker with its reason, and silence ends at the deadline', async ({ bus, connect }) => {
        const other = await connect()
        other.serve(subjects.query(bus.realm, 1), () => Promise.reject(new Error('not\nmine')))
        other.serve(subjects.query(bus.realm, 2), () => new Promise<Uint8Array>(() => undefined))
        other.serve(subjects.query(bus.realm, 3), () => new Uint8Array())
        await other.logState()
        expect(await faultOf(bus.request(subjects.query(bus.realm, 1), bytes(''), 5000))).toMatchObject({
          code: 'bus.refused',
        })
        expect(await faultOf(bus.request(subjects.query(bus.realm, 2), bytes(''), 50))).toMatchObject({
          code: 'bus.timeout',
        })
        expect(await bus.request(subjects.query(bus.realm, 3), bytes(''), 5000)).toHaveLength(0)
        await other.close()
      })

      law('what is told is heard by those who listen, in order, and by nobody later', async ({ bus, connect }) => {
        const other = await connect()
        const inbox = bus.inbox()
        expect(bus.inbox()).not.toBe(inbox)
        const heard: string[] = []
        const complete = Promise.withResolvers<void>()
        const listening = bus.hear(`${inbox}.*`, (data, subject) => {
          heard.push(`${subject.slice(inbox.length)} ${textOf(data)}`)
          if (heard.length === 50) complete.resolve()
        })
        await bus.logState()
        for (let at = 0; at < 50; at++) other.tell(`${inbox}.${at}`, bytes('told'))
        await complete.promise
        expect(heard).toEqual(Array.from({ length: 50 }, (_, at) => `.${at} told`))
        listening.stop()
        other.tell(`${inbox}.late`, bytes('told'))
        await other.logState()
        await bus.logState()
        expect(heard).toHaveLength(50)
        await other.close()
      })

      law('what is appended can be heard live, too', async ({ bus, connect }) => {
        const other = await connect()
        const heard = new Promise<string>((resolve) => {
          bus.hear(`${bus.realm.name}.ev.order.*.PAID`, (data) => resolve(textOf(data)))
        })
        await bus.logState()
        await other.append({ subject: subjects.emitted(bus.realm, 'order/1', 'PAID'), data: bytes('paid') })
        expect(await heard).toBe('paid')
        await other.close()
      })
    })

    describe('beside the log', () => {
      law('the registry keeps the last value of each key', async ({ bus, connect }) => {
        expect(await bus.registry.get('order')).toBeUndefined()
        expect(await bus.registry.keys()).toEqual([])
        const other = await connect()
        await other.registry.put('order', bytes('first'))
        await other.registry.put('chat-room', bytes('first'))
        await other.registry.put('order', bytes('second'))
        expect(textOf((await bus.registry.get('order')) as Uint8Array)).toBe('second')
        expect(await bus.registry.keys()).toEqual(['chat-room', 'order'])
        await other.close()
      })

      law('a blob of five megabytes comes back as it was', async ({ bus, connect }) => {
        const other = await connect()
        expect(await bus.blobs.names()).toEqual([])
        expect(await bus.blobs.get('base/3')).toBeUndefined()
        await bus.blobs.remove('base/3')
        const big = new Uint8Array(5_000_000).map((_, at) => (at * 31) % 251)
        await bus.blobs.put('base/3', big)
        await bus.blobs.put('base/4', bytes('small'))
        const back = (await other.blobs.get('base/3')) as Uint8Array
        expect(Buffer.compare(back, big)).toBe(0)
        await other.blobs.put('base/4', bytes('smaller'))
        expect(textOf((await bus.blobs.get('base/4')) as Uint8Array)).toBe('smaller')
        expect(await bus.blobs.names()).toEqual(['base/3', 'base/4'])
        await bus.blobs.remove('base/3')
        expect(await other.blobs.get('base/3')).toBeUndefined()
        expect(await other.blobs.names()).toEqual(['base/4'])
        await other.close()
      })
    })

    describe('a server that goes away', () => {
      law('leaves each append acknowledged or unknown, and nothing is sent later by itself', async (world) => {
        const { bus } = world
        const subject = subjects.in(bus.realm, 0, 'e', 'order/1')
        const outcomes = new Map<string, string>()
        let count = 0
        const send = async (): Promise<void> => {
          const text = String(count++)
          const { code } = await faultOf(bus.append({ subject, data: bytes(text) }))
          outcomes.set(text, code)
        }
        const sending: Promise<void>[] = Array.from({ length: 300 }, send)
        const lost = stateOf(bus, 'disconnected')
        const killed = world.killServer()
        for (let at = 0; at < 300; at++) sending.push(send())
        await killed
        await lost
        // Refused at once, however often: there is nothing to wait for.
        const whileDown = Array.from({ length: 50 }, (_, at) =>
          faultOf(bus.append({ subject, data: bytes(`down ${at}`) })),
        )
        expect(new Set((await Promise.all(whileDown)).map(({ code }) => code))).toEqual(new Set(['bus.unreachable']))
        bus.tell(subject, bytes('told while down'))
        await Promise.all(sending)
        const back = stateOf(bus, 'connected')
        await world.startServer()
        await back
        const end = await bus.append({ subject, data: bytes('end') })
        const heard = await listen(bus, subjects.mailbox(bus.realm, 0))
        const stored = textsOf(await heard.until((entries) => entries.at(-1)?.seq === end.seq))
        expect(new Set(stored).size).toBe(stored.length)
        for (const [text, code] of outcomes) {
          if (code === 'none') expect(stored).toContain(text)
          else expect(['bus.timeout', 'bus.unreachable']).toContain(code)
        }
        expect(stored.filter((text) => text.includes('down'))).toEqual([])
        // What an unknown append left behind lies before everything sent after the reconnect.
        expect(stored.at(-1)).toBe('end')
      })

      law('does not make a reader lose or repeat an entry', async (world) => {
        const { bus } = world
        const subject = subjects.in(bus.realm, 0, 'e', 'order/1')
        const heard = await listen(bus, subjects.mailbox(bus.realm, 0))
        let count = 0
        for (let round = 0; round < 3; round++) {
          for (let at = 0; at < 100; at++) await bus.append({ subject, data: bytes(String(count++)) })
          const lost = stateOf(bus, 'disconnected')
          await world.killServer()
          await lost
          const back = stateOf(bus, 'connected')
          await world.startServer()
          await back
        }
        await bus.append({ subject, data: bytes(String(count++)) })
        const entries = await heard.until(({ length }) => length >= count)
        expect(textsOf(entries)).toEqual(Array.from({ length: count }, (_, at) => String(at)))
        expect(heard.repairs.length).toBeGreaterThan(0)
      })

      law('leaves those who serve and listen in place', async (world) => {
        const { bus, connect } = world
        const other = await connect()
        other.serve(subjects.query(bus.realm, 0), (data) => data)
        await other.logState()
        const lost = [stateOf(bus, 'disconnected'), stateOf(other, 'disconnected')]
        await world.killServer()
        await Promise.all(lost)
        expect(await faultOf(bus.request(subjects.query(bus.realm, 0), bytes('?'), 1000))).toMatchObject({
          code: 'bus.unreachable',
        })
        const back = [stateOf(bus, 'connected'), stateOf(other, 'connected')]
        await world.startServer()
        await Promise.all(back)
        await other.logState()
        expect(textOf(await bus.request(subjects.query(bus.realm, 0), bytes('back'), 5000))).toBe('back')
        await other.close()
      })
    })

    law('a closed bus says so and hands on nothing more', async ({ connect }) => {
      const bus = await connect()
      const states: BusState[] = []
      bus.onState((state) => states.push(state))
      const heard = await listen(bus, `${bus.realm.name}.>`)
      await bus.close()
      await bus.close()
      expect(states).toEqual(['connected', 'closed'])
      expect(await faultOf(bus.append({ subject: subjects.commit(bus.realm, 0), data: bytes('x') }))).toMatchObject({
        code: 'bus.closed',
      })
      await heard.stop()
      expect(heard.entries).toEqual([])
    })
  })
}

/** Keys of every kind: plain, spaced, of other alphabets, with the characters that subjects reserve. */
function keyAt(at: number): string {
  const shapes = [`${at}`, `key ${at}`, `日本 ${at}`, `a.b*c>${at}`, `ключ-${at}`, `=${at}~${at}`, `😀${at}`, `_${at}-`]
  return shapes[at % shapes.length] as string
}
