import { assign, setup } from 'xstate'
import { describe, expect, test } from 'vitest'
import { actor } from '#protocol/actor.ts'
import { openStillWorld } from '#test/support/still-world.ts'

const job = setup({ types: { context: {} as { n: number } } }).createMachine({
  context: { n: 0 },
  on: { UP: { actions: assign({ n: ({ context }) => context.n + 1 }) } },
})
const jobs = actor('job', job)

describe('a new definition', () => {
  const first = setup({ types: { context: {} as { cents: number } } }).createMachine({
    id: 'purse',
    context: { cents: 0 },
    initial: 'open',
    states: {
      open: { on: { PAY: { actions: assign({ cents: ({ context }) => context.cents + 100 }) }, SHUT: 'shut' } },
      shut: { on: { OPEN: 'open' } },
    },
  })
  const second = setup({ types: { context: {} as { euros: number } } }).createMachine({
    id: 'purse',
    context: { euros: 0 },
    initial: 'open',
    states: { open: { on: { PAY: { actions: assign({ euros: ({ context }) => context.euros + 1 }) } } } },
  })
  const migrate = {
    1: (state: { snapshot: { context: unknown } }) =>
      ({
        ...state,
        snapshot: { ...state.snapshot, context: { euros: (state.snapshot.context as { cents: number }).cents / 100 } },
      }) as never,
  }

  test('takes stored actors through its migrate steps; who does not fit is set aside alone, whole, and can be helped later', async () => {
    await using world = await openStillWorld([actor('purse', first), jobs])
    for (const key of ['a', 'b']) await world.send(`purse/${key}`, { type: 'PAY' })
    await world.send('purse/b', { type: 'SHUT' })
    await world.send('job/j', { type: 'UP' })
    await world.crash()
    await world.start([actor('purse', second, { version: 2, migrate }), jobs])
    for (const address of ['purse/a', 'purse/b']) await world.send(address, { type: 'PAY' })
    await world.send('job/j', { type: 'UP' })
    expect((await world.state('purse/a'))?.snapshot.context).toEqual({ euros: 2 })
    expect((await world.state('job/j'))?.snapshot.context).toEqual({ n: 2 })
    expect(await world.realm.parked.list()).toMatchObject([
      { address: 'purse/b', event: { type: 'PAY' }, fault: { code: 'actor.unmigrated' } },
    ])
    expect((await world.state('purse/b'))?.snapshot).toMatchObject({ value: 'shut', context: { cents: 100 } })
    await world.crash()
    const helped = {
      1: (state: { snapshot: { context: unknown; value: unknown } }) => {
        const at = migrate[1](state) as unknown as { snapshot: { value: unknown } }
        return { ...at, snapshot: { ...at.snapshot, value: 'open' } } as never
      },
    }
    await world.start([actor('purse', second, { version: 2, migrate: helped }), jobs])
    const [parked] = await world.realm.parked.list()
    await world.realm.parked.replay(parked?.place ?? 0)
    await world.settle()
    expect((await world.state('purse/b'))?.snapshot).toMatchObject({ value: 'open', context: { euros: 2 } })
  })

  test('wakes the timers of an actor that fits again, however late they are', async () => {
    const before = setup({ delays: { patience: 10_000 } }).createMachine({
      id: 'purse',
      initial: 'old',
      states: { old: { after: { patience: 'over' } }, over: {} },
    })
    const after = setup({ delays: { patience: 10_000 } }).createMachine({
      id: 'purse',
      initial: 'young',
      states: { young: { after: { patience: 'over' } }, over: {} },
    })
    await using world = await openStillWorld([actor('purse', before)])
    await world.realm.start('purse', 'a', { input: undefined })
    await world.pass(1000)
    await world.crash()
    await world.start([actor('purse', after, { version: 2 })])
    await world.send('purse/a', { type: 'ANY' })
    await world.pass(60_000)
    expect((await world.state('purse/a'))?.snapshot.value).toBe('old')
    await world.crash()
    await world.start([actor('purse', before, { version: 3 })])
    await world.pass(1)
    expect((await world.state('purse/a'))?.snapshot.value).toBe('over')
  })

  test('that would strand stored actors is refused under an unchanged version', async () => {
    await using world = await openStillWorld([actor('purse', first)])
    await world.send('purse/a', { type: 'PAY' })
    await world.crash()
    await expect(world.start([actor('purse', second)])).rejects.toMatchObject({
      code: 'kind.changed',
      message: expect.stringContaining('shut'),
    })
    await world.start([actor('purse', first)])
  })

  test('of a kind that is new serves at once on a running node [NM1]', async () => {
    await using world = await openStillWorld([jobs])
    await world.send('purse/a', { type: 'PAY' })
    await world.node.register(actor('purse', first))
    await world.send('purse/a', { type: 'PAY' })
    const [parked] = await world.realm.parked.list({ code: 'kind.unknown' })
    await world.realm.parked.replay(parked?.place ?? 0)
    for (let n = 0; n < 20; n++) await world.realm.send(`purse/n${n}`, { type: 'PAY' })
    await world.settle()
    expect((await world.state('purse/a'))?.snapshot.context).toEqual({ cents: 200 })
    for (let n = 0; n < 20; n++) expect((await world.state(`purse/n${n}`))?.snapshot.context).toEqual({ cents: 100 })
  })
})
