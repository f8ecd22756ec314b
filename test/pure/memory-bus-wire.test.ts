import { array, assert, asyncProperty, constantFrom, infiniteStream } from 'fast-check'
import { expect, test } from 'vitest'
import { subjects } from '#protocol/subject.ts'
import { systemClock } from '#runtime/clock.ts'
import { type Disturbance, openMemoryLog } from '#runtime/memory/memory-bus.ts'
import { bytes, listen, textOf } from '#test/support/bus-world.ts'

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
const entry = (text: string) => ({ subject: 'shop.in.0.e.order.1', data: bytes(text) })

test('whatever happens on the wire, outcomes are true and every reader hands on the log itself', async () => {
  const disturbance = constantFrom('ok', 'ok', 'ok', 'lose', 'lose-ack', 'duplicate', 'hold')
  const deed = constantFrom(
    'append',
    'append',
    'batch',
    'checked',
    'disconnect',
    'reconnect',
    'pause',
    'resume',
    'rest',
  )
  await assert(
    asyncProperty(array(deed, { maxLength: 60 }), infiniteStream(disturbance), async (deeds, disturbances) => {
      const log = openMemoryLog({ realm: 'shop', partitions: 4, clock: systemClock })
      const bus = log.connect()
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

      const texts = log.entries().map(({ data }) => textOf(data))
      for (const { text, seq, code } of ended) {
        const times = texts.filter((each) => each === text).length
        if (code === 'none')
          expect([times, textOf(log.entries()[(seq as number) - 1]?.data as Uint8Array)]).toEqual([1, text])
        else if (code === 'bus.timeout') expect(times).toBeLessThanOrEqual(1)
        else expect([times, ['bus.conflict', 'bus.unreachable'].includes(code)]).toEqual([0, true])
      }
      for (const [at, text] of texts.entries()) {
        if (text.endsWith(' a'))
          expect(texts.slice(at, at + 3)).toEqual([text, text.replace('a', 'b'), text.slice(0, -2)])
      }
      const all = log.entries().map(({ seq }) => seq)
      const commits = log
        .entries()
        .filter((each) => each.subject.startsWith('shop.commit.'))
        .map(({ seq }) => seq)
      const seqs = heard.map(({ entries }) => entries.map(({ seq }) => seq))
      expect(seqs).toEqual([all, all.filter((seq) => !commits.includes(seq)), commits])
    }),
    { numRuns: 200 },
  )
})
