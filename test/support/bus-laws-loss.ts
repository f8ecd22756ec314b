/** Laws of loss: a server that dies and comes back. */
import { describe, expect } from 'vitest'
import { isFault } from '#protocol/fault.ts'
import { subjects } from '#protocol/subject.ts'
import { bytes, faultOf, listen, stateOf, textOf, textsOf, type Law } from './bus-world.ts'

export function lossLaws(law: Law): void {
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
      let seq = 0
      /** Once: in a cluster a leader may change behind the reconnect, and then nobody knows of an append. */
      async function store(text: string): Promise<void> {
        for (;;) {
          try {
            return void ({ seq } = await bus.append({ subject, data: bytes(text), check: { seq } }))
          } catch (error) {
            if (!isFault(error)) throw error
            expect(['bus.timeout', 'bus.unreachable', 'bus.conflict', 'bus.busy']).toContain(error.code)
          }
          const last = await bus.last(subject).catch(() => undefined)
          if (last !== undefined && textOf(last.data) === text) return void (seq = last.seq)
        }
      }
      for (let round = 0; round < 3; round++) {
        for (let at = 0; at < 100; at++) await store(String(count++))
        const lost = stateOf(bus, 'disconnected')
        await world.killServer()
        await lost
        const back = stateOf(bus, 'connected')
        await world.startServer()
        await back
      }
      await store(String(count++))
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
      const ask = () => faultOf(bus.request(subjects.query(bus.realm, 0), bytes('back'), 5000))
      // In a cluster the two may have come back on different servers, which tell each other a little later.
      let outcome = await ask()
      while (outcome.code === 'bus.nobody') outcome = await ask()
      expect(outcome.code).toBe('none')
      await other.close()
    })
  })
}
