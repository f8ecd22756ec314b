/**
 * An actor is set back to a state that it had. It serves "rewind: one commit each". Invariants: it
 * happens once, and only while the actor is as it was when that was decided; its numbers never go
 * back, so nothing of the life that is taken back is mistaken for something of the one that goes on;
 * nothing is sent by it.
 */
import type { Arrived, Content } from '#protocol/envelope.ts'
import { Fault, storedFaultOf } from '#protocol/fault.ts'
import { type ActorState, type Book, decodeState } from '#protocol/state.ts'
import type { Deed } from './arrival.ts'
import { type Live, revive } from './live.ts'
import { close, makingOf, nothing, parked, type StepInput, type Stepped } from './making.ts'

export type Rewind = Extract<Content, { is: 'rewind' }>

const type = 'perdure.rewind'

export function onRewind(input: StepInput, envelope: Arrived, content: Rewind): Stepped {
  const { live, around } = input
  const id = `rewind:${envelope.id ?? ''}`
  if (live?.book.ids?.[id] !== undefined) return nothing(live, type, 'duplicate')
  if (live === undefined && content.state === null) return nothing(live, type, 'stale')
  if (!isAsSeen(live, content.seen)) {
    const fault = new Fault('rewind.moved', { value: input.address })
    return parked(input, envelope, type, storedFaultOf(fault))
  }
  if (content.state === null) return gone(input, live as Live)
  const next = revived(input, decodeState(content.state))
  next.book.ids = { ...next.book.ids, [id]: around.now }
  const making = makingOf(input, next)
  making.changed = true
  making.deeds.push(...deedsBetween(live?.book, next.book))
  return close(making, type)
}

function isAsSeen(live: Live | undefined, seen: Rewind['seen']): boolean {
  return live === undefined ? seen === null : seen !== null && seen[0] === live.steps && seen[1] === live.bornAt
}

/** It was not there then. What it asked for and has not run is not run. */
function gone(input: StepInput, live: Live): Stepped {
  const making = makingOf(input, live)
  making.deeds.push(...deedsBetween(live.book, {}))
  delete live.book.effects
  making.changed = true
  making.gone = true
  return close(making, type)
}

function revived({ root, address, family, live, around }: StepInput, state: ActorState): Live {
  const then = {
    ...state,
    steps: Math.max(state.steps, live?.steps ?? 0),
    visits: Math.max(state.visits, live?.visits ?? around.visitFloor),
    book: { ...state.book, ...subscribed(state.book, live?.book, around.lastSeq) },
  }
  return revive(root, address, then, family)
}

/** What was emitted meanwhile is not heard again: some of it was taken back, and nobody could tell which. */
function subscribed(then: Book, now: Book | undefined, lastSeq: number): Pick<Book, 'subscriptions'> {
  if (then.subscriptions === undefined) return {}
  const subscriptions = then.subscriptions.map(({ pattern, from }) => ({
    pattern,
    from: Math.max(from, now?.subscriptions?.find((one) => one.pattern === pattern)?.from ?? lastSeq),
  }))
  return { subscriptions }
}

/** What runs and was not asked for then ends; what was pending then and has ended since begins again, under its id. */
function deedsBetween(now: Book | undefined, then: Book): Deed[] {
  const running = now?.effects ?? {}
  const wanted = then.effects ?? {}
  return [
    ...Object.keys(running).flatMap((effect): Deed[] =>
      wanted[effect] === undefined ? [{ is: 'abort', effect, reason: 'left' }] : [],
    ),
    ...Object.values(wanted).flatMap((effect): Deed[] =>
      running[effect.id] === undefined ? [{ is: 'begin', effect }] : [],
    ),
  ]
}
