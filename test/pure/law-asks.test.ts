import { assign, emit, fromPromise, sendTo, setup } from 'xstate'
import { describe, expect, test } from 'vitest'
import { actor } from '#protocol/actor.ts'
import { realmHandleOf } from '#runtime/client/realm-handle.ts'
import { reply, tell } from '#runtime/core/actions.ts'
import { realmOptions } from '#test/support/engine.ts'
import { gate, openGate, resetGates } from '#test/support/gates.ts'
import { openStillWorld } from '#test/support/still-world.ts'

type Ctx = { n: number; price: unknown }

const shop = setup({
  types: {
    context: {} as Ctx,
    events: {} as { type: 'ADD' | 'COUNT' | 'SAY' | 'SLOW' | 'NEVER' | 'LATER' },
    emitted: {} as { type: 'said'; n: number },
  },
  actors: { price: fromPromise(() => gate('price')) },
}).createMachine({
  context: { n: 0, price: null },
  initial: 'idle',
  states: {
    idle: {},
    pricing: {
      invoke: {
        id: 'price',
        src: 'price',
        onDone: {
          target: 'idle',
          actions: [assign({ price: ({ event }) => event.output }), reply(({ event }) => event.output)],
        },
      },
    },
  },
  on: {
    ADD: { actions: assign({ n: ({ context }) => context.n + 1 }) },
    COUNT: {
      actions: [
        assign({ n: ({ context }) => context.n + 1 }),
        reply(({ context }) => ({ count: context.n, at: new Map([['n', context.n]]) })),
      ],
    },
    SAY: { actions: emit(({ context }) => ({ type: 'said', n: context.n })) },
    SLOW: '.pricing',
    NEVER: { actions: assign({}) },
    LATER: { actions: sendTo(({ self }) => self, { type: 'COUNT' }, { delay: 500 }) },
  },
})
const shops = actor('shop', shop)

describe('a question', () => {
  test('is answered by reply(), with any value that can be stored', async () => {
    await using world = await openStillWorld([shops])
    expect(await world.realm.ref(shops, 'a').ask({ type: 'COUNT' }, { timeoutMs: 1000 })).toEqual({
      count: 1,
      at: new Map([['n', 1]]),
    })
  })

  test('is answered by the emitted type that it names', async () => {
    await using world = await openStillWorld([shops])
    await world.send('shop/a', { type: 'ADD' })
    expect(await world.realm.ref(shops, 'a').ask({ type: 'SAY' }, { timeoutMs: 1000, emitted: 'said' })).toEqual({
      type: 'said',
      n: 1,
    })
  })

  test('is answered by the state that it waits for', async () => {
    await using world = await openStillWorld([shops])
    const seen = (await world.realm
      .ref(shops, 'a')
      .ask({ type: 'ADD' }, { timeoutMs: 1000, until: (snapshot) => snapshot.context.n > 0 })) as { context: Ctx }
    expect(seen.context.n).toBe(1)
  })

  test('is answered later, by what an effect brought, also after a crash of the node', async () => {
    resetGates()
    await using world = await openStillWorld([shops])
    const asked = world.realm.ref(shops, 'a').ask({ type: 'SLOW' }, { timeoutMs: 60_000 })
    await world.settle()
    await world.crash()
    await world.start()
    openGate('price', 42)
    expect(await asked).toBe(42)
  })

  test('asked while no node runs is answered when one does', async () => {
    await using world = await openStillWorld([shops])
    await world.crash()
    const asked = world.realm.ref(shops, 'a').ask({ type: 'COUNT' }, { timeoutMs: 60_000 })
    await world.start()
    expect(await asked).toMatchObject({ count: 1 })
  })

  test('asked again under its id changes nothing and has the same answer, from another run of the client as well', async () => {
    await using world = await openStillWorld([shops])
    const client = () =>
      realmHandleOf({ bus: world.log.connect(), clock: world.clock }, { ...realmOptions, client: 'till' })
    await using before = client()
    const first = await before.ref(shops, 'a').ask({ type: 'COUNT' }, { timeoutMs: 1000, id: 'q1' })
    const again = await before.ref(shops, 'a').ask({ type: 'COUNT' }, { timeoutMs: 1000, id: 'q1' })
    await before.close()
    await using after = client()
    const late = await after.ref(shops, 'a').ask({ type: 'COUNT' }, { timeoutMs: 1000, id: 'q1' })
    expect([again, late]).toEqual([first, first])
    expect((await world.state('shop/a'))?.snapshot.context).toMatchObject({ n: 1 })
  })

  test('whose client died before the answer is answered to the one that comes after it', async () => {
    resetGates()
    await using world = await openStillWorld([shops])
    const client = () =>
      realmHandleOf({ bus: world.log.connect(), clock: world.clock }, { ...realmOptions, client: 'till' })
    const before = client()
    before
      .ref(shops, 'a')
      .ask({ type: 'SLOW' }, { timeoutMs: 60_000, id: 'q1' })
      .catch(() => undefined)
    await world.settle()
    await before.close()
    openGate('price', 7)
    await world.settle()
    await using after = client()
    expect(await after.ref(shops, 'a').ask({ type: 'SLOW' }, { timeoutMs: 1000, id: 'q1' })).toBe(7)
  })

  test('that nothing answers ends at its deadline, and its event still counts', async () => {
    await using world = await openStillWorld([shops])
    const asked = world.realm.ref(shops, 'a').ask({ type: 'ADD' }, { timeoutMs: 1000 })
    const refused = asked.catch((error: unknown) => error)
    await world.pass(1000)
    expect(await refused).toMatchObject({ code: 'ask.deadline', message: expect.stringContaining('1000 ms') })
    expect((await world.state('shop/a'))?.snapshot.context).toMatchObject({ n: 1 })
  })

  test('of an actor is answered with an event', async () => {
    const asker = setup({ types: { context: {} as { heard: unknown } } }).createMachine({
      context: { heard: null },
      on: {
        GO: { actions: tell('echo/e', { type: 'ECHO', word: 'hi' }) },
        ECHOED: { actions: assign({ heard: ({ event }) => event['word'] }) },
      },
    })
    const echo = setup({}).createMachine({
      on: {
        ECHO: {
          actions: reply(({ event }) => ({ type: 'ECHOED', word: (event as unknown as { word: string }).word })),
        },
      },
    })
    await using world = await openStillWorld([actor('asker', asker), actor('echo', echo)])
    await world.send('asker/a', { type: 'GO' })
    expect((await world.state('asker/a'))?.snapshot.context).toEqual({ heard: 'hi' })
  })

  test('to an actor that has ended, or that fails, is refused with the reason', async () => {
    const mortal = setup({}).createMachine({
      initial: 'on',
      states: { on: { on: { END: 'over' } }, over: { type: 'final' } },
    })
    await using world = await openStillWorld([actor('mortal', mortal)])
    await world.send('mortal/a', { type: 'END' })
    await expect(world.realm.at('mortal/a').ask({ type: 'ANY' }, { timeoutMs: 1000 })).rejects.toMatchObject({
      code: 'ask.refused',
      message: expect.stringContaining('has ended'),
    })
  })
})

describe('a send', () => {
  test('under an id counts once, whoever repeats it under the same name', async () => {
    await using world = await openStillWorld([shops])
    const client = (name: string) =>
      realmHandleOf({ bus: world.log.connect(), clock: world.clock }, { ...realmOptions, client: name })
    await using one = client('till')
    await using two = client('till')
    await using other = client('other')
    for (const realm of [one, one, two, other]) await realm.ref(shops, 'a').send({ type: 'ADD' }, { id: 'order-1' })
    await world.settle()
    expect((await world.state('shop/a'))?.snapshot.context).toMatchObject({ n: 2 })
    await world.crash()
    await world.start()
    await two.ref(shops, 'a').send({ type: 'ADD' }, { id: 'order-1' })
    await world.settle()
    expect((await world.state('shop/a'))?.snapshot.context).toMatchObject({ n: 2 })
  })

  test('repeated after its actor has ended is the same send still', async () => {
    const mortal = setup({}).createMachine({
      initial: 'on',
      states: { on: { on: { END: 'over' } }, over: { type: 'final' } },
    })
    await using world = await openStillWorld([actor('mortal', mortal)])
    await world.send('mortal/a', { type: 'END' }, { id: 'e' })
    await world.send('mortal/a', { type: 'END' }, { id: 'e' })
    expect(await world.realm.parked.list()).toEqual([])
  })

  test('keeps its place among those of its sender, to each actor, over crashes', async () => {
    const list = setup({ types: { context: {} as { got: number[] } } }).createMachine({
      context: { got: [] },
      on: { N: { actions: assign({ got: ({ context, event }) => [...context.got, event['n'] as number] }) } },
    })
    await using world = await openStillWorld([actor('list', list)])
    for (let n = 0; n < 300; n++) {
      void world.realm.send(`list/${n % 3}`, { type: 'N', n })
      if (n % 100 === 50) {
        await world.crash()
        await world.start()
      }
    }
    await world.settle()
    for (let key = 0; key < 3; key++) {
      const state = await world.state(`list/${key}`)
      expect(state?.snapshot.context).toEqual({ got: Array.from({ length: 100 }, (_, at) => at * 3 + key) })
    }
  })

  test('may be a bare publish of JSON by any NATS client, once under an id of its own', async () => {
    await using world = await openStillWorld([shops])
    const publish = (text: string, id?: string) =>
      world.log.publish('shop.to.shop.a', new TextEncoder().encode(text), id === undefined ? undefined : { id })
    publish('{"type":"ADD"}')
    publish('  {"type":"ADD","extra":[1,null,"ü"]}')
    publish('{"type":"ADD"}', 'once')
    publish('{"type":"ADD"}', 'once')
    await world.settle()
    expect((await world.state('shop/a'))?.snapshot.context).toMatchObject({ n: 3 })
  })

  test('reaches the actor that its address names and no other [NM15]', async () => {
    await using world = await openStillWorld([shops])
    const keys = Array.from({ length: 50 }, (_, n) => `k${n}`)
    for (const key of keys) await world.realm.start('shop', key, { input: undefined })
    await world.send('shop/k7', { type: 'ADD' })
    await world.crash()
    await world.start()
    await world.send('shop/k7', { type: 'ADD' })
    for (const key of keys)
      expect((await world.state(`shop/${key}`))?.snapshot.context).toMatchObject({ n: key === 'k7' ? 2 : 0 })
  })
})
