/** States larger than an entry are looked at from outside like any other; what waits for that is bounded. */
import { expect, test } from 'vitest'
import type { Fault } from '#protocol/fault.ts'
import { type Answered, decodeAnswered, decodeQuery, encodeAnswered } from '#protocol/query.ts'
import { answersOf } from '#runtime/answers.ts'
import { gather } from '#runtime/client/gather.ts'
import { realmHandleOf } from '#runtime/client/realm-handle.ts'
import { systemClock } from '#runtime/clock.ts'
import { openMemoryLog } from '#runtime/memory/memory-bus.ts'
import { openTestNode, openTestRealm, realmOptions } from '#test/support/engine.ts'
import { expectSeen, textOf, whales } from '#test/support/large-states.ts'
import { openManualClock } from '#test/support/manual-clock.ts'

const maxPayload = 65_536

test('a state of many entries is read, waited for, watched and listed', async () => {
  const log = openMemoryLog({ realm: 'shop', partitions: 2, clock: systemClock, maxPayload })
  await using _ = await openTestNode(log.connect(), [whales])
  // A watcher renews so seldom that only what it is told can move it.
  const options = { ...realmOptions, leaseMs: 600_000 }
  await using realm = realmHandleOf({ bus: log.connect(), clock: systemClock }, options)
  await expectSeen(realm, 1_000_000)
})

test('an answer over the bound is refused in words, and the actor goes on', async () => {
  const log = openMemoryLog({ realm: 'shop', partitions: 2, clock: systemClock, maxPayload })
  await using node = await openTestNode(log.connect(), [whales], { options: { answerBytesMost: 200_000 } })
  await using realm = openTestRealm(log.connect())
  const whale = realm.ref(whales, 'moby')
  await whale.send({ type: 'GROW', chars: 300_000 })
  await node.settle()
  await expect(whale.read()).rejects.toMatchObject({
    code: 'query.failed',
    details: { code: 'answer.tooBig' },
    message: expect.stringContaining('200000'),
  })
  await whale.send({ type: 'GROW', chars: 10 })
  await node.settle()
  expect((await whale.waitFor(({ context }) => context.text.length === 10, { timeoutMs: 5000 })).context.text).toBe(
    textOf(10),
  )
})

const faultOf = (act: () => unknown): string => {
  try {
    act()
  } catch (error) {
    return (error as Fault).code
  }
  return 'none'
}

const partOf = (bytes: Uint8Array) => {
  const answer: Answered<string> = decodeAnswered(bytes)
  if (!('part' in answer)) throw new Error('it is whole')
  return answer.part
}

test('what is held is bounded, and whoever stays away loses it: the oldest goes first', async () => {
  const clock = openManualClock()
  const answers = answersOf(clock, { partBytes: 100, answerBytesMost: 1000 })
  const give = () => partOf(answers.give(encodeAnswered({ ok: textOf(385) })))
  const [first, second] = [give(), give()]
  expect([first.of, second.of]).toEqual([4, 4])
  const third = give()
  expect(faultOf(() => answers.part(first.id, 1))).toBe('answer.gone')
  await clock.advance(20_000)
  answers.part(third.id, 1)
  await clock.advance(20_000)
  // The second was fetched by nobody for too long; there is room, but it is not kept for ever.
  give()
  expect([second, third].map(({ id }) => faultOf(() => answers.part(id, 2)))).toEqual(['answer.gone', 'none'])
  expect(faultOf(() => answers.give(encodeAnswered({ ok: textOf(1001) })))).toBe('answer.tooBig')
  // The last part is the end of it.
  answers.part(third.id, 3)
  expect(faultOf(() => answers.part(third.id, 3))).toBe('answer.gone')
})

test('an answer whose rest is gone is asked for anew, and never put together from two', async () => {
  const clock = openManualClock()
  const bus = openMemoryLog({ realm: 'shop', partitions: 1, clock: systemClock }).connect()
  let answers = answersOf(clock, { partBytes: 100, answerBytesMost: 10_000 })
  const asked: string[] = []
  bus.serve('shop.q.0', (data) => {
    const query = decodeQuery(data)
    asked.push(query.is)
    try {
      if (query.is !== 'part') return answers.give(encodeAnswered({ ok: `${asked.length}:${textOf(290)}` }))
      // Its owner restarts once, in the middle.
      if (asked.length === 3) answers = answersOf(clock, { partBytes: 100, answerBytesMost: 10_000 })
      return answers.part(query.id, query.part)
    } catch (error) {
      const { code, message } = error as Fault
      return encodeAnswered({ fault: { code, message } })
    }
  })
  expect(await gather(bus, { partition: 0, query: { is: 'partition' } }, 1000)).toBe(`4:${textOf(290)}`)
  expect(asked).toEqual(['partition', 'part', 'part', 'partition', 'part', 'part', 'part'])
  await bus.close()
})
