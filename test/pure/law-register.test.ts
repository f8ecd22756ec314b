import { assign, emit, fromCallback, fromPromise, setup } from 'xstate'
import { describe, expect, test } from 'vitest'
import { actor, type KindOptions } from '#protocol/actor.ts'
import { subscribe } from '#runtime/core/actions.ts'
import { takeUpKind } from '#runtime/partition/take-up.ts'
import { gate, note, notes, openGate, resetGates } from '#test/support/gates.ts'
import { openStillWorld, type StillWorld } from '#test/support/still-world.ts'

type Heard = { readonly heard: readonly string[] }

const types = { context: {} as Heard }
const hear = assign<Heard, { type: string }, undefined, { type: string }, never>({
  heard: ({ context, event }) => [...context.heard, event.type],
})

const working = {
  async work(_: unknown, { key }: { key: string }): Promise<void> {
    note(`work ${key}`)
    await gate('work')
  },
}

const sleeper = setup({
  types,
  actors: {
    call: fromPromise(async ({ input }: { input: string }) => {
      note(`call ${input}`)
      return await gate('call')
    }),
    tick: fromCallback(() => note('tick')),
  },
  actions: {
    hear,
    ...working,
  },
}).createMachine({
  context: { heard: [] },
  initial: 'idle',
  states: {
    idle: {},
    waiting: { after: { 60_000: 'woken' } },
    woken: { entry: 'hear' },
    calling: { invoke: { src: 'call', input: 'somebody', onDone: 'called' } },
    called: { entry: 'hear' },
  },
  on: {
    WAIT: '.waiting',
    CALL: '.calling',
    WORK: { actions: { type: 'work', params: { key: 'paper' } } },
    LISTEN: { actions: subscribe('teller.*.NEWS') },
    '*': { actions: 'hear' },
  },
})
const sleepers = (options: KindOptions = {}) => actor('sleeper', sleeper, options)

const teller = setup({}).createMachine({ on: { TELL: { actions: emit({ type: 'NEWS' }) } } })
const tellers = actor('teller', teller)

const keys = Array.from({ length: 12 }, (_, at) => `k${at}`)

const valueOf = async (world: StillWorld, key: string): Promise<unknown> =>
  (await world.state(`sleeper/${key}`))?.snapshot.value
const heardBy = async (world: StillWorld, key: string): Promise<unknown> =>
  ((await world.state(`sleeper/${key}`))?.snapshot.context as Heard | undefined)?.heard

/** Actors of the kind are stored, in every partition; then a node runs that does not serve it. */
async function openWithStored(type: string, options: KindOptions = {}): Promise<StillWorld> {
  resetGates()
  const world = await openStillWorld([sleepers(options), tellers])
  for (const key of keys) await world.realm.send(`sleeper/${key}`, { type })
  await world.settle()
  await world.crash()
  await world.start([tellers])
  return world
}

describe('a kind that is registered while the node runs', () => {
  test('has the timers of its stored actors, those that are due and those to come', async () => {
    await using world = await openWithStored('WAIT')
    await world.pass(30_000)
    await world.node.register(sleepers())
    await world.pass(29_999)
    expect(await valueOf(world, 'k3')).toBe('waiting')
    await world.pass(1)
    for (const key of keys) expect(await valueOf(world, key)).toBe('woken')

    await using late = await openWithStored('WAIT')
    await late.pass(90_000)
    await late.node.register(sleepers())
    await late.pass(0)
    for (const key of keys) expect(await valueOf(late, key)).toBe('woken')
  })

  test('has their pending effects begun again, each once', async () => {
    await using world = await openWithStored('CALL')
    const begun = (): number => notes().filter((one) => one === 'call somebody').length
    expect(begun()).toBe(keys.length)
    await world.node.register(sleepers())
    await world.pass(0)
    expect(begun()).toBe(2 * keys.length)
    openGate('call')
    await world.settle()
    for (const key of keys) expect(await valueOf(world, key)).toBe('called')
    expect(world.node.health().effects).toBe(0)
  })

  test('has their named actions run', async () => {
    await using world = await openWithStored('WORK')
    openGate('work')
    await world.node.register(sleepers())
    await world.pass(0)
    expect(notes()).toHaveLength(2 * keys.length)
    for (const key of keys) expect((await world.state(`sleeper/${key}`))?.book.effects).toBeUndefined()
  })

  test('hears what its stored actors subscribed to, from where they stood', async () => {
    await using world = await openWithStored('LISTEN')
    await world.send('teller/a', { type: 'TELL' })
    await world.node.register(sleepers())
    await world.settle()
    await world.send('teller/b', { type: 'TELL' })
    for (const key of keys) expect(await heardBy(world, key)).toEqual(['NEWS', 'NEWS'])
  })

  test('begins no effect that a step of this very owner asked for: its commit does', async () => {
    const begun: string[] = []
    const effect = (id: string) => ({ id, name: 'call', is: 'logic', taken: 0 })
    const live = { blueprint: undefined, book: { effects: { old: effect('0-old-7-0'), own: effect('0-own-1-0') } } }
    const world = {
      store: { needs: () => [['sleeper/a', { effects: true }]] },
      kinds: new Map([['sleeper', { kind: 'sleeper', options: {} }]]),
      residents: { get: () => ({ live }) },
      effects: { begin: (_address: string, _blueprint: unknown, { id }: { id: string }) => begun.push(id) },
      onSubscribed: () => undefined,
    } as unknown as Parameters<typeof takeUpKind>[0]
    const owner = { partition: 0, epoch: 2, ownIds: '0-own-' }
    await takeUpKind(world, owner, 'sleeper', () => false)
    expect(begun).toEqual(['0-old-7-0'])
  })

  test('ends what had its time to live while nobody served it, also when only the log knew of it', async () => {
    resetGates()
    const options = { ttlMs: 60_000 }
    await using world = await openStillWorld([sleepers(options)])
    for (const key of keys) await world.realm.send(`sleeper/${key}`, { type: 'HI' })
    await world.settle()
    await world.crash()
    await world.start([tellers])
    await world.node.register(sleepers(options))
    await world.pass(60_000)
    for (const key of keys) expect((await world.state(`sleeper/${key}`))?.book.ended?.reason).toBe('expired')
  })

  test('has its scheduled actor', async () => {
    await using world = await openStillWorld([tellers])
    await world.node.register(sleepers({ cron: { schedule: '* * * * *', event: { type: 'MINUTE' } } }))
    await world.pass(120_000)
    expect(await heardBy(world, 'main')).toEqual(['MINUTE', 'MINUTE'])
  })

  test('is taken up in slices, between which others are stepped', async () => {
    resetGates()
    await using world = await openStillWorld([sleepers(), tellers], { partitions: 1, options: { effectLimit: 1000 } })
    for (let one = 0; one < 300; one++) await world.realm.send(`sleeper/s${one}`, { type: 'CALL' })
    await world.settle()
    await world.crash()
    await world.start([tellers])
    let turns = 0
    const registered = world.node.register(sleepers())
    let isDone = false
    void registered.then(() => (isDone = true))
    while (!isDone) {
      turns++
      await new Promise<void>((resolve) => setImmediate(resolve))
    }
    expect(turns).toBeGreaterThan(4)
    await world.pass(0)
    expect(notes()).toHaveLength(600)
  })

  test('does not serve at all when its definition was refused', async () => {
    await using world = await openWithStored('WAIT')
    const other = setup({ types }).createMachine({ context: { heard: [] }, initial: 'gone', states: { gone: {} } })
    await expect(world.node.register(actor('sleeper', other))).rejects.toMatchObject({ code: 'kind.changed' })
    await world.send('sleeper/k1', { type: 'HI' })
    expect((await world.realm.parked.list()).map(({ fault }) => fault.code)).toEqual(['kind.unknown'])
    await world.node.register(sleepers())
    await expect(world.node.register(sleepers())).rejects.toMatchObject({ code: 'kind.twice' })
  })
})
