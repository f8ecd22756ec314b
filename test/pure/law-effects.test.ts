import { assign, fromCallback, fromPromise, sendTo, setup } from 'xstate'
import { expect, test } from 'vitest'
import { actor, type KindOptions } from '#protocol/actor.ts'
import { openStillWorld, type StillWorld } from '#test/support/still-world.ts'
import { failGate, gate, note, notes, openGate, resetGates } from '#test/support/gates.ts'

type Ctx = { heard: string[] }

/** Calls what is behind the gate of its key; tells of its abortion. */
const calling = setup({
  types: {
    context: {} as Ctx,
    input: {} as { key: string } | undefined,
    events: {} as { type: 'GO' | 'LEAVE' | 'ASK'; key?: string },
  },
  actors: {
    call: fromPromise(async ({ input, signal }: { input: { key: string }; signal: AbortSignal }) => {
      note(`begun ${input.key}`)
      signal.addEventListener('abort', () => note(`aborted ${input.key}`))
      return await gate(input.key)
    }),
  },
  actions: { hear: assign({ heard: ({ context }, word: string) => [...context.heard, word] }) },
}).createMachine({
  context: { heard: [] },
  initial: 'idle',
  states: {
    idle: {},
    calling: {
      invoke: {
        id: 'call',
        src: 'call',
        input: ({ event }) => ({ key: (event as { key?: string }).key ?? 'gate' }),
        onDone: { target: 'idle', actions: { type: 'hear', params: ({ event }) => `done ${String(event.output)}` } },
        onError: {
          target: 'idle',
          actions: {
            type: 'hear',
            params: ({ event }) =>
              `${(event.error as { code?: string }).code ?? 'error'}: ${(event.error as Error).message}`,
          },
        },
      },
      on: { LEAVE: 'idle' },
    },
  },
  on: { GO: '.calling', ASK: '.calling' },
})

const kindOf = (options: KindOptions = {}) => actor('caller', calling, options)

async function heard(world: StillWorld, key = 'a'): Promise<unknown> {
  return ((await world.state(`caller/${key}`))?.snapshot.context as Ctx | undefined)?.heard
}

test('an effect is on the log before it runs', async () => {
  resetGates()
  let recorded = 0
  await using world = await openStillWorld([
    actor(
      'early',
      setup({
        actors: {
          look: fromPromise(async () => {
            recorded = world.log
              .entries()
              .filter(({ subject, seq }) => subject.startsWith('shop.commit.') && seq > 5).length
          }),
        },
      }).createMachine({ invoke: { src: 'look' } }),
    ),
  ])
  await world.realm.start('early', 'a', { input: undefined })
  await world.settle()
  expect(recorded).toBe(1)
})

test('attempts are repeated with a pause that doubles up to its limit, and then the error is heard', async () => {
  resetGates()
  await using world = await openStillWorld([
    kindOf({ effects: { call: { attempts: 4, backoffMs: 100, backoffMaxMs: 250 } } }),
  ])
  failGate('gate', Object.assign(new Error('busy'), { code: 'EBUSY' }))
  await world.send('caller/a', { type: 'GO' })
  const begun = () => notes().filter((one) => one === 'begun gate').length
  expect(begun()).toBe(1)
  for (const [ms, count] of [
    [99, 1],
    [1, 2],
    [199, 2],
    [1, 3],
    [249, 3],
  ] as const) {
    await world.pass(ms)
    expect(begun()).toBe(count)
  }
  expect(await heard(world)).toEqual([])
  await world.pass(1)
  expect(begun()).toBe(4)
  expect(await heard(world)).toEqual(['EBUSY: busy'])
  expect((await world.state('caller/a'))?.book.effects).toBeUndefined()
})

test('the pause between two attempts survives a crash, and so does their count', async () => {
  resetGates()
  await using world = await openStillWorld([kindOf({ effects: { call: { attempts: 3, backoffMs: 1000 } } })])
  failGate('gate', new Error('busy'))
  await world.send('caller/a', { type: 'GO' })
  await world.crash()
  await world.start()
  await world.pass(999)
  expect(notes()).toHaveLength(1)
  await world.pass(1)
  expect(notes()).toHaveLength(2)
  expect(await heard(world)).toEqual([])
  await world.pass(2000)
  expect(notes()).toHaveLength(3)
  expect(await heard(world)).toEqual(['error: busy'])
})

test('a deadline ends all attempts: the running one is aborted and the machine hears of it', async () => {
  resetGates()
  await using world = await openStillWorld([kindOf({ effects: { call: { attempts: 9, deadlineMs: 500 } } })])
  await world.send('caller/a', { type: 'GO' })
  await world.pass(499)
  expect(notes()).toEqual(['begun gate'])
  await world.pass(1)
  expect(notes()).toEqual(['begun gate', 'aborted gate'])
  expect(await heard(world)).toEqual([expect.stringMatching(/^effect.deadline: .*500 ms/)])
})

test('leaving the state aborts its effect, and what comes of it afterwards counts for nothing', async () => {
  resetGates()
  await using world = await openStillWorld([kindOf()])
  await world.send('caller/a', { type: 'GO' })
  await world.send('caller/a', { type: 'LEAVE' })
  expect(notes()).toEqual(['begun gate', 'aborted gate'])
  openGate('gate', 1)
  await world.settle()
  expect(await heard(world)).toEqual([])
  expect(world.node.health().effects).toBe(0)
})

test.each([
  ['again', ['begun gate', 'begun gate'], ['done 5']],
  ['fail', ['begun gate'], [expect.stringMatching(/^effect.unknown/)]],
  [
    async ({ attempt }: { attempt: number }) => ({ is: 'done' as const, output: `looked up at attempt ${attempt}` }),
    ['begun gate'],
    ['done looked up at attempt 1'],
  ],
  [
    async () => {
      throw new Error('nobody knows')
    },
    ['begun gate'],
    ['error: nobody knows'],
  ],
] as const)('an effect whose process died is treated as its kind says (%#)', async (unknown, ran, told) => {
  resetGates()
  await using world = await openStillWorld([kindOf({ effects: { call: { unknown } } })])
  await world.send('caller/a', { type: 'GO' })
  await world.crash()
  await world.start()
  openGate('gate', 5)
  await world.settle()
  expect(notes().filter((one) => String(one).startsWith('begun'))).toEqual(ran)
  expect(await heard(world)).toEqual(told)
})

test('an effect that asks a person waits for the answer over any number of crashes, and takes it once', async () => {
  resetGates()
  await using world = await openStillWorld([kindOf({ effects: { call: { unknown: 'ask' } } })])
  await world.send('caller/a', { type: 'GO' })
  for (let crash = 0; crash < 3; crash++) {
    await world.crash()
    await world.start()
  }
  expect(notes()).toEqual(['begun gate', 'aborted gate'])
  expect(world.traced('effect.waits')).toHaveLength(3)
  const [id = ''] = Object.keys((await world.state('caller/a'))?.book.effects ?? {})
  await world.realm.operate.resolveEffect('caller/a', id, { is: 'done', output: 'by hand' })
  await world.realm.operate.resolveEffect('caller/a', id, { is: 'done', output: 'twice' })
  await world.settle()
  expect(await heard(world)).toEqual(['done by hand'])
})

test('no more effects of a kind run at once than its limit says, and none is forgotten', async () => {
  resetGates()
  await using world = await openStillWorld([kindOf({ effectLimit: 3 })])
  for (let n = 0; n < 8; n++) await world.realm.send(`caller/c${n}`, { type: 'GO', key: `g${n}` })
  await world.settle()
  expect(notes()).toHaveLength(3)
  for (let n = 0; n < 8; n++) {
    openGate(String(notes()[n]).slice(6), n)
    await world.settle()
    expect(notes()).toHaveLength(Math.min(8, n + 4))
  }
  for (let n = 0; n < 8; n++) expect(await heard(world, `c${n}`)).toHaveLength(1)
})

test('an effect that its kind does not declare never runs, and the machine hears that it was refused [N4]', async () => {
  resetGates()
  await using world = await openStillWorld([kindOf({ effects: ['other'] })])
  await world.send('caller/a', { type: 'GO' })
  expect(notes()).toEqual([])
  expect(await heard(world)).toEqual([
    expect.stringMatching(/^effect.undeclared: The kind "caller" does not declare the effect "call"/),
  ])
  expect(world.traced('effect.ended')).toMatchObject([{ name: 'call', outcome: 'refused' }])
})

test('a named action that its kind does not declare never runs, and the machine hears that it was refused [N4]', async () => {
  resetGates()
  const machine = setup({
    types: { context: {} as { why: unknown } },
    actions: { wipe: () => note('wiped'), greet: () => note('greeted') },
  }).createMachine({
    context: { why: null },
    on: {
      GO: { actions: ['greet', 'wipe'] },
      'effect.failed': {
        actions: assign({ why: ({ event }) => [event['effect'], (event['error'] as { code: string }).code] }),
      },
    },
  })
  await using world = await openStillWorld([actor('tidy', machine, { effects: ['greet'] })])
  await world.send('tidy/a', { type: 'GO' })
  expect(notes()).toEqual(['greeted'])
  expect((await world.state('tidy/a'))?.snapshot.context).toEqual({ why: ['wipe', 'effect.undeclared'] })
})

test('the deadline of a question ends the effect that was begun for it', async () => {
  resetGates()
  await using world = await openStillWorld([kindOf()])
  const asked = world.realm.at('caller/a').ask({ type: 'ASK' }, { timeoutMs: 2000 })
  const refused = asked.catch((error: unknown) => error)
  await world.settle()
  expect(notes()).toEqual(['begun gate'])
  await world.pass(2000)
  expect(await refused).toMatchObject({ code: 'ask.deadline' })
  expect(notes()).toEqual(['begun gate', 'aborted gate'])
})

test('who asks no longer takes back what runs for the question', async () => {
  resetGates()
  await using world = await openStillWorld([kindOf()])
  const controller = new AbortController()
  const asked = world.realm.at('caller/a').ask({ type: 'ASK' }, { timeoutMs: 60_000, signal: controller.signal })
  const refused = asked.catch((error: unknown) => error)
  await world.settle()
  controller.abort(new Error('never mind'))
  expect(await refused).toMatchObject({ message: 'never mind' })
  await world.settle()
  expect(notes()).toEqual(['begun gate', 'aborted gate'])
  expect(await heard(world)).toEqual([expect.stringMatching(/^ask.cancelled/)])
})

test('an event for a callback that waits for its place is kept for it', async () => {
  resetGates()
  const machine = setup({
    actors: {
      echo: fromCallback(({ receive }) => receive((event) => note(event.type))),
      long: fromPromise(() => gate('long')),
    },
  }).createMachine({
    invoke: [
      { id: 'long', src: 'long' },
      { id: 'echo', src: 'echo' },
    ],
    on: { SAY: { actions: sendTo('echo', { type: 'HELLO' }) } },
  })
  await using world = await openStillWorld([actor('echo', machine, { effectLimit: 1 })])
  await world.send('echo/a', { type: 'SAY' })
  expect(notes()).toEqual([])
  openGate('long', 1)
  await world.settle()
  expect(notes()).toEqual(['HELLO'])
})
