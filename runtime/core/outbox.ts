/**
 * A step may send more than one batch holds. Then the rest stands in the actor's state, and is
 * drained in parts, each by a commit of its own and before anything else of this actor: a crash
 * in between loses nothing and repeats nothing.
 */
import type { Output } from './arrival.ts'
import type { Making } from './making.ts'

/** Moves what is over the limit into the book. A deleted actor stays until its outbox is empty. */
export function keepRest(making: Making): void {
  const { live, outputs, around } = making
  if (outputs.length <= around.outputsMost) return
  live.book.outbox = [...(live.book.outbox ?? []), ...outputs.splice(around.outputsMost)]
  making.changed = true
  if (!making.gone) return
  making.gone = false
  live.stored ??= {
    status: 'stopped',
    value: null,
    context: undefined,
    history: undefined,
    output: undefined,
    error: undefined,
  }
  live.book = {
    outbox: live.book.outbox,
    ended: { reason: 'deleted', at: around.now, retire: Number.MAX_SAFE_INTEGER },
  }
}

export function drainOutbox(making: Making): void {
  const { live, outputs, around } = making
  const rest = (live.book.outbox ?? []) as Output[]
  outputs.push(...rest.slice(0, around.outputsMost))
  making.changed = true
  if (rest.length > around.outputsMost) {
    live.book.outbox = rest.slice(around.outputsMost)
    return
  }
  delete live.book.outbox
}
