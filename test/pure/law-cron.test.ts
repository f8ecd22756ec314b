import { assign, setup } from 'xstate'
import { expect, test } from 'vitest'
import { actor, type CronPolicy } from '#protocol/actor.ts'
import { cronNext } from '#runtime/core/cron.ts'
import { openStillWorld, overHours, type StillWorld } from '#test/support/still-world.ts'

const hourMs = 3_600_000

const clockwork = setup({
  types: { context: {} as { at: string[] }, events: {} as { type: 'TICK'; at: number } },
}).createMachine({
  context: { at: [] },
  on: {
    TICK: {
      actions: assign({ at: ({ context, event }) => [...context.at, new Date(event.at).toISOString().slice(11, 16)] }),
    },
  },
})

const daily = (more: Partial<CronPolicy> = {}) =>
  actor('daily', clockwork, { cron: { schedule: '0 9 * * *', event: { type: 'TICK' }, ...more } })

const ticks = async (world: StillWorld, key = 'main'): Promise<unknown> =>
  ((await world.state(`daily/${key}`))?.snapshot.context as { at: string[] } | undefined)?.at

test('a cron kind needs nobody to start it, and ticks at its instants', async () => {
  await using world = await openStillWorld([daily()], overHours)
  await world.settle()
  expect(await ticks(world)).toEqual([])
  await world.pass(9 * hourMs - 1)
  expect(await ticks(world)).toEqual([])
  await world.pass(1)
  expect(await ticks(world)).toEqual(['09:00'])
  await world.pass(48 * hourMs)
  expect(await ticks(world)).toEqual(['09:00', '09:00', '09:00'])
})

test('a zone decides which instant a schedule means, and its summer time is kept', () => {
  const spring = Date.UTC(2026, 2, 28, 12)
  const first = cronNext({ schedule: '0 9 * * *', zone: 'Europe/Berlin' }, spring) ?? 0
  expect(new Date(first).toISOString()).toBe('2026-03-29T07:00:00.000Z')
  expect(new Date(cronNext({ schedule: '0 9 * * *', zone: 'America/New_York' }, spring) ?? 0).toISOString()).toBe(
    '2026-03-28T13:00:00.000Z',
  )
  expect(new Date(cronNext({ schedule: '0 9 * * *' }, spring) ?? 0).toISOString()).toBe('2026-03-29T09:00:00.000Z')
})

test('a kind in a zone ticks at its hour there, under the key it names', async () => {
  await using world = await openStillWorld([daily({ zone: 'Europe/Berlin', key: 'berlin' })], overHours)
  await world.pass(8 * hourMs)
  expect(await ticks(world, 'berlin')).toEqual(['08:00'])
  expect(await ticks(world)).toBeUndefined()
})

test.each([
  ['once', ['09:00']],
  ['all', ['09:00', '09:00', '09:00']],
  ['skip', []],
] as const)('of three instants that passed while no node ran, "%s" tells %j', async (missed, told) => {
  await using world = await openStillWorld([daily({ missed })], overHours)
  await world.pass(hourMs)
  await world.crash()
  await world.clock.advance(72 * hourMs)
  await world.start()
  expect(await ticks(world)).toEqual(told)
  await world.pass(8 * hourMs)
  expect(await ticks(world)).toEqual([...told, '09:00'])
})

test('a restart of the actor by its supervision does not tick again what has ticked', async () => {
  const machine = setup({ types: { context: {} as { n: number } } }).createMachine({
    context: { n: 0 },
    on: {
      TICK: { actions: assign({ n: ({ context }) => context.n + 1 }) },
      BAD: {
        actions: assign(() => {
          throw new Error('bad')
        }),
      },
    },
  })
  await using world = await openStillWorld(
    [
      actor('daily', machine, {
        supervision: { strategy: 'restart' },
        cron: { schedule: '0 9 * * *', event: { type: 'TICK' }, missed: 'all' },
      }),
    ],
    overHours,
  )
  await world.pass(60 * hourMs)
  expect((await world.state('daily/main'))?.snapshot.context).toEqual({ n: 3 })
  await world.send('daily/main', { type: 'BAD' })
  await world.pass(1000)
  expect((await world.state('daily/main'))?.snapshot.context).toEqual({ n: 0 })
})

test('an instant that many others followed while no node ran is told once under "once", however many', async () => {
  const machine = setup({ types: { context: {} as { n: number } } }).createMachine({
    context: { n: 0 },
    on: { TICK: { actions: assign({ n: ({ context }) => context.n + 1 }) } },
  })
  const minutely = actor('daily', machine, { cron: { schedule: '* * * * *', event: { type: 'TICK' } } })
  await using world = await openStillWorld([minutely], overHours)
  await world.pass(61_000)
  await world.crash()
  await world.clock.advance(72 * hourMs)
  await world.start()
  expect((await world.state('daily/main'))?.snapshot.context).toEqual({ n: 2 })
})

test.each([
  ['resume', [1, 3]],
  ['restart', [3]],
] as const)(
  'of several ticks one that the machine cannot take is parked as it was, once, and harms no other (%s)',
  async (strategy, left) => {
    const machine = setup({
      types: { context: {} as { days: number[] }, events: {} as { type: 'TICK'; at: number } },
    }).createMachine({
      context: { days: [] },
      on: {
        TICK: {
          actions: assign({
            days: ({ context, event }) => {
              const day = new Date(event.at).getUTCDate()
              if (day === 2) throw new Error('not on the second')
              return [...context.days, day]
            },
          }),
        },
      },
    })
    const schedule = { schedule: '0 9 * * *', event: { type: 'TICK' }, missed: 'all' } as const
    await using world = await openStillWorld(
      [actor('daily', machine, { cron: schedule, supervision: { strategy } })],
      overHours,
    )
    await world.pass(hourMs)
    await world.crash()
    await world.clock.advance(72 * hourMs)
    await world.start()
    await world.pass(hourMs)
    expect((await world.state('daily/main'))?.snapshot.context).toEqual({ days: left })
    expect(await world.realm.parked.list()).toMatchObject([
      { event: { type: 'TICK', at: Date.UTC(2026, 0, 2, 9) }, envelope: { from: 'cron' } },
    ])
  },
)
