/** What an actor was given until an instant, through its machine once more, is the state it is shown to have had then. */
import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { assign, fromPromise, setup } from 'xstate'
import { actor } from '#protocol/actor.ts'
import { encode } from '#protocol/codec.ts'
import { openTestRealm } from '#runtime/test.ts'

type Event = { readonly type: 'ASK'; readonly question: string }

/** Thinks outside, says it, rests, and forgets after a while. */
const agent = actor(
  'agent',
  setup({
    types: { context: {} as { said: string[]; rests: number; seen: Map<string, bigint> }, events: {} as Event },
    actors: { think: fromPromise<string, string>(async ({ input }) => `about ${input}`) },
  }).createMachine({
    context: { said: [], rests: 0, seen: new Map() },
    initial: 'idle',
    states: {
      idle: {
        on: {
          ASK: {
            target: 'thinking',
            actions: assign({
              seen: ({ context, event }) => new Map([...context.seen, [event.question, BigInt(context.seen.size)]]),
            }),
          },
        },
        after: { 60_000: { actions: assign({ said: [] }) } },
      },
      thinking: {
        invoke: {
          src: 'think',
          input: ({ context }) => [...context.seen.keys()].at(-1) ?? '',
          onDone: {
            target: 'resting',
            actions: assign({ said: ({ context, event }) => [...context.said, event.output] }),
          },
        },
      },
      resting: { after: { 700: { target: 'idle', actions: assign({ rests: ({ context }) => context.rests + 1 }) } } },
    },
  }),
  { version: 1 },
)

type Seen = { readonly value: unknown; readonly status: string; readonly context: unknown }

const hashOf = ({ value, status, context }: Seen): string =>
  createHash('sha256')
    .update(encode([value, status, context]))
    .digest('hex')

test('inputs up to a time, replayed, give the hash of the state at that time [NM19]', async () => {
  await using realm = await openTestRealm({ actors: [agent] })
  const times: number[] = []
  const then: string[] = []
  for (let round = 0; round < 12; round++) {
    await realm.send('agent/7', { type: 'ASK', question: `question ${round}` })
    await realm.settle()
    await realm.advance(round % 3 === 0 ? 100 : 900)
    if (round % 5 === 4) await realm.restart({ away: 70_000 })
    times.push(realm.now())
    then.push(hashOf((await realm.operate.show('agent/7'))!.state.snapshot))
    await realm.advance(1)
  }
  expect(new Set(then).size).toBeGreaterThan(8)
  for (const [at, time] of times.entries()) {
    const { state } = await realm.past.at({ time }, 'agent/7')
    expect(hashOf(state!.snapshot as Seen)).toBe(then[at])
    const inputs = await Array.fromAsync(realm.past.inputs('agent/7', { until: { time } }))
    const steps = await Array.fromAsync(realm.past.debug('agent/7', { kind: agent, inputs, until: { time } }))
    expect(hashOf(steps.at(-1)!.old as Seen)).toBe(then[at])
  }
})
