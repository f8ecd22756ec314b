/** A rewind and the event that comes with it, as one step of the core: what is done on the node because of both. */
import { expect, test } from 'vitest'
import { assign, fromPromise, setup } from 'xstate'
import { actor } from '#protocol/actor.ts'
import { bareEnvelope, type Content } from '#protocol/envelope.ts'
import { type ActorState, encodeState } from '#protocol/state.ts'
import { blueprintOf } from '#runtime/core/blueprint.ts'
import { replayOf } from '#runtime/core/replay.ts'

const machine = setup({
  types: { context: {} as { sum: number } },
  actors: { work: fromPromise(async () => undefined) },
}).createMachine({
  context: { sum: 0 },
  initial: 'resting',
  on: {
    ADD: { actions: assign({ sum: ({ context }) => context.sum + 1 }) },
    BOOM: {
      actions: assign({
        sum: (): number => {
          throw new Error('no')
        },
      }),
    },
  },
  states: {
    resting: { on: { WORK: 'working' } },
    working: { invoke: { src: 'work' }, on: { REST: 'resting' } },
  },
})
const desk = actor('desk', machine, { version: 1 })

const limits = { outputsMost: 100, deferLimit: 10, asksMost: 10, askLateMs: 0, retainMs: 1 }

test('what the rewind would begin and its event leaves is neither begun nor aborted', () => {
  const replay = replayOf({ root: blueprintOf(desk), address: 'desk/a', state: undefined, registry: undefined }, limits)
  const take = (content: Content, seq: number): readonly string[] => {
    const envelope = {
      ...bareEnvelope,
      to: 'desk/a',
      content,
      from: 'me',
      id: `${seq}`,
      at: 0,
      seq,
      sender: 'c',
    } as const
    const around = { now: seq, generation: 0, awayMs: 0, openedAt: 0, lastSeq: seq, visitFloor: 0 }
    return replay.take({ by: 'envelope', envelope }, around).outcome?.deeds.map(({ is }) => is) ?? []
  }
  const event = (type: string) => ({ is: 'event', event: { type } }) as const
  expect(take(event('WORK'), 1)).toEqual(['begin'])
  const state = encodeState(replay.state as ActorState)
  expect(take(event('REST'), 2)).toEqual(['abort'])
  const back = { is: 'rewind', state, seen: null } as const
  expect(take({ ...back, then: { type: 'ADD' } }, 3)).toEqual(['begin'])
  expect(take(event('REST'), 4)).toEqual(['abort'])
  expect(take({ ...back, then: { type: 'REST' } }, 5)).toEqual([])
  expect(take({ ...back, then: { type: 'BOOM' } }, 6)).toEqual(['begin'])
})
