import { type } from 'arktype'
import * as v from 'valibot'
import { assign, sendTo, setup } from 'xstate'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { actor, type KindOptions, type SupervisionPolicy } from '#protocol/actor.ts'
import { encode } from '#protocol/codec.ts'
import { reply } from '#runtime/core/actions.ts'
import { openStillWorld, type StillWorld } from '#test/support/still-world.ts'

type Ctx = { got: string[] }

/** Takes words only when it is open. */
const door = setup({ types: { context: {} as Ctx } }).createMachine({
  context: { got: [] },
  initial: 'shut',
  states: {
    shut: { on: { OPEN: 'open' } },
    open: {
      on: {
        SHUT: 'shut',
        WORD: { actions: assign({ got: ({ context, event }) => [...context.got, event['word'] as string] }) },
        ASK: { actions: reply(({ context }) => context.got.length) },
        BAD: {
          actions: assign(() => {
            throw new RangeError('bad word')
          }),
        },
      },
    },
  },
})

const doors = (options: KindOptions = {}) => actor('door', door, options)
const word = (text: string) => ({ type: 'WORD', word: text })

async function got(world: StillWorld, key = 'a'): Promise<unknown> {
  return ((await world.state(`door/${key}`))?.snapshot.context as Ctx | undefined)?.got
}

describe('an event that no state handles', () => {
  test('is ignored by default, but seen and counted', async () => {
    await using world = await openStillWorld([doors()])
    for (const text of ['a', 'b']) await world.send('door/a', word(text))
    await world.send('door/a', { type: 'OPEN' })
    expect(await got(world)).toEqual([])
    expect((await world.state('door/a'))?.book.counts).toEqual({ unhandled: 2 })
    expect(world.traced('unhandled')).toHaveLength(2)
    expect(await world.realm.parked.list()).toEqual([])
    const marks = (await world.realm.operate.history('door/a', { limit: 10 })).flatMap(({ steps }) =>
      steps.map(({ mark }) => mark),
    )
    expect(marks.filter((mark) => mark === 'unhandled')).toHaveLength(2)
  })

  test('waits for a state that handles it, in its order, over a crash, under policy "defer"', async () => {
    await using world = await openStillWorld([doors({ unhandled: 'defer' })])
    for (const text of ['a', 'b', 'c']) await world.send('door/a', word(text))
    await world.crash()
    await world.start()
    expect(await got(world)).toEqual([])
    await world.send('door/a', { type: 'OPEN' })
    expect(await got(world)).toEqual(['a', 'b', 'c'])
    await world.send('door/a', { type: 'SHUT' })
    await world.send('door/a', word('d'))
    await world.send('door/a', { type: 'OPEN' })
    expect(await got(world)).toEqual(['a', 'b', 'c', 'd'])
    expect((await world.state('door/a'))?.book.deferred).toBeUndefined()
  })

  test('is parked once as many wait as may', async () => {
    await using world = await openStillWorld([doors({ unhandled: 'defer', deferLimit: 2 })])
    for (const text of ['a', 'b', 'c', 'd']) await world.send('door/a', word(text))
    const parked = await world.realm.parked.list()
    expect(parked.map(({ event, fault }) => [event, fault.code])).toEqual([
      [word('c'), 'event.deferredTooMany'],
      [word('d'), 'event.deferredTooMany'],
    ])
    await world.send('door/a', { type: 'OPEN' })
    for (const { place } of parked) await world.realm.parked.replay(place)
    await world.settle()
    expect(await got(world)).toEqual(['a', 'b', 'c', 'd'])
    expect(await world.realm.parked.list()).toEqual([])
  })

  test('what waited is answered to who asked it, not to who freed it', async () => {
    await using world = await openStillWorld([doors({ unhandled: 'defer' })])
    const first = world.realm.at('door/a').ask({ type: 'ASK' }, { timeoutMs: 10_000 })
    await world.settle()
    await world.send('door/a', { type: 'OPEN' })
    expect(await first).toBe(0)
  })

  test('one that waited and makes the machine throw is parked alone, and blocks nobody', async () => {
    await using world = await openStillWorld([doors({ unhandled: 'defer' })])
    for (const one of [word('a'), { type: 'BAD' }, word('b'), { type: 'OPEN' }]) await world.send('door/a', one)
    expect(await got(world)).toEqual(['a', 'b'])
    expect((await world.realm.parked.list()).map(({ event }) => event)).toEqual([{ type: 'BAD' }])
  })

  test('what still waits when its actor ends is parked', async () => {
    await using world = await openStillWorld([doors({ unhandled: 'defer' })])
    await world.send('door/a', word('a'))
    await world.realm.operate.stop('door/a')
    await world.settle()
    expect((await world.realm.parked.list()).map(({ event, fault }) => [event, fault.code])).toEqual([
      [word('a'), 'actor.done'],
    ])
  })

  test('is set aside under policy "park", and taken when replayed', async () => {
    await using world = await openStillWorld([doors({ unhandled: 'park' })])
    await world.send('door/a', word('a'))
    const [parked] = await world.realm.parked.list({ code: 'event.unhandled' })
    expect(parked).toMatchObject({ address: 'door/a', event: word('a') })
    await world.send('door/a', { type: 'OPEN' })
    await world.realm.parked.replay(parked?.place ?? 0, word('mended'))
    await world.settle()
    expect(await got(world)).toEqual(['mended'])
  })

  test('is a failure of the machine under policy "fail"', async () => {
    await using world = await openStillWorld([doors({ unhandled: 'fail', supervision: { strategy: 'stop' } })])
    await world.send('door/a', word('a'))
    expect((await world.state('door/a'))?.snapshot).toMatchObject({
      status: 'error',
      error: { code: 'event.unhandled' },
    })
  })

  test('a question that no state handles is refused at once', async () => {
    await using world = await openStillWorld([doors()])
    await expect(world.realm.at('door/a').ask({ type: 'ASK' }, { timeoutMs: 10_000 })).rejects.toMatchObject({
      code: 'ask.refused',
      message: expect.stringContaining('ASK'),
    })
  })
})

describe('what cannot be taken is parked with its fault, and harms nobody', () => {
  const schemas: readonly (readonly [string, NonNullable<KindOptions['schema']>])[] = [
    ['zod', { WORD: z.object({ type: z.literal('WORD'), word: z.string().max(5) }) }],
    ['valibot', { WORD: v.object({ type: v.literal('WORD'), word: v.pipe(v.string(), v.maxLength(5)) }) }],
    ['arktype', { WORD: type({ type: "'WORD'", word: 'string <= 5' }) }],
    [
      'one for all',
      z.discriminatedUnion('type', [
        z.object({ type: z.literal('WORD'), word: z.string().max(5) }),
        z.object({ type: z.literal('OPEN') }),
      ]),
    ],
  ]
  test.each(schemas)('an event that fails its schema (%s), whatever the supervision', async (_, schema) => {
    await using world = await openStillWorld([doors({ schema, supervision: { strategy: 'stop' } })])
    await world.send('door/a', word('far too long'))
    expect(await world.state('door/a')).toBeUndefined()
    await world.send('door/a', { type: 'OPEN' })
    await world.send('door/a', { type: 'WORD', word: 7 })
    await world.send('door/a', word('fine'))
    expect(await got(world)).toEqual(['fine'])
    const parked = await world.realm.parked.list()
    expect(parked.map(({ fault }) => fault.code)).toEqual(['event.invalid', 'event.invalid'])
    expect(parked[0]?.fault.message).toContain('word')
    expect((await world.state('door/a'))?.snapshot.status).toBe('active')
  })

  test('a payload that nobody can read keeps its bytes and can be replayed with another event', async () => {
    await using world = await openStillWorld([doors()])
    await world.send('door/a', { type: 'OPEN' })
    const bytes = new TextEncoder().encode('{"type": "WORD", "word": oops}')
    world.log.publish('shop.to.door.a', bytes)
    world.log.publish('shop.to.door.a', new TextEncoder().encode('[]'))
    world.log.publish('shop.to.door.a', encode({ type: 'xstate.done.actor.x' }))
    await world.settle()
    const parked = await world.realm.parked.list()
    expect(parked.map(({ fault }) => fault.code)).toEqual(['envelope.undecodable', 'event.untyped', 'event.reserved'])
    expect(Buffer.from(parked[0]?.raw ?? []).toString()).toBe(Buffer.from(bytes).toString())
    await expect(world.realm.parked.replay(parked[0]?.place ?? 0)).rejects.toMatchObject({ code: 'parked.eventless' })
    await world.realm.parked.replay(parked[0]?.place ?? 0, word('mended'))
    await world.realm.parked.drop(parked[1]?.place ?? 0)
    await world.settle()
    expect(await got(world)).toEqual(['mended'])
    expect(await world.realm.parked.list()).toHaveLength(1)
  })

  test('an event for a kind that nobody serves', async () => {
    await using world = await openStillWorld([doors()])
    await world.send('window/a', { type: 'OPEN' })
    expect(await world.realm.parked.list()).toMatchObject([
      { address: 'window/a', fault: { code: 'kind.unknown', message: expect.stringContaining('door') } },
    ])
  })

  test('an event over the limit is refused at its sender, with the limit and the remedy', async () => {
    const sender = setup({}).createMachine({
      on: { GO: { actions: [sendTo(({ self }) => self, { type: 'HUGE', text: 'x'.repeat(700_000) })] } },
    })
    await using world = await openStillWorld([doors(), actor('sender', sender)])
    await expect(world.realm.send('door/a', word('x'.repeat(2_000_000)))).rejects.toMatchObject({
      code: 'event.tooBig',
      message: expect.stringMatching(/limit is \d+.*max_payload/),
    })
    await world.send('sender/a', { type: 'GO' })
    expect(await world.realm.parked.list()).toMatchObject([
      { address: 'sender/a', event: { type: 'GO' }, fault: { code: 'event.tooBig' } },
    ])
  })
})

describe('a machine that throws', () => {
  const policy = (supervision: SupervisionPolicy) => doors({ supervision })
  const poison = async (world: StillWorld): Promise<void> => {
    for (const one of [{ type: 'OPEN' }, word('a'), { type: 'BAD' }, word('b')]) await world.send('door/a', one)
  }

  test('under "resume" goes on from its untouched state; the envelope is parked with the stack', async () => {
    await using world = await openStillWorld([policy({ strategy: 'resume' })])
    await poison(world)
    expect(await got(world)).toEqual(['a', 'b'])
    const [parked] = await world.realm.parked.list()
    expect(parked).toMatchObject({
      event: { type: 'BAD' },
      fault: {
        code: 'actor.threw',
        message: expect.stringContaining('bad word'),
        stack: expect.stringContaining('law-unhandled'),
      },
    })
  })

  test('under "restart" begins again, and ends when it throws too often in a period', async () => {
    await using world = await openStillWorld([policy({ strategy: 'restart', intensity: 2, periodMs: 1000 })])
    await poison(world)
    expect((await world.state('door/a'))?.snapshot).toMatchObject({ status: 'active', value: 'shut' })
    expect(await got(world)).toEqual([])
    const again = async (): Promise<void> => {
      await world.send('door/a', { type: 'OPEN' })
      await world.send('door/a', { type: 'BAD' })
    }
    await again()
    expect((await world.state('door/a'))?.snapshot.status).toBe('active')
    await world.pass(1001)
    await again()
    await again()
    expect((await world.state('door/a'))?.snapshot.status).toBe('active')
    await again()
    expect((await world.state('door/a'))?.snapshot).toMatchObject({ status: 'error', error: { message: 'bad word' } })
    expect(await world.realm.parked.list()).toHaveLength(5)
  })

  test.each(['stop', 'escalate'] as const)(
    'under "%s" is in error for good, and those who ask are told',
    async (strategy) => {
      await using world = await openStillWorld([policy({ strategy })])
      const asked = world.realm.at('door/a').ask({ type: 'BAD' }, { timeoutMs: 10_000 })
      const refused = asked.catch((error: unknown) => error)
      await world.settle()
      await world.send('door/a', { type: 'OPEN' })
      expect(await refused).toMatchObject({ code: 'ask.refused' })
      await poison(world)
      expect((await world.state('door/a'))?.snapshot).toMatchObject({
        status: 'error',
        error: { name: 'RangeError', message: 'bad word' },
      })
      expect(world.traced('actor.log').some(({ label }) => label === 'escalated')).toBe(strategy === 'escalate')
    },
  )
})
