/** Laws of asking about the log and trimming it, and of what stands beside it. */
import { describe, expect } from 'vitest'
import { subjects } from '#protocol/subject.ts'
import { bytes, faultOf, listen, seqsOf, textOf, type Law } from './bus-world.ts'

export function logLaws(law: Law, partitions: number): void {
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

    law('finds the first entry of a subject at or after a sequence', async ({ bus }) => {
      const fence = subjects.commit(bus.realm, 1)
      expect(await bus.next(fence, 1)).toBeUndefined()
      for (let at = 1; at <= 6; at++) {
        const subject = at % 2 === 0 ? fence : subjects.commit(bus.realm, 2)
        await bus.append({ subject, data: bytes(String(at)) })
      }
      const found = await Promise.all([0, 1, 2, 3, 6, 7].map((from) => bus.next(fence, from)))
      expect(found.map((entry) => entry?.seq)).toEqual([2, 2, 2, 4, 6, undefined])
      expect(textOf(found[3]?.data as Uint8Array)).toBe('4')
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

  describe('beside the log', () => {
    law('the registry keeps the last value of each key', async ({ bus, connect }) => {
      expect(await bus.registry.get('order')).toBeUndefined()
      expect((await bus.registry.all()).map(([key]) => key)).toEqual([])
      const other = await connect()
      await other.registry.put('order', bytes('first'))
      await other.registry.put('chat-room', bytes('first'))
      await other.registry.put('order', bytes('second'))
      expect(textOf((await bus.registry.get('order')) as Uint8Array)).toBe('second')
      expect((await bus.registry.all()).map(([key]) => key)).toEqual(['chat-room', 'order'])
      await other.close()
    })

    law('the registry takes a value only over the revision that its writer saw', async ({ bus, connect }) => {
      const other = await connect()
      expect(await bus.registry.revision()).toBe(0)
      expect(await bus.registry.entry('order')).toEqual({ value: undefined, revision: 0 })
      const first = await bus.registry.put('order', bytes('first'), 0)
      expect(first).toBeGreaterThan(0)
      expect(await faultOf(other.registry.put('order', bytes('also first'), 0))).toMatchObject({ code: 'bus.conflict' })
      const seen = await other.registry.entry('order')
      expect([textOf(seen.value as Uint8Array), seen.revision]).toEqual(['first', first])
      // Another key moves nothing but the revision of all.
      const aside = await other.registry.put('chat', bytes('x'), 0)
      expect(await bus.registry.revision()).toBe(aside)
      const second = await other.registry.put('order', bytes('second'), first)
      expect(await faultOf(bus.registry.put('order', bytes('late'), first))).toMatchObject({ code: 'bus.conflict' })
      expect(textOf((await bus.registry.get('order')) as Uint8Array)).toBe('second')
      const raced = await Promise.allSettled(
        [bus, other].map((one, at) => one.registry.put('order', bytes(`racer ${at}`), second)),
      )
      expect(raced.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
      expect(await bus.registry.put('order', bytes('whatever was there'))).toBeGreaterThan(second)
      await other.close()
    })

    law('a key that is removed is gone with its history, and that is a change', async ({ bus, connect }) => {
      const other = await connect()
      await bus.registry.put('order', bytes('first'))
      const second = await bus.registry.put('order', bytes('second'))
      await bus.registry.put('chat', bytes('x'))
      const before = await other.registry.revision()
      await bus.registry.remove('order')
      await bus.registry.remove('never-was')
      expect(await other.registry.revision()).toBeGreaterThan(before)
      expect((await other.registry.all()).map(([key]) => key)).toEqual(['chat'])
      expect(await other.registry.entry('order')).toEqual({ value: undefined, revision: 0 })
      // Whoever saw it before it went does not bring it back.
      expect(await faultOf(other.registry.put('order', bytes('late'), second))).toMatchObject({ code: 'bus.conflict' })
      await other.registry.put('order', bytes('again'), 0)
      expect(textOf((await bus.registry.get('order')) as Uint8Array)).toBe('again')
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
}
