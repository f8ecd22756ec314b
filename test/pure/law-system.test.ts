import { assign, fromCallback, fromObservable, fromPromise, setup, spawnChild } from 'xstate'
import { describe, expect, test } from 'vitest'
import { actor, type KindOptions } from '#protocol/actor.ts'
import type { AnyEvent } from '#protocol/envelope.ts'
import { failGate, gate, note, notes, openGate, resetGates } from '#test/support/gates.ts'
import { openStillWorld, type StillWorld } from '#test/support/still-world.ts'

type Ctx = { readonly heard: readonly unknown[] }
type Ref = { send(event: AnyEvent): void }
type System = { get(id: string): Ref | undefined; getAll(): Record<string, Ref> }

const types = { context: {} as Ctx, events: {} as AnyEvent }
const hear = assign<Ctx, AnyEvent, undefined, AnyEvent, never>({
  heard: ({ context, event }) => [...context.heard, event['n'] ?? event.type],
})

const printer = setup({ types, actions: { hear } }).createMachine({
  context: { heard: [] },
  on: { '*': { actions: 'hear' } },
})

/** Sends two events through the system, then fails or ends as its gate says. */
async function twoThenGate(system: unknown, name: string): Promise<void> {
  const ref = (system as System).get('printer')
  ref?.send({ type: 'PRINT', n: `${name} 1` })
  ref?.send({ type: 'PRINT', n: `${name} 2` })
  note(ref === undefined ? 'nobody' : `${name} sent`)
  await gate(name)
}

const waiting = {
  print: ({ system }: { system: unknown }) => twoThenGate(system, 'action'),
  speak({ system }: { system: unknown }): Promise<unknown> {
    ;(system as System).get('speaker')?.send({ type: 'HELLO' })
    return gate('speak')
  },
}

const office = setup({
  types,
  actors: {
    printer,
    speaker: fromCallback(({ receive }) => receive(({ type }) => note(`speaker heard ${type}`))),
    promise: fromPromise(({ system }) => twoThenGate(system, 'promise')),
    callback: fromCallback(({ system }) => void twoThenGate(system, 'callback')),
    observable: fromObservable(({ system }) => {
      void twoThenGate(system, 'observable')
      return { subscribe: () => ({ unsubscribe: () => undefined }) }
    }),
  },
  actions: {
    hear,
    ...waiting,
    names: ({ system }) => {
      note(Object.keys((system as unknown as System).getAll()).toSorted())
      note((system as unknown as System).get('nobody') === undefined)
    },
    both: ({ self, system }) => {
      self.send({ type: 'MINE' })
      ;(system as unknown as System).get('printer')?.send({ type: 'YOURS' })
      self.send({ type: 'MINE_TOO' })
    },
    unsendable: ({ system }) => (system as unknown as System).get('printer')?.send({ type: 'BAD', n: () => 1 }),
  },
}).createMachine({
  context: { heard: [] },
  entry: [
    spawnChild('printer', { id: 'printer', systemId: 'printer' }),
    spawnChild('speaker', { id: 'speaker', systemId: 'speaker' }),
  ],
  on: {
    PRINT_BY_ACTION: { actions: 'print' },
    PRINT_BY_PROMISE: { actions: spawnChild('promise') },
    PRINT_BY_CALLBACK: { actions: spawnChild('callback') },
    PRINT_BY_OBSERVABLE: { actions: spawnChild('observable') },
    NAMES: { actions: 'names' },
    SPEAK: { actions: 'speak' },
    BOTH: { actions: 'both' },
    UNSENDABLE: { actions: 'unsendable' },
    '*': { actions: 'hear' },
  },
})

async function open(options: KindOptions = {}): Promise<StillWorld> {
  resetGates()
  const world = await openStillWorld([actor('office', office, options)])
  await world.send('office/a', { type: 'OPEN' })
  return world
}

const heardBy = async (world: StillWorld, address: string): Promise<unknown> =>
  ((await world.state(address))?.snapshot.context as Ctx | undefined)?.heard
const printed = (world: StillWorld): Promise<unknown> => heardBy(world, 'office/a~printer~1')

describe('the system, for what runs after the commit', () => {
  test.for(['action', 'promise', 'callback', 'observable'])('lets %s logic send to the actor of a name', async (by) => {
    await using world = await open()
    await world.send('office/a', { type: `PRINT_BY_${by.toUpperCase()}` })
    expect(await printed(world)).toEqual([`${by} 1`, `${by} 2`])
    expect(await world.realm.parked.list()).toEqual([])
  })

  test.for(['action', 'promise'])('what %s logic sends is sent once when it fails and is tried again', async (by) => {
    const policy = { attempts: 3, backoffMs: 100 }
    await using world = await open({ effects: { print: policy, promise: policy, speaker: {} } })
    failGate(by, new Error('no paper'))
    await world.send('office/a', { type: `PRINT_BY_${by.toUpperCase()}` })
    await world.pass(1000)
    expect(notes()).toEqual([`${by} sent`, `${by} sent`, `${by} sent`])
    expect(await printed(world)).toEqual([`${by} 1`, `${by} 2`])
  })

  test.for(['action', 'promise'])(
    'what %s logic sends is sent once when it is begun again after a crash',
    async (by) => {
      await using world = await open()
      await world.send('office/a', { type: `PRINT_BY_${by.toUpperCase()}` })
      await world.crash()
      openGate(by)
      await world.start()
      await world.pass(0)
      expect(notes().filter((one) => one === `${by} sent`)).toHaveLength(2)
      expect(await printed(world)).toEqual([`${by} 1`, `${by} 2`])
    },
  )

  test('what an action sends to itself is counted once as well when it is tried again', async () => {
    resetGates()
    let runs = 0
    const trying = setup({
      types,
      actions: {
        hear,
        tell: ({ self }) => {
          self.send({ type: 'TOLD' })
          if (++runs < 3) throw new Error('not yet')
        },
      },
    }).createMachine({ context: { heard: [] }, on: { TELL: { actions: 'tell' }, '*': { actions: 'hear' } } })
    await using world = await openStillWorld([
      actor('trying', trying, { effects: { tell: { attempts: 3, backoffMs: 100 } } }),
    ])
    await world.send('trying/a', { type: 'TELL' })
    await world.pass(1000)
    expect(runs).toBe(3)
    expect(await heardBy(world, 'trying/a')).toEqual(['TOLD'])
  })

  test('knows all the names of the family, and nobody else', async () => {
    await using world = await open()
    await world.send('office/a', { type: 'NAMES' })
    expect(notes()).toEqual([['printer', 'speaker'], true])
  })

  test('leads to a callback that runs for the actor as well', async () => {
    await using world = await open({ effects: { speak: { attempts: 2, backoffMs: 100 }, speaker: {} } })
    failGate('speak', new Error('hoarse'))
    await world.send('office/a', { type: 'SPEAK' })
    await world.pass(1000)
    expect(world.traced('effect.begun').filter(({ name }) => name === 'speak')).toHaveLength(2)
    expect(notes()).toEqual(['speaker heard HELLO'])
  })

  test('an action speaks to several, each of whom hears its own', async () => {
    await using world = await open()
    await world.send('office/a', { type: 'BOTH' })
    expect(await heardBy(world, 'office/a')).toEqual(['OPEN', 'MINE', 'MINE_TOO'])
    expect(await printed(world)).toEqual(['YOURS'])
  })

  test('what cannot be stored is the failure of who sent it, not of who was to get it', async () => {
    await using world = await open()
    await world.send('office/a', { type: 'UNSENDABLE' })
    expect(await heardBy(world, 'office/a')).toEqual(['OPEN', 'effect.failed'])
    expect(await printed(world)).toEqual([])
  })
})
