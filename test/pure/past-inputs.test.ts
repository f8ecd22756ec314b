/** What an actor was given is on the record, and the machine it had makes the same of it again. */
import { expect, test } from 'vitest'
import { assign, emit, fromPromise, raise, sendParent, sendTo, setup, spawnChild } from 'xstate'
import { actor } from '#protocol/actor.ts'
import type { ActorKind } from '#protocol/actor.ts'
import type { DebugStep } from '#runtime/past/debug.ts'
import { inputLineOf, inputOfLine } from '#runtime/past/input-lines.ts'
import type { Input } from '#runtime/past/inputs.ts'
import { reply, subscribe, tell, watch } from '#runtime/core/actions.ts'
import { openTestRealm, type TestRealm } from '#runtime/test.ts'

type Event =
  | { readonly type: 'GO'; readonly by: number }
  | { readonly type: 'HEARD'; readonly n: number }
  | { readonly type: 'BACK' }
  | { readonly type: 'BREAK' }
  | { readonly type: 'LATER' }
  | { readonly type: 'NOTE' }

const helper = setup({}).createMachine({
  initial: 'busy',
  states: { busy: { after: { 500: 'over' } }, over: { type: 'final', entry: sendParent({ type: 'BACK' }) } },
})

/** Meets everything that an actor can be given. */
function workerOf(limit: number): ActorKind {
  const machine = setup({
    types: { context: {} as { n: number; heard: number[]; receipts: string[] }, events: {} as Event },
    actors: { helper, charge: fromPromise<string, number>(async ({ input }) => `receipt ${input}`) },
    actions: { note: () => undefined },
  }).createMachine({
    id: 'worker',
    context: { n: 0, heard: [], receipts: [] },
    entry: [subscribe('herald.*.HEARD'), watch('herald/a')],
    initial: 'idle',
    on: {
      HEARD: { actions: assign({ heard: ({ context, event }) => [...context.heard, event.n] }) },
      BREAK: {
        actions: assign(() => {
          throw new Error('broken')
        }),
      },
      NOTE: { actions: ['note', reply(({ context }) => context.n)] },
      'actor.ended': { actions: assign({ receipts: ({ context }) => [...context.receipts, 'ended'] }) },
    },
    states: {
      idle: {
        on: {
          GO: { target: 'charging', actions: assign({ n: ({ context, event }) => context.n + event.by }) },
        },
      },
      charging: {
        invoke: {
          src: 'charge',
          input: ({ context }) => context.n,
          onDone: {
            target: 'waiting',
            actions: assign({ receipts: ({ context, event }) => [...context.receipts, event.output] }),
          },
        },
      },
      waiting: {
        entry: raise({ type: 'LATER' }, { delay: 200, id: 'soon' }),
        invoke: { src: 'helper' },
        on: {
          LATER: { actions: [assign({ n: ({ context }) => context.n + 1 }), tell('herald/a', { type: 'SAY' })] },
          BACK: [{ guard: ({ context }) => context.n > limit, target: 'rich' }, { target: 'idle' }],
        },
      },
      rich: {},
    },
  })
  return actor('worker', machine, { version: 1, unhandled: 'defer' })
}

const herald = actor(
  'herald',
  setup({ types: { context: {} as { n: number }, events: {} as { type: 'SAY' } } }).createMachine({
    context: { n: 0 },
    on: {
      SAY: {
        actions: [
          assign({ n: ({ context }) => context.n + 1 }),
          emit(({ context }) => ({ type: 'HEARD', n: context.n })),
        ],
      },
    },
  }),
  { version: 1 },
)

const worker = workerOf(12)

async function busyRealm(): Promise<TestRealm> {
  const realm = await openTestRealm({ actors: [worker, herald] })
  for (let by = 1; by <= 5; by++) {
    await realm.send('worker/a', { type: 'GO', by })
    await realm.advance(300)
    await realm.send('herald/a', { type: 'SAY' })
    await realm.send('worker/a', { type: by % 2 === 0 ? 'BREAK' : 'NOTE' })
    if (by === 3) await realm.restart({ away: 1000 })
    await realm.advance(1000)
  }
  await realm.operate.delete('herald/a')
  await realm.settle()
  await realm.send('worker/a', { type: 'NOTE' })
  await realm.settle()
  return realm
}

async function all<T>(from: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = []
  for await (const one of from) found.push(one)
  return found
}

async function debugged(realm: TestRealm, options: Parameters<TestRealm['past']['debug']>[1]): Promise<DebugStep[]> {
  return await all(realm.past.debug('worker/a', options))
}

test('everything that an actor was given can be read, in order, whatever brought it', async () => {
  await using realm = await busyRealm()
  const inputs = await all(realm.past.inputs('worker/a'))
  expect(inputs.filter(({ arrival }) => arrival === undefined)).toEqual([])
  expect(new Set(inputs.map(({ arrival }) => arrival?.by))).toEqual(new Set(['envelope', 'timer', 'topic', 'settled']))
  const types = inputs.map(({ type }) => type)
  expect(types).toContain('perdure.effect')
  expect(types).toContain('actor.ended')
  expect(types.filter((type) => type === 'HEARD')).toHaveLength(
    realm.emitted('herald').filter(({ seq }) => seq > (inputs[0]?.record ?? 0)).length,
  )
  const steps = (await realm.operate.show('worker/a'))?.state.steps
  // What came too late is on the record as well, and changed nothing.
  expect(inputs.filter(({ mark }) => mark !== 'stale')).toHaveLength(steps ?? 0)
})

test('an input as a line of JSON gives the same input again', async () => {
  await using realm = await busyRealm()
  for (const input of await all(realm.past.inputs('worker/a'))) {
    const again = inputOfLine('worker/a', JSON.stringify(inputLineOf(input)))
    expect({ ...again, event: undefined }).toEqual({ ...input, event: undefined })
  }
})

test('the machine that it had makes of its inputs what the record says, commit by commit', async () => {
  await using realm = await busyRealm()
  const steps = await debugged(realm, { kind: worker })
  expect(steps.length).toBeGreaterThan(30)
  expect(steps.filter(({ record }) => record !== undefined)).toEqual([])
  expect(steps.at(-1)?.old?.context).toEqual((await realm.operate.show('worker/a'))?.state.snapshot.context)
})

test('a replay may begin anywhere, and ends where it is told to [U10]', async () => {
  await using realm = await busyRealm()
  const inputs = await all(realm.past.inputs('worker/a'))
  for (const at of [3, 9, 18]) {
    const { record = 0 } = inputs[at] ?? {}
    const stretch = { from: { seq: record }, until: { seq: inputs[at + 10]?.record ?? 0 } }
    const steps = await debugged(realm, { kind: worker, ...stretch })
    expect(steps.filter((one) => one.record !== undefined)).toEqual([])
    expect(steps[0]?.input.record).toBeGreaterThan(record)
    expect(steps.at(-1)?.input.record).toBe(stretch.until.seq)
  }
})

test('a changed machine goes the same way up to the step at which it decides otherwise', async () => {
  await using realm = await busyRealm()
  const steps = await debugged(realm, { kind: worker, changed: workerOf(3) })
  const first = steps.findIndex(({ isApart }) => isApart)
  expect(steps.map(({ isFirst }) => isFirst).indexOf(true)).toBe(first)
  expect(steps[first]).toMatchObject({ input: { type: 'BACK' }, old: { value: 'idle' }, new: { value: 'rich' } })
  // The effects of the changed one are answered from the record as well.
  expect(steps[first - 1]?.new?.context).toEqual(steps[first - 1]?.old?.context)
  expect(steps.filter(({ record }) => record !== undefined)).toEqual([])
})

test('inputs that were taken out or edited are replayed as they are', async () => {
  await using realm = await busyRealm()
  const inputs = await all(realm.past.inputs('worker/a'))
  const edited = inputs.flatMap((input): Input[] => {
    const line = inputLineOf(input)
    if (line.type === 'HEARD') return []
    if (line.type !== 'GO') return [input]
    const { exact: _, ...plain } = line
    return [inputOfLine('worker/a', JSON.stringify({ ...plain, event: { type: 'GO', by: 7 } }))]
  })
  const steps = await debugged(realm, { kind: worker, inputs: edited })
  expect(steps.at(-1)?.old?.context).toMatchObject({ heard: [] })
  expect(steps.find(({ input }) => input.type === 'GO')?.old?.context).toMatchObject({ n: 7 })
})

test('a machine that is another one than the actor had is found out', async () => {
  await using realm = await busyRealm()
  const steps = await debugged(realm, { kind: workerOf(3) })
  const [first] = steps.filter(({ record }) => record !== undefined)
  expect(first).toMatchObject({ old: { value: 'rich' }, record: { value: 'idle' } })
})

const looker = setup({
  types: { context: {} as { found: boolean }, events: {} as { type: 'LOOK' } },
}).createMachine({
  context: { found: false },
  on: { LOOK: { actions: assign({ found: ({ system }) => system.get('named') !== undefined }) } },
})

/** Holds a reference to what it spawned and gave a name. */
const family = actor(
  'family',
  setup({
    types: { context: {} as { known: unknown }, events: {} as { type: 'LOOK' } },
    actors: { looker, helper },
  }).createMachine({
    context: { known: undefined },
    entry: [
      spawnChild('looker', { id: 'looker' }),
      spawnChild('helper', { id: 'helper', systemId: 'named' }),
      assign({ known: ({ system }) => system.get('named') as unknown }),
    ],
    on: { LOOK: { actions: sendTo('looker', { type: 'LOOK' }) } },
  }),
  { version: 1 },
)

test('a child finds the names of its family again, and who is born again under a key has other children', async () => {
  await using realm = await openTestRealm({ actors: [family] })
  for (let life = 0; life < 2; life++) {
    await realm.send('family/a', { type: 'LOOK' })
    await realm.settle()
    for await (const { address, state } of realm.operate.list()) {
      if (address.includes('looker')) expect(state.snapshot.context).toEqual({ found: true })
      const steps = await all(realm.past.debug(address, { kind: family }))
      expect(steps.filter(({ record }) => record !== undefined)).toEqual([])
    }
    if (life === 0) await realm.operate.delete('family/a')
    await realm.settle()
  }
})
