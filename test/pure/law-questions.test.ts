/** Questions that nobody answers: their number and their time have an end, and who asked is told. */
import { assign, setup } from 'xstate'
import { describe, expect, test } from 'vitest'
import { actor } from '#protocol/actor.ts'
import { encodeOutside, type OutsideNote } from '#protocol/outside.ts'
import { decodeAnswer } from '#protocol/answer.ts'
import { reply } from '#runtime/core/actions.ts'
import { openStillWorld, type StillWorld } from '#test/support/still-world.ts'

type Events = { type: 'ASK' } | { type: 'LATE' } | { type: 'ADD' }

const mute = actor(
  'mute',
  setup({ types: { context: {} as { n: number }, events: {} as Events } }).createMachine({
    context: { n: 0 },
    on: {
      ASK: { actions: assign({ n: ({ context }) => context.n + 1 }) },
      ADD: { actions: assign({ n: ({ context }) => context.n + 1 }) },
      LATE: { actions: reply('late') },
    },
  }),
)

const options = { asksMost: 3, askLateMs: 5000, askMostMs: 60_000 }
const openWorld = () => openStillWorld([mute], { partitions: 1, options })

async function ask(world: StillWorld, id: string, note: OutsideNote = {}): Promise<void> {
  world.log.publish(
    'shop.to.mute.a',
    encodeOutside({ type: 'ASK' }, { client: 'desk', ask: id, deadline: world.clock.now() + 1000, ...note }),
  )
  await world.settle()
}

const asksOf = async (world: StillWorld) => (await world.state('mute/a'))?.book.asks?.map(({ id }) => id)
const countOf = async (world: StillWorld) =>
  ((await world.state('mute/a'))?.snapshot.context as { n: number } | undefined)?.n
const answersOf = (world: StillWorld) =>
  world.log.entries().flatMap(({ subject, data }) => {
    const [, area, , id] = subject.split('.')
    if (area !== 're') return []
    const answer = decodeAnswer(data)
    return [[id, answer.is === 'value' ? answer.value : answer.fault.code]]
  })

describe('questions without an answer', () => {
  test('are forgotten after their time, though nothing else happens, also by an owner that comes later', async () => {
    await using world = await openWorld()
    await ask(world, 'q1')
    await ask(world, 'q2', { deadline: world.clock.now() + 3000 })
    expect(await asksOf(world)).toEqual(['q1', 'q2'])
    await world.pass(5999)
    expect(await asksOf(world)).toEqual(['q1', 'q2'])
    await world.pass(1)
    expect(await asksOf(world)).toEqual(['q2'])
    await world.crash()
    await world.start()
    await world.pass(2000)
    expect(await asksOf(world)).toBeUndefined()
    expect(await countOf(world)).toBe(2)
  })

  test('past the limit are refused to who asks, and parked; the others keep theirs', async () => {
    await using world = await openWorld()
    for (const id of ['q1', 'q2', 'q3', 'q4', 'q2']) await ask(world, id)
    expect(await asksOf(world)).toEqual(['q1', 'q3', 'q2'])
    expect(answersOf(world)).toEqual([['q4', 'ask.tooMany']])
    expect((await world.realm.parked.list()).map(({ fault }) => fault.code)).toEqual(['ask.tooMany'])
    expect(await countOf(world)).toBe(4)
    await world.send('mute/a', { type: 'ADD' })
    expect(await countOf(world)).toBe(5)
  })

  test('make room for a new one once nobody waits for them', async () => {
    await using world = await openWorld()
    for (const id of ['q1', 'q2', 'q3']) await ask(world, id)
    await world.pass(1001)
    await ask(world, 'q4')
    expect(await asksOf(world)).toEqual(['q4'])
    expect(answersOf(world)).toEqual([])
  })

  test('are answered for a while after their deadline, those that somebody waits for first', async () => {
    await using world = await openWorld()
    await ask(world, 'q1')
    await world.pass(2000)
    await ask(world, 'q2')
    for (let n = 0; n < 3; n++) await world.send('mute/a', { type: 'LATE' })
    expect(answersOf(world)).toEqual([
      ['q2', 'late'],
      ['q1', 'late'],
    ])
  })

  test('are withdrawn and forgotten each by itself: another client may use the same id', async () => {
    await using world = await openWorld()
    await ask(world, 'q1')
    await ask(world, 'q1', { client: 'other' })
    world.log.publish('shop.to.mute.a', encodeOutside(null, { client: 'other', cancel: 'q1' }))
    await world.settle()
    expect((await world.state('mute/a'))?.book.asks?.map(({ to }) => to)).toEqual(['desk'])
  })
})

test.each([
  [Number.NaN, 'ask.deadlineInvalid'],
  [Number.POSITIVE_INFINITY, 'ask.deadlineInvalid'],
  [-5, 'ask.deadlineInvalid'],
  [0, 'ask.deadlineInvalid'],
  ['soon' as unknown as number, 'ask.deadlineInvalid'],
  [1e308, 'ask.deadlineTooFar'],
  [Number.MAX_SAFE_INTEGER, 'ask.deadlineTooFar'],
])('a question with the deadline %s is refused to who asks, and parked (%s)', async (deadline, code) => {
  await using world = await openWorld()
  await ask(world, 'q1', { deadline })
  expect(answersOf(world)).toEqual([['q1', code]])
  expect((await world.realm.parked.list()).map(({ fault }) => fault.code)).toEqual([code])
  await ask(world, 'q2')
  expect([await asksOf(world), await countOf(world)]).toEqual([['q2'], 1])
})

test('a question to a kind that nobody serves, or in an event that is refused, is answered with the reason', async () => {
  await using world = await openWorld()
  const note = { client: 'desk', deadline: world.clock.now() + 1000 }
  world.log.publish('shop.to.ghost.a', encodeOutside({ type: 'ASK' }, { ...note, ask: 'q1' }))
  world.log.publish('shop.to.mute.a', encodeOutside({ type: 'xstate.forged' }, { ...note, ask: 'q2' }))
  await world.settle()
  expect(answersOf(world)).toEqual([
    ['q1', 'kind.unknown'],
    ['q2', 'event.reserved'],
  ])
})
