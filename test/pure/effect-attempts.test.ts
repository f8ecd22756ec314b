/** Attempts of effects over restarts: what a policy limits stays limited, whatever ends the process. */
import { pause } from '#runtime/clock.ts'
import fc from 'fast-check'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { assign, fromPromise, setup } from 'xstate'
import { actor, type EffectPolicy, type KindOptions } from '#protocol/actor.ts'
import { encode } from '#protocol/codec.ts'
import { decodeState, type Effect } from '#protocol/state.ts'
import { afterDeath } from '#runtime/core/attempts.ts'
import { openMemoryLog } from '#runtime/memory/memory-bus.ts'
import { openVirtualClock } from '#runtime/memory/virtual-clock.ts'
import { openMemoryDisk } from '#store/memory-store.ts'
import { nodeOptions, openTestRealm } from '#test/support/engine.ts'
import { failGate, gate, note, notes, openGate, resetGates } from '#test/support/gates.ts'
import { type Process, startProcess } from '#test/support/sim/process.ts'
import { openStillWorld, type StillWorld } from '#test/support/still-world.ts'

type Ctx = { readonly heard: readonly string[] }
type Event =
  | { readonly type: 'GO' | 'BLOCK' | 'ACT' }
  | { readonly type: 'effect.failed'; readonly error: { readonly code: string } }

/** What an effect does when it runs; the worst of them ends the process that runs it. */
let work: (key: string) => Promise<unknown>

beforeEach(() => {
  resetGates()
  work = (key) => gate(key)
})
afterEach(resetGates)

const caller = setup({
  types: { context: {} as Ctx, events: {} as Event },
  actors: {
    call: fromPromise(() => {
      note('call')
      return work('call')
    }),
    block: fromPromise(() => gate('block')),
  },
  actions: {
    poke() {
      note('poke')
      void work('poke')
    },
    hear: assign({
      heard: ({ context }, what: string) => [...context.heard, what],
    }),
  },
}).createMachine({
  context: { heard: [] },
  initial: 'idle',
  states: {
    idle: {},
    calling: {
      invoke: {
        src: 'call',
        onDone: { target: 'idle', actions: { type: 'hear', params: ({ event }) => `done ${String(event.output)}` } },
        onError: {
          target: 'idle',
          actions: { type: 'hear', params: ({ event }) => (event.error as { code?: string }).code ?? 'error' },
        },
      },
    },
    blocking: { invoke: { src: 'block' } },
  },
  on: {
    GO: '.calling',
    BLOCK: '.blocking',
    ACT: { actions: 'poke' },
    'effect.failed': {
      actions: {
        type: 'hear',
        params: ({ event }) => `failed ${event.error.code}`,
      },
    },
  },
})

const kindOf = (options: KindOptions) => actor('caller', caller, options)

async function heard(world: StillWorld, key = 'a'): Promise<unknown> {
  return ((await world.state(`caller/${key}`))?.snapshot.context as Ctx | undefined)?.heard
}

const runs = (): number => notes().filter((one) => one === 'call').length

test.each([
  ['call', 'GO', 'effect.unknown'],
  ['poke', 'ACT', 'failed effect.unknown'],
])(
  'an effect that ends its process each time ends itself when its attempts are over (%s)',
  async (name, type, told) => {
    await using world = await openStillWorld([kindOf({ effects: { [name]: { attempts: 3 } } })])
    work = () => {
      void world.crash()
      return new Promise(() => undefined)
    }
    await world.send('caller/a', { type })
    let lives = 1
    for (; lives < 10 && (await world.isDown()); lives++) await world.start()
    expect(lives).toBe(4)
    expect(notes()).toHaveLength(3)
    expect(await heard(world)).toEqual([told])
    expect((await world.state('caller/a'))?.book.effects).toBeUndefined()
  },
)

test('without a limit an effect is begun again for each process that ended, under a number of its own', async () => {
  await using world = await openStillWorld([kindOf({})])
  await world.send('caller/a', { type: 'GO' })
  for (let crash = 0; crash < 4; crash++) {
    await world.crash()
    await world.start()
  }
  expect(world.traced('effect.begun').map(({ attempt }) => attempt)).toEqual([1, 2, 3, 4, 5])
  openGate('call', 'late')
  await world.settle()
  expect(await heard(world)).toEqual(['done late'])
})

test.each([
  ['one attempt', { attempts: 1 }],
  ['several attempts', { attempts: 3 }],
  ['an unknown outcome that is a failure', { unknown: 'fail' }],
] as const)('what waits for a place has not begun: no restart takes anything from it (%s)', async (_, policy) => {
  await using world = await openStillWorld(
    [kindOf({ effectLimit: 1, effects: { block: {}, call: policy } })],
    // One partition takes its actors up in the order of their keys.
    { partitions: 1 },
  )
  await world.send('caller/a', { type: 'BLOCK' })
  await world.send('caller/b', { type: 'GO' })
  for (let crash = 0; crash < 5; crash++) {
    await world.crash()
    await world.start()
  }
  expect(runs()).toBe(0)
  openGate('block')
  openGate('call', 'in the end')
  await world.settle()
  expect(runs()).toBe(1)
  expect(await heard(world, 'b')).toEqual(['done in the end'])
})

test('an effect that waited for its next attempt when the process ended is not one of unknown outcome', async () => {
  await using world = await openStillWorld([
    kindOf({ effects: { call: { attempts: 2, backoffMs: 1000, unknown: 'fail' } } }),
  ])
  failGate('call', new Error('busy'))
  await world.send('caller/a', { type: 'GO' })
  await world.crash()
  await world.start()
  expect(await heard(world)).toEqual([])
  await world.pass(1000)
  expect([runs(), await heard(world)]).toEqual([2, ['error']])
})

test.each([
  ['of every attempt, where a death could use one up', { attempts: 2, backoffMs: 10 }, [true, true]],
  ['of none that a death only repeats', {}, [false]],
] as const)('the number is on the log before it starts: %s', async (_, policy, expected) => {
  await using world = await openStillWorld([kindOf({ effects: { call: policy } })])
  const begun: unknown[] = []
  work = async () => {
    const bytes = world.log
      .entries()
      .filter(({ subject }) => subject.includes('.commit.'))
      .at(-1)?.data
    begun.push(Buffer.from(bytes ?? new Uint8Array()).includes('perdure.attempted'))
    throw new Error('busy')
  }
  await world.send('caller/a', { type: 'GO' })
  await world.pass(10)
  expect(begun).toEqual(expected)
})

test('a state from before attempts were counted as begun is resumed as one that had begun', () => {
  const effect: Effect = {
    id: '0-n-1-0',
    name: 'call',
    is: 'logic',
    input: undefined,
    child: 'call',
    attempt: 2,
    begunAt: 0,
    notBefore: 0,
    deadline: undefined,
    sync: false,
    taken: 0,
  }
  const bytes = encode([1, 1, 'h', 0, 'idle', {}, 1, 1, 0, 0, { effects: { [effect.id]: effect } }])
  const stored = decodeState(bytes).book.effects?.[effect.id] as Effect
  expect(afterDeath(stored, { attempts: 3 })).toMatchObject({ is: 'go', effect: { attempt: 3, begun: 2 } })
  expect(afterDeath(stored, { attempts: 2 })).toEqual({ is: 'unknown' })
})

type Death = { readonly at: number; readonly after: boolean }

const deathAt = (most: number): fc.Arbitrary<Death> =>
  fc.record({ at: fc.integer({ min: 5, max: most }), after: fc.boolean() })

/** Lives that end at the operations named, then one that does not, and that alone carries the label. */
async function runLives(deaths: readonly Death[], policy: EffectPolicy): Promise<readonly string[]> {
  const processes: Process[] = []
  const clock = openVirtualClock({
    start: 0,
    progress: () => processes.map((one) => `${one.operations} ${one.node?.health().queued}`).join(),
  })
  const log = openMemoryLog({ realm: 'sim', partitions: 1, clock })
  const disk = openMemoryDisk()
  const kinds = [kindOf({ effects: { call: policy } })]
  const realm = openTestRealm(log.connect(), clock)
  const launch = (death?: Death): void => {
    const options = { ...nodeOptions, labels: death === undefined ? ['gpu'] : [] }
    const dies = (operation: number) =>
      operation === death?.at ? (death.after ? ('after' as const) : ('before' as const)) : undefined
    processes.push(startProcess({ log, clock, disk, kinds, options, dies }))
  }
  work = async () => {
    await pause(clock, 70)
    throw new Error('busy')
  }
  launch(deaths[0])
  const sent = realm.send('caller/a', { type: 'GO' })
  for (const death of [...deaths.slice(1), undefined]) {
    await clock.advance(400)
    processes.at(-1)?.crash()
    launch(death)
  }
  await clock.advance(5000)
  await sent
  const state = (await realm.operate.show('caller/a'))?.state
  processes.at(-1)?.crash()
  await realm.close()
  return (state?.snapshot.context as Ctx | undefined)?.heard ?? []
}

test('wherever a process ends, no more attempts are begun than the policy says, and one end is heard', async () => {
  let most = 0
  await fc.assert(
    fc.asyncProperty(fc.array(deathAt(60), { minLength: 1, maxLength: 6 }), async (deaths) => {
      resetGates()
      const told = await runLives(deaths, { attempts: 3, backoffMs: 50 })
      expect(runs()).toBeLessThanOrEqual(3)
      expect(told).toHaveLength(1)
      most = Math.max(most, runs())
    }),
    { numRuns: 60, seed: 11 },
  )
  expect(most).toBe(3)
})

test('wherever a process ends, what waits for a carrier keeps its one attempt', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(deathAt(25), { minLength: 1, maxLength: 3 }), async (deaths) => {
      resetGates()
      // Its own failure, not an outcome that nobody knows.
      expect(await runLives(deaths, { attempts: 1, label: 'gpu' })).toEqual(['error'])
      expect(runs()).toBe(1)
    }),
    { numRuns: 60, seed: 11 },
  )
})
