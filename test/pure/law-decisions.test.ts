import { assign, setup } from 'xstate'
import { expect, test } from 'vitest'
import { actor } from '#protocol/actor.ts'
import { openStillWorld } from '#test/support/still-world.ts'

const loan = setup({
  types: { context: {} as { score: number } },
  guards: { rich: ({ context }) => context.score > 700, fair: ({ context }, least: number) => context.score >= least },
}).createMachine({
  context: { score: 0 },
  initial: 'asked',
  on: { SCORE: { actions: assign({ score: ({ event }) => event['score'] as number }) } },
  states: {
    asked: {
      on: {
        DECIDE: [
          { guard: 'rich', target: 'granted', meta: { confidence: 0.9 } },
          { guard: { type: 'fair', params: 500 }, target: 'review' },
          { target: 'refused' },
        ],
      },
    },
    granted: {},
    review: {
      always: { guard: 'rich', target: 'granted' },
      on: {
        DECIDE: [
          { guard: 'rich', target: 'granted' },
          { guard: { type: 'fair', params: 1 }, target: 'refused' },
        ],
      },
    },
    refused: {},
  },
})

async function decisionsOf(
  kind: Parameters<typeof openStillWorld>[0][number],
  score: number,
  event: object = {},
): Promise<unknown[]> {
  await using world = await openStillWorld([kind])
  await world.send('loan/a', { type: 'SCORE', score })
  await world.send('loan/a', { type: 'DECIDE', ...event })
  await world.crash()
  await world.start()
  const lines = await world.realm.operate.history('loan/a', { limit: 10 })
  return lines.flatMap(({ steps }) => steps.flatMap(({ decision }) => (decision === undefined ? [] : [decision])))
}

test('a guarded choice leaves its options, the one taken, and a confidence where the machine gives one [N29]', async () => {
  const kind = actor('loan', loan, { decisions: true })
  const options = (chosen: number) => [
    { target: ['(machine).granted'], guard: 'rich', chosen: chosen === 0 },
    { target: ['(machine).review'], guard: 'fair', chosen: chosen === 1 },
    { target: ['(machine).refused'], guard: undefined, chosen: chosen === 2 },
  ]
  expect(await decisionsOf(kind, 800)).toEqual([{ options: options(0), confidence: 0.9 }])
  expect(await decisionsOf(kind, 100)).toEqual([{ options: options(2) }])
  expect(await decisionsOf(kind, 100, { confidence: 0.4 })).toEqual([{ options: options(2), confidence: 0.4 }])
})

test('a kind that does not ask for decisions has none [N29]', async () => {
  expect(await decisionsOf(actor('loan', loan), 800)).toEqual([])
})
