/** The laws of the bus, one suite for every implementation: memory, one server, a cluster. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { subjects } from '#protocol/subject.ts'
import type { BusState } from '#runtime/bus.ts'
import { appendLaws } from './bus-laws-append.ts'
import { readLaws } from './bus-laws-read.ts'
import { logLaws } from './bus-laws-log.ts'
import { coreLaws } from './bus-laws-core.ts'
import { lossLaws } from './bus-laws-loss.ts'
import { type BusContract, bytes, faultOf, type Law, listen } from './bus-world.ts'

let realms = 0

export function busContract(name: string, contract: BusContract): void {
  const law: Law = (text, body) =>
    test(text, async () => {
      await using world = await contract.openWorld(`law${++realms}`)
      await body(world)
    })

  describe(name, () => {
    beforeAll(() => contract.setUp())
    afterAll(() => contract.tearDown())

    appendLaws(law, contract.partitions)
    readLaws(law, contract.partitions)
    logLaws(law, contract.partitions)
    coreLaws(law)
    lossLaws(law)

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
