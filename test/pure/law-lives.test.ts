import { assign, sendTo, setup, spawnChild } from 'xstate'
import { describe, expect, test } from 'vitest'
import { actor, type KindOptions } from '#protocol/actor.ts'
import type { ActorState } from '#protocol/state.ts'
import { watch } from '#runtime/core/actions.ts'
import { openTestRealm } from '#runtime/test.ts'
import { failGate, gate, note, notes, openGate, resetGates } from '#test/support/gates.ts'
import { openStillWorld, type StillWorld } from '#test/support/still-world.ts'

type Heard = { readonly heard: readonly string[] }
type Event = { readonly type: string; readonly key?: string; readonly ref?: unknown }

const types = { context: {} as Heard, events: {} as Event }
const hear = assign<Heard, Event, undefined, Event, never>({
  heard: ({ context, event }) => [...context.heard, event.type],
})

/** Runs for as long as the gate of its key is shut. */
async function behindGate(_: unknown, { key }: { key: string }): Promise<void> {
  note(`begun ${key}`)
  await gate(key)
  note(`done ${key}`)
}

const actions = { work: behindGate }
const work = { type: 'work', params: ({ event }: { event: Event }) => ({ key: event.key ?? 'gate' }) } as const

const kid = setup({ types, actions: { ...actions, hear } }).createMachine({
  context: { heard: [] },
  initial: 'on',
  states: { on: { on: { END: 'over', WORK: { actions: work } } }, over: { type: 'final' } },
  on: { '*': { actions: 'hear' } },
})

const parent = setup({ types, actors: { kid }, actions: { ...actions, hear } }).createMachine({
  context: { heard: [] },
  entry: spawnChild('kid', { id: 'kid' }),
  initial: 'on',
  states: { on: { after: { 60_000: 'late' } }, late: {}, over: { type: 'final' } },
  on: {
    WORK: { actions: work },
    ASK_KID: { actions: sendTo('kid', ({ event }) => ({ type: 'WORK', key: event.key ?? 'gate' })) },
    END: '.over',
    '*': { actions: 'hear' },
  },
})
const parents = (options: KindOptions = {}) => actor('parent', parent, options)

async function kidOf(world: StillWorld): Promise<string> {
  return (await world.state('parent/a'))?.book.children?.['kid']?.address ?? 'none'
}

async function heardBy(world: StillWorld, address: string): Promise<unknown> {
  return ((await world.state(address))?.snapshot.context as Heard | undefined)?.heard
}

const faults = async (world: StillWorld) => (await world.realm.parked.list()).map(({ fault }) => fault.code)

describe('a key that begins anew', () => {
  test('gives its children addresses that no child before them had, also after a restart', async () => {
    await using world = await openStillWorld([parents()])
    const had = new Set<string>()
    for (let life = 1; life <= 4; life++) {
      await world.send('parent/a', { type: 'HELLO' })
      had.add(await kidOf(world))
      expect(had.size).toBe(life)
      expect((await world.state(await kidOf(world)))?.snapshot.status).toBe('active')
      await world.realm.operate.delete('parent/a')
      await world.settle()
      if (life < 2) continue
      await world.crash()
      await world.start()
    }
    expect([...had][0]).toBe('parent/a~kid~1')
  })

  test('does so when all that is known was folded from the log, or when both happen in one commit', async () => {
    await using realm = await openTestRealm({ actors: [parents()], partitions: 1 })
    const kidNow = async () => (await realm.operate.show('parent/a'))?.state.book.children?.['kid']?.address
    const had = new Set<string | undefined>()
    for (let life = 1; life <= 3; life++) {
      await realm.send('parent/a', { type: 'HELLO' })
      await realm.settle()
      had.add(await kidNow())
      const again = [realm.operate.delete('parent/a'), realm.send('parent/a', { type: 'HELLO' })]
      await Promise.all(again)
      await realm.settle()
      had.add(await kidNow())
      await realm.operate.delete('parent/a')
      await realm.settle()
      await realm.restart({ keepStore: false })
    }
    expect(had.size).toBe(6)
    expect(had.has(undefined)).toBe(false)
  })

  test('does not hear the end of a child of its earlier life, nor does its child hear what was for that one', async () => {
    await using world = await openStillWorld([parents()])
    await world.send('parent/a', { type: 'HELLO' })
    const before = await kidOf(world)
    // All of it is on the log before any of it is read: the child ends between its parent's end and its own.
    await Promise.all([
      world.realm.operate.delete('parent/a'),
      world.realm.send(before, { type: 'END' }),
      world.realm.send('parent/a', { type: 'AGAIN' }),
    ])
    await world.settle()
    const signals = world.traced('stepped').filter(({ type }) => type === 'xstate.done.actor.kid')
    expect(signals).toMatchObject([{ address: 'parent/a', mark: 'stale' }])
    expect(await heardBy(world, 'parent/a')).toEqual(['AGAIN'])
    await world.send(before, { type: 'LATE' })
    expect(await faults(world)).toEqual(['actor.absent'])
    expect(await heardBy(world, await kidOf(world))).toEqual([])
  })

  test('gives its timers visits of their own, so that a late one of an earlier life is refused', async () => {
    await using world = await openStillWorld([parents()])
    const visits = new Set<number>()
    for (let life = 1; life <= 3; life++) {
      await world.send('parent/a', { type: 'HELLO' })
      for (const { visit } of Object.values((await world.state('parent/a'))?.book.timers ?? {})) visits.add(visit)
      await world.realm.operate.delete('parent/a')
      await world.settle()
    }
    expect(visits.size).toBe(3)
  })

  test('gets its child although one of an earlier life still has an action to run', async () => {
    resetGates()
    await using world = await openStillWorld([parents()])
    await world.send('parent/a', { type: 'ASK_KID' })
    const before = await kidOf(world)
    await world.realm.operate.delete('parent/a')
    await world.settle()
    expect(notes()).toEqual(['begun gate'])
    await world.send('parent/a', { type: 'HELLO' })
    const now = await kidOf(world)
    await world.send(now, { type: 'HI' })
    expect(await heardBy(world, now)).toEqual(['HI'])
    openGate('gate')
    await world.settle()
    expect(notes()).toEqual(['begun gate', 'done gate'])
    expect(await world.state(before)).toBeUndefined()
    expect(await heardBy(world, now)).toEqual(['HI'])
  })
})

describe('named actions of a step that is on the log', () => {
  const queueing = { effectLimit: 1 }

  async function deletedWithTwo(world: StillWorld): Promise<void> {
    resetGates()
    await world.send('parent/a', { type: 'WORK', key: 'first' })
    await world.send('parent/a', { type: 'WORK', key: 'second' })
    await world.realm.operate.delete('parent/a')
    await world.settle()
    expect(notes()).toEqual(['begun first'])
  }

  test('run although their actor was deleted before they had begun; then nothing of it is left', async () => {
    await using world = await openStillWorld([parents(queueing)])
    await deletedWithTwo(world)
    expect(await world.realm.ref(parents(), 'a').read()).toBeUndefined()
    openGate('first')
    openGate('second')
    await world.settle()
    expect(notes()).toEqual(['begun first', 'done first', 'begun second', 'done second'])
    expect(await world.state('parent/a')).toBeUndefined()
  })

  test('run after a restart in between, those that had begun once more', async () => {
    await using world = await openStillWorld([parents(queueing)])
    await deletedWithTwo(world)
    await world.crash()
    openGate('first')
    openGate('second')
    await world.start()
    expect(notes().slice(-4)).toEqual(['begun first', 'done first', 'begun second', 'done second'])
    expect(await world.state('parent/a')).toBeUndefined()
    await world.crash()
    await world.start()
    expect(notes().filter((one) => one === 'begun second')).toHaveLength(1)
  })

  test('run beside a new life under the same key, which begins at once and knows nothing of the old one', async () => {
    await using world = await openStillWorld([parents(queueing)])
    await deletedWithTwo(world)
    await world.realm.start('parent', 'a', { input: undefined })
    await world.settle()
    expect((await world.state('parent/a'))?.snapshot.status).toBe('active')
    await world.send('parent/a', { type: 'HELLO' })
    expect(await heardBy(world, 'parent/a')).toEqual(['HELLO'])
    await world.crash()
    openGate('first')
    openGate('second')
    await world.start()
    expect(notes().slice(-4)).toEqual(['begun first', 'done first', 'begun second', 'done second'])
    expect((await world.state('parent/a'))?.book.effects).toBeUndefined()
    expect(await heardBy(world, 'parent/a')).toEqual(['HELLO'])
    expect(await faults(world)).toEqual([])
  })

  test.for(['delete', 'END'] as const)('that fail after "%s" are parked as lost, once and for all', async (how) => {
    resetGates()
    await using world = await openStillWorld([parents()])
    await world.send('parent/a', { type: 'WORK' })
    if (how === 'delete') await world.realm.operate.delete('parent/a')
    else await world.realm.send('parent/a', { type: 'END' })
    await world.settle()
    failGate('gate', new Error('the printer is out of paper'))
    await world.settle()
    const lost = await world.realm.parked.list()
    expect(lost.map(({ fault }) => [fault.code, fault.message])).toEqual([
      ['action.lost', expect.stringMatching(/"work" of parent\/a.*out of paper/)],
    ])
    const state = await world.state('parent/a')
    if (how === 'delete') expect(state).toBeUndefined()
    else expect(state?.book).toMatchObject({ counts: { parked: 1 }, ended: { reason: 'done' } })
    expect(state?.book.effects).toBeUndefined()
    await world.crash()
    await world.start()
    expect(notes()).toEqual(['begun gate'])
  })

  test('run although the retention of their actor is over', async () => {
    resetGates()
    await using world = await openStillWorld([parents({ ...queueing, retainMs: 1000 })])
    await world.send('parent/a', { type: 'WORK', key: 'first' })
    await world.send('parent/a', { type: 'WORK', key: 'second' })
    await world.send('parent/a', { type: 'END' })
    await world.pass(1000)
    expect((await world.state('parent/a'))?.snapshot.context).toBeUndefined()
    openGate('first')
    openGate('second')
    await world.settle()
    expect(notes()).toContain('done second')
    expect((await world.state('parent/a'))?.book).toEqual({ ended: expect.objectContaining({ reason: 'done' }) })
  })

  const without = setup({ types, actors: { kid }, actions: { hear } }).createMachine(parent.config as never)

  test('that the machine no longer has are a failure that it hears of, not a success', async () => {
    resetGates()
    await using world = await openStillWorld([parents()])
    await world.send('parent/a', { type: 'WORK' })
    await world.crash()
    await world.start([actor('parent', without)])
    expect(await heardBy(world, 'parent/a')).toEqual(['effect.failed'])
  })

  test.for(['before', 'after'] as const)(
    'that the machine no longer has are parked as lost, when it is deleted %s that is noticed',
    async (when) => {
      resetGates()
      await using world = await openStillWorld([parents(queueing)])
      await world.send('parent/a', { type: 'WORK' })
      const remove = async () => {
        await world.realm.operate.delete('parent/a')
        await world.settle()
      }
      if (when === 'before') await remove()
      await world.crash()
      // A version with a migrate step says that it was thought of what is pending: then it is looked at.
      const options = when === 'before' ? {} : { version: 2, migrate: { 1: (state: ActorState) => state } }
      await world.start([actor('parent', without, options)])
      expect((await world.state('parent/a'))?.book.unfit?.code).toBe(when === 'before' ? undefined : 'actor.unmigrated')
      if (when === 'after') await remove()
      expect(await world.state('parent/a')).toBeUndefined()
      expect((await world.realm.parked.list()).map(({ fault }) => [fault.code, fault.message])).toEqual([
        ['action.lost', expect.stringMatching(/has no action "work" any more/)],
      ])
    },
  )

  test('speak to no new life: what one says after its actor was deleted is parked', async () => {
    resetGates()
    const late = {
      async say({ self }: { self: { send(event: Event): void } }): Promise<void> {
        await gate('say')
        self.send({ type: 'SAID' })
      },
    }
    const saying = setup({ types, actions: late }).createMachine({
      context: { heard: [] },
      on: { SAY: { actions: 'say' } },
    })
    await using world = await openStillWorld([actor('sayer', saying)])
    await world.send('sayer/a', { type: 'SAY' })
    await world.realm.operate.delete('sayer/a')
    await world.settle()
    openGate('say')
    await world.settle()
    expect(await faults(world)).toEqual(['actor.done'])
    expect(await world.state('sayer/a')).toBeUndefined()
  })
})

test('a deleted actor that has more to send than one commit holds, and actions to run, does all of it', async () => {
  resetGates()
  const told: string[] = []
  const watching = setup({
    types: { context: {} as Heard, events: {} as Event },
    actions: { tell: ({ self }) => void told.push((self as unknown as { address: string }).address) },
  }).createMachine({
    context: { heard: [] },
    on: { WATCH: { actions: watch('parent/a') }, 'actor.ended': { actions: 'tell' } },
  })
  await using world = await openStillWorld([parents(), actor('watching', watching)], { options: { entriesMost: 104 } })
  await world.send('parent/a', { type: 'WORK' })
  for (let one = 0; one < 20; one++) await world.realm.send(`watching/${one}`, { type: 'WATCH' })
  await world.settle()
  await world.realm.operate.delete('parent/a')
  await world.settle()
  expect(new Set(told).size).toBe(20)
  expect(await world.state('parent/a')).toBeDefined()
  openGate('gate')
  await world.settle()
  expect(notes()).toEqual(['begun gate', 'done gate'])
  expect(await world.state('parent/a')).toBeUndefined()
})
