/** Laws of reading: where public events stand, and that every reader hands on the log itself. */
import { describe, expect } from 'vitest'
import { type Address, addressOf, childAddressOf } from '#protocol/address.ts'
import { partitionOf, transformedTo } from '#protocol/partition.ts'
import { matches, parseStored, subjects } from '#protocol/subject.ts'
import type { LogEntry, Reading } from '#runtime/bus.ts'
import { bytes, listen, seqsOf, textOf, textsOf, type Law } from './bus-world.ts'

export function readLaws(law: Law, partitions: number): void {
  describe('a public address', () => {
    law('leads to the partition that partitionOf gives, for any key', async ({ bus }) => {
      const addresses = Array.from({ length: 500 }, (_, at) =>
        addressOf(at % 2 === 0 ? 'order' : 'chat-room', keyAt(at)),
      )
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
      await Promise.all(Array.from({ length: total }, (_, at) => bus.append({ subject, data: bytes(String(at)) })))
      // Somebody who is not paused has all of it by now.
      const witness = await listen(bus, subjects.mailbox(bus.realm, 0))
      await witness.until(({ length }) => length >= total)
      // What was asked for before the pause may have come; the rest waits on the server.
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
}

/** Keys of every kind: plain, spaced, of other alphabets, with the characters that subjects reserve. */
function keyAt(at: number): string {
  const shapes = [`${at}`, `key ${at}`, `日本 ${at}`, `a.b*c>${at}`, `ключ-${at}`, `=${at}~${at}`, `😀${at}`, `_${at}-`]
  return shapes[at % shapes.length] as string
}
