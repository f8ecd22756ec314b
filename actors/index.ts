/** The example kinds that `perdure up` runs when it is given none. One line for each. */
import type { ActorKind } from '#protocol/actor.ts'
import { counter } from './counter.ts'
import { order } from './order.ts'
import { room } from './room.ts'

export const exampleActors: readonly ActorKind[] = [counter, order, room]
