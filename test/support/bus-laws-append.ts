/** Laws of appending: what is stored, what is refused, and that nothing lies between. */
import { describe, expect } from 'vitest'
import { subjects } from '#protocol/subject.ts'
import { bytes, faultOf, listen, textOf, textsOf, type Law } from './bus-world.ts'

export function appendLaws(law: Law, partitions: number): void {
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
      expect(await faultOf(bus.appendAll([small, { subject: small.subject, data }]))).toMatchObject({
        code: 'bus.tooBig',
      })
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
        'a',
        'b',
        'c',
        'a',
        'b',
        'c',
        'record',
        'record',
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
      const good = [
        { ...sent, check: { seq: 0, subject: fence } },
        { ...record, check: { seq: 0 } },
      ]
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
}
