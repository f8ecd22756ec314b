/** Laws of core subjects: questions and live views, never stored by themselves. */
import { describe, expect } from 'vitest'
import { subjects } from '#protocol/subject.ts'
import { bytes, faultOf, textOf, type Law } from './bus-world.ts'

export function coreLaws(law: Law): void {
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
}
