/**
 * The beginning of an actor: its blueprint, an empty book, and the initial snapshot of its
 * machine. Nothing is sent before the step that makes it settles.
 */
import { interpret } from './interpret.ts'
import { isRemains } from './lifecycle.ts'
import { blueprintFor, familyFor, type Live, surroundingsOf } from './live.ts'
import type { MachineStep } from './machine-step.ts'
import { initialStep } from './machine.ts'
import type { Making, StepInput } from './making.ts'
import { settle } from './take-event.ts'

export type Begun = { readonly live: Live; readonly settle: (making: Making) => void }

/**
 * A new actor with its initial snapshot; its initial actions are done when the step settles it.
 * What a life before it had still to run is run, and its numbers are not given again.
 */
export function beginActor(
  input: Pick<StepInput, 'root' | 'address' | 'around' | 'family' | 'live'>,
  start: { readonly input: unknown; readonly parent?: Live['book']['parent']; readonly visits?: number },
): Begun {
  const { root, address, around, family } = input
  const book: Live['book'] = {}
  if (start.input !== undefined) book.input = start.input
  if (start.parent !== undefined) book.parent = start.parent
  const remains = isRemains(input.live) ? input.live : undefined
  const left = remains?.book.effects
  if (left !== undefined) book.effects = left
  const blueprint = blueprintFor(root, book)
  const live: Live = {
    address,
    blueprint,
    snapshot: undefined as unknown as Live['snapshot'],
    stored: undefined,
    book,
    version: blueprint.version,
    hash: blueprint.hash,
    // A child's address is its own for ever; a root's key may have had a life before this one.
    visits: start.visits ?? remains?.visits ?? (start.parent === undefined ? around.visitFloor : 0),
    steps: 0,
    bornAt: around.now,
    steppedAt: around.now,
  }
  const first: MachineStep = initialStep(blueprint, start.input, surroundingsOf(live, familyFor(live, family)))
  return {
    live,
    settle(making) {
      settle(making, first.snapshot, () => interpret(making, first.actions))
    },
  }
}
