/** States as an older definition stored them, and definitions that are to take them. */
import { type AnyActorLogic, fromPromise, setup } from 'xstate'
import { actor, type KindOptions } from '#protocol/actor.ts'
import { type ActorState, type Book, type StoredSnapshot, type Timer } from '#protocol/state.ts'
import { type Blueprint, blueprintOf } from '#runtime/core/blueprint.ts'
import { types } from './scenario.ts'

export const work = fromPromise(async () => 1)
export const define = (config: object, options: KindOptions = {}, more: object = {}): Blueprint =>
  blueprintOf(
    actor(
      'order',
      setup({ types, actors: { work }, delays: { soon: 5 }, actions: { note: () => {} }, ...more }).createMachine({
        id: 'm',
        context: { n: 1 },
        ...config,
      } as never) as unknown as AnyActorLogic,
      options,
    ),
  )

export const stored = (
  value: unknown,
  more: Partial<StoredSnapshot> = {},
  book: Book = {},
  version = 1,
): ActorState => ({
  version,
  hash: 'old',
  snapshot: {
    status: 'active',
    value,
    context: { n: 1 },
    history: undefined,
    output: undefined,
    error: undefined,
    ...more,
  },
  book,
  visits: 3,
  steps: 9,
  bornAt: 1,
  steppedAt: 2,
})

export const timer = (type: string): Timer => ({
  name: type,
  visit: 2,
  due: 777,
  delay: 1000,
  event: { type },
  policy: 'deadline',
  awayMs: 0,
})
export const timers = (...names: string[]): Book => ({
  timers: Object.fromEntries(names.map((name) => [name, timer(name)])),
})
