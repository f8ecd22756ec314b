import { assign, emit, setup } from 'xstate'
import { expect, test } from 'vitest'
import { actor } from '#protocol/actor.ts'
import { parseStored } from '#protocol/subject.ts'
import { decodeEnvelope } from '#protocol/envelope.ts'
import { decodeRecord, type CommitRecord } from '#protocol/record.ts'
import { subscribe, unsubscribe } from '#runtime/core/actions.ts'
import { openStillWorld, type StillWorld } from '#test/support/still-world.ts'

const speaker = setup({ types: { context: {} as { n: number } } }).createMachine({
  context: { n: 0 },
  on: {
    SAY: {
      actions: [
        assign({ n: ({ context }) => context.n + 1 }),
        emit(({ context, event }) => ({ type: (event as unknown as { about: string }).about, n: context.n })),
      ],
    },
  },
})
const speakers = actor('speaker', speaker)

type Listening =
  | { type: 'LISTEN' | 'LEAVE'; pattern: string; from?: 'start' }
  | { type: 'news' | 'gossip'; origin: string; n: number }

const patternOf = (event: Listening): string => ('pattern' in event ? event.pattern : '')

const listener = setup({ types: { context: {} as { heard: unknown[] }, events: {} as Listening } }).createMachine({
  context: { heard: [] },
  on: {
    LISTEN: [
      {
        guard: ({ event }) => event.from === 'start',
        actions: subscribe(({ event }) => patternOf(event), { from: 'start' }),
      },
      { actions: subscribe(({ event }) => patternOf(event)) },
    ],
    LEAVE: { actions: unsubscribe(({ event }) => patternOf(event)) },
    '*': {
      actions: assign({
        heard: ({ context, event }) => [
          ...context.heard,
          'origin' in event ? [event.origin, event.type, event.n] : event,
        ],
      }),
    },
  },
})
const listeners = actor('listener', listener)

type World = StillWorld

const heard = async (world: World, key = 'a'): Promise<unknown[]> =>
  ((await world.state(`listener/${key}`))?.snapshot.context as { heard: unknown[] } | undefined)?.heard ?? []
const say = (world: World, about: string, key = 's'): Promise<void> =>
  world.send(`speaker/${key}`, { type: 'SAY', about })

test('a subscription begins now, or at the beginning, and late joiners hear what was said before [NM14]', async () => {
  await using world = await openStillWorld([speakers, listeners])
  await say(world, 'news')
  await world.send('listener/now', { type: 'LISTEN', pattern: 'speaker.*.news' })
  await world.send('listener/all', { type: 'LISTEN', pattern: 'speaker.*.news', from: 'start' })
  await say(world, 'news')
  expect(await heard(world, 'now')).toEqual([['speaker/s', 'news', 2]])
  expect(await heard(world, 'all')).toEqual([
    ['speaker/s', 'news', 1],
    ['speaker/s', 'news', 2],
  ])
})

test('a subscription is part of the state: what is said while no node runs is heard after the restart, once [NM14]', async () => {
  await using world = await openStillWorld([speakers, listeners])
  await world.send('listener/a', { type: 'LISTEN', pattern: 'speaker.>' })
  await say(world, 'news')
  await world.crash()
  const missed = world.realm.send('speaker/s', { type: 'SAY', about: 'news' })
  await world.start()
  await missed
  await world.settle()
  for (let crash = 0; crash < 3; crash++) {
    await say(world, 'news')
    await world.crash()
    await world.start()
  }
  expect((await heard(world)).map((one) => (one as unknown[])[2])).toEqual([1, 2, 3, 4, 5])
})

test('patterns choose by kind, by key and by type, and asking twice does not make it come twice', async () => {
  await using world = await openStillWorld([speakers, listeners])
  const patterns = {
    kind: 'speaker.*.*',
    key: 'speaker.s.>',
    type: '*.*.news',
    deep: 'speaker.*.news.sport',
    none: 'singer.>',
  }
  for (const [key, pattern] of Object.entries(patterns)) {
    await world.send(`listener/${key}`, { type: 'LISTEN', pattern })
    await world.send(`listener/${key}`, { type: 'LISTEN', pattern, from: 'start' })
  }
  await say(world, 'news')
  await say(world, 'news.sport')
  await say(world, 'gossip', 't')
  const types = async (key: string) => (await heard(world, key)).map((one) => (one as unknown[])[1])
  expect(await types('kind')).toEqual(['news', 'gossip'])
  expect(await types('key')).toEqual(['news', 'news.sport'])
  expect(await types('type')).toEqual(['news'])
  expect(await types('deep')).toEqual(['news.sport'])
  expect(await types('none')).toEqual([])
})

test('who unsubscribes hears nothing more', async () => {
  await using world = await openStillWorld([speakers, listeners])
  await world.send('listener/a', { type: 'LISTEN', pattern: 'speaker.>' })
  await say(world, 'one')
  await world.send('listener/a', { type: 'LEAVE', pattern: 'speaker.>' })
  await say(world, 'two')
  await world.crash()
  await world.start()
  await say(world, 'three')
  expect((await heard(world)).map((one) => (one as unknown[])[1])).toEqual(['one'])
})

test('a pattern that means nothing is a fault with a sentence', async () => {
  await using world = await openStillWorld([speakers, listeners])
  await world.send('listener/a', { type: 'LISTEN', pattern: 'no good..pattern' })
  expect(await world.realm.parked.list()).toMatchObject([
    { fault: { code: 'pattern.invalid', message: expect.stringContaining('kind.key.type') } },
  ])
})

test('a topic has one order for all who listen, which a restart reads back unchanged [NM17]', async () => {
  await using world = await openStillWorld([speakers, listeners])
  for (const key of ['a', 'b', 'c']) await world.send(`listener/${key}`, { type: 'LISTEN', pattern: 'speaker.>' })
  for (let n = 0; n < 60; n++) void world.realm.send(`speaker/s${n % 7}`, { type: 'SAY', about: 'news' })
  await world.settle()
  const history = world.emitted().map(({ address, event }) => [address, event.type, event['n']])
  expect(history).toHaveLength(60)
  for (const key of ['a', 'b', 'c']) expect(await heard(world, key)).toEqual(history)
  await world.crash()
  await world.start()
  await world.send('listener/late', { type: 'LISTEN', pattern: 'speaker.>', from: 'start' })
  expect(await heard(world, 'late')).toEqual(history)
})

test('every envelope that was consumed has one note, and every state one record that made it [NM18]', async () => {
  await using world = await openStillWorld([speakers, listeners])
  await world.send('listener/a', { type: 'LISTEN', pattern: 'speaker.>' })
  for (let n = 0; n < 40; n++) {
    void world.realm.send(`speaker/s${n % 5}`, { type: 'SAY', about: 'news' })
    void world.realm.send(`speaker/s${n % 5}`, { type: 'NOTHING' })
    if (n === 20) {
      await world.crash()
      await world.start()
    }
  }
  world.log.publish('shop.to.speaker.s1', new TextEncoder().encode('garbage'))
  await world.settle()
  const records: CommitRecord[] = []
  const mail: number[] = []
  for (const { subject, seq, data } of world.log.entries()) {
    const stored = parseStored(subject)
    if (stored.is === 'commit') {
      const record = decodeRecord(data)
      if (record.is === 'commit') records.push(record)
    } else if (stored.is === 'in') {
      mail.push(seq)
      const inside = typeof stored.sender === 'number' ? decodeEnvelope(stored.address, data).record : undefined
      const record = inside === undefined ? undefined : decodeRecord(inside)
      if (record?.is === 'commit') records.push(record)
    }
  }
  const noted = records.flatMap(({ steps }) => steps.map(({ seq }) => seq)).filter((seq) => seq > 0)
  expect(noted.sort((a, b) => a - b)).toEqual(mail)
  // As many changes as steps that changed something: the counts of the actors themselves are the proof.
  for (const address of ['speaker/s0', 'speaker/s1', 'listener/a']) {
    const notes = (await world.realm.operate.history(address as never, { limit: 1000 })).flatMap(({ steps }) => steps)
    expect(notes).toHaveLength((await world.state(address))?.steps ?? -1)
  }
})
