/** A question that is asked again, under the same id and by whichever life of its program, until it is answered. */
import type { AnyEvent } from '#protocol/envelope.ts'
import type { ActorHandle } from '#runtime/client/actor-handle.ts'
import type { Outside, Program } from './outside.ts'

export type Question = {
  readonly id: string
  readonly program: Program
  /** Through the handle that the program has by then. */
  readonly to: (program: Program) => ActorHandle
  readonly event: AnyEvent
}

export type Answer = { readonly value: unknown }

const triesMost = 20
const timeoutMs = 3000
const pauseMs = 1000

/** Nothing: whether it was heard is not known. */
export async function answerTo(outside: Outside, { id, program, to, event }: Question): Promise<Answer | undefined> {
  for (let tries = 0; tries < triesMost; tries++) {
    let value: unknown
    const asking = to(program).ask(event, { timeoutMs, id })
    const outcome = await outside.outcomeOf(
      program,
      asking.then((answer) => (value = answer)),
    )
    if (outcome === 'done') return { value }
    await outside.sleep(pauseMs)
  }
  return undefined
}
