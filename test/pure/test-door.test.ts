import { assign, emit, fromCallback, fromPromise, sendTo, setup } from 'xstate'
import { describe, expect, test } from 'vitest'
import { actor } from '#protocol/actor.ts'
import { reply } from '#runtime/core/actions.ts'
import { openTestRealm } from '#runtime/test.ts'

const dayMs = 86_400_000

type Order = { readonly paid: number; readonly receipt?: string; readonly reminders: number }

const child = setup({ actors: { lookup: fromPromise(async () => 'real') } }).createMachine({
  id: 'child',
  initial: 'asking',
  states: {
    asking: {
      invoke: { src: 'lookup', onDone: { target: 'done', actions: assign({ found: ({ event }) => event.output }) } },
    },
    done: { type: 'final' },
  },
  output: ({ context }) => (context as { found?: string }).found,
})

const orderMachine = setup({
  types: {
    context: {} as Order,
    events: {} as { type: 'PAY'; amount: number } | { type: 'ASK' },
    emitted: {} as { type: 'EXPIRED'; after: number },
  },
  actors: {
    charge: fromPromise(async ({ input }: { input: { amount: number } }): Promise<string> => {
      throw new Error(`no bank here for ${input.amount}`)
    }),
    child,
  },
  actions: { remind: () => undefined },
  delays: { patience: 7 * dayMs, nudge: dayMs },
}).createMachine({
  id: 'order',
  context: { paid: 0, reminders: 0 },
  initial: 'open',
  on: { ASK: { actions: reply(({ context }) => context.paid) } },
  states: {
    open: {
      on: { PAY: { target: 'charging', actions: assign({ paid: ({ event }) => event.amount }) } },
      after: { patience: { target: 'expired', actions: emit({ type: 'EXPIRED', after: 7 }) } },
      initial: 'waiting',
      states: {
        waiting: {
          after: {
            nudge: {
              target: 'waiting',
              reenter: true,
              actions: [{ type: 'remind' }, assign({ reminders: ({ context }) => context.reminders + 1 })],
            },
          },
        },
      },
    },
    charging: {
      invoke: {
        src: 'charge',
        input: ({ context }) => ({ amount: context.paid }),
        onDone: { target: 'checking', actions: assign({ receipt: ({ event }) => event.output }) },
        onError: 'open',
      },
    },
    checking: {
      invoke: {
        src: 'child',
        onDone: {
          target: 'paid',
          actions: assign({ receipt: ({ context, event }) => `${context.receipt} ${event.output as string}` }),
        },
      },
    },
    paid: { type: 'final' },
    expired: {},
  },
  output: ({ context }) => context.receipt,
})
const orders = actor('order', orderMachine)

describe('time', () => {
  test('a week passes in the time of a test, with all that happens in it', async () => {
    const begun = performance.now()
    const reminded: number[] = []
    await using realm = await openTestRealm({
      actors: [orders],
      effects: { charge: async () => 'r', lookup: async () => 'l', remind: () => void reminded.push(realm.now()) },
    })
    const order = await realm.start(orders, '42', { input: undefined })
    await realm.settle()
    const since = realm.now()
    await realm.advance('6 days')
    expect((await order.read())?.value).toEqual({ open: 'waiting' })
    await realm.advance(dayMs)
    expect((await order.read())?.value).toBe('expired')
    expect(realm.now() - since).toBe(7 * dayMs)
    expect(reminded.map((at) => (at - since) / dayMs)).toEqual([1, 2, 3, 4, 5, 6])
    expect(realm.emitted('order/42')).toMatchObject([{ type: 'EXPIRED', after: 7, at: since + 7 * dayMs }])
    expect(realm.emitted('order/43')).toEqual([])
    expect(performance.now() - begun).toBeLessThan(3000)
  })

  test('deadlines of those who wait are in virtual time', async () => {
    await using realm = await openTestRealm({
      actors: [orders],
      effects: { charge: () => new Promise(() => undefined) },
    })
    const order = realm.ref(orders, '1')
    expect(await order.ask({ type: 'ASK' }, { timeoutMs: dayMs })).toBe(0)
    await order.send({ type: 'PAY', amount: 3 })
    const waited = order.waitFor((s) => s.matches('paid'), { timeoutMs: dayMs })
    // Awaited below, when its time has come.
    // oxlint-disable-next-line vitest/valid-expect
    const refused = expect(waited).rejects.toMatchObject({ code: 'wait.deadline' })
    await realm.advance(dayMs - 1)
    expect(await Promise.race([waited.catch(() => 'over'), Promise.resolve('waits')])).toBe('waits')
    await realm.advance(1)
    await refused
  })

  test('an amount of time that cannot be read is refused', async () => {
    await using realm = await openTestRealm({ actors: [orders], start: '2030-05-01T00:00:00Z' })
    expect(realm.now()).toBe(Date.UTC(2030, 4, 1))
    for (const [text, ms] of [
      ['90 s', 90_000],
      ['2 hours', 7_200_000],
      ['1.5h', 5_400_000],
      ['10ms', 10],
      ['1 week', 7 * dayMs],
    ] as const) {
      const before = realm.now()
      await realm.advance(text)
      expect(realm.now() - before).toBe(ms)
    }
    for (const bad of ['soon', '5 parsecs', '-3 s', ''])
      await expect(realm.advance(bad)).rejects.toMatchObject({ code: 'clock.unreadable' })
    await expect(realm.advance(-1)).rejects.toMatchObject({ code: 'clock.unreadable' })
  })
})

describe('stand-ins', () => {
  test('an effect is answered by the test, in child machines too, and the machine does the rest', async () => {
    const charged: unknown[] = []
    await using realm = await openTestRealm({
      actors: [orders],
      effects: {
        'order.charge': async (input: { amount: number }, { sleep, now }) => {
          charged.push([input, now()])
          await sleep(90_000)
          return `receipt-${input.amount}`
        },
        lookup: () => 'found',
      },
    })
    const order = realm.ref(orders, '1')
    const begun = realm.now()
    await order.send({ type: 'PAY', amount: 5 })
    await realm.advance(89_000)
    expect((await order.read())?.value).toBe('charging')
    await realm.advance(1_000)
    expect(await order.output({ timeoutMs: 1 })).toBe('receipt-5 found')
    expect(charged).toEqual([[{ amount: 5 }, begun]])
  })

  test('a name that no machine knows is refused', async () => {
    await expect(openTestRealm({ actors: [orders], effects: { chrage: () => 'r' } })).rejects.toMatchObject({
      code: 'spawn.unknown',
      details: { value: 'chrage' },
    })
  })

  test('callback logic is replaced by other logic', async () => {
    const bells = actor(
      'bell',
      setup({ actors: { ringer: fromCallback(() => undefined) } }).createMachine({
        context: { rings: 0 },
        invoke: { src: 'ringer', id: 'ringer' },
        on: {
          PULL: { actions: sendTo('ringer', { type: 'PULL' }) },
          RING: { actions: assign({ rings: ({ context }) => (context as { rings: number }).rings + 1 }) },
        },
      }),
    )
    const ringer = fromCallback(({ sendBack, receive }) => receive(() => sendBack({ type: 'RING' })))
    await using realm = await openTestRealm({ actors: [bells], effects: { ringer } })
    const bell = realm.ref(bells, 'a')
    for (let at = 0; at < 3; at++) await bell.send({ type: 'PULL' })
    await realm.settle()
    expect((await bell.read())?.context).toEqual({ rings: 3 })
  })
})

describe('a restart', () => {
  test('loses nothing that was stored, keeps timers, and shows those who look on the new owner', async () => {
    await using realm = await openTestRealm({ actors: [orders], effects: { charge: () => 'r', lookup: () => 'l' } })
    const order = await realm.start(orders, '42', { input: undefined })
    const seen: unknown[] = []
    order.subscribe((snapshot) => seen.push(snapshot.value))
    await realm.advance('3 days')
    const before = realm.node
    await realm.restart()
    expect(realm.node).not.toBe(before)
    await realm.advance('4 days')
    expect(seen.at(-1)).toBe('expired')
    expect((await order.read())?.context.reminders).toBe(6)
  })

  test('without its store the node folds everything from the log', async () => {
    await using realm = await openTestRealm({ actors: [orders], effects: { charge: () => 'r', lookup: () => 'l' } })
    for (let at = 0; at < 20; at++) await realm.ref(orders, String(at)).send({ type: 'PAY', amount: at })
    await realm.settle()
    await realm.restart({ keepStore: false, away: '2 hours' })
    for (let at = 0; at < 20; at++) expect(await realm.ref(orders, String(at)).output({ timeoutMs: 1 })).toBe('r l')
  })

  test('other definitions serve what the earlier ones stored', async () => {
    const counter = (by: number) =>
      actor(
        'n',
        setup({}).createMachine({
          context: { n: 0 },
          on: { ADD: { actions: assign({ n: ({ context }) => (context as { n: number }).n + by }) } },
        }),
      )
    const [first, second] = [counter(1), counter(10)]
    await using realm = await openTestRealm({ actors: [first] })
    await realm.ref(first, 'a').send({ type: 'ADD' })
    await realm.settle()
    await realm.restart({ actors: [second] })
    await realm.ref(second, 'a').send({ type: 'ADD' })
    await realm.settle()
    expect((await realm.ref(second, 'a').read())?.context).toEqual({ n: 11 })
  })
})

test('what is wrong with a machine is said when the realm opens', async () => {
  const bad = actor('bad', setup({}).createMachine({ invoke: { src: fromPromise(async () => 1) } as never }))
  await expect(openTestRealm({ actors: [bad] })).rejects.toMatchObject({ code: 'kind.refused' })
})
