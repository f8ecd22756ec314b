/**
 * An actor is set back to a state that it had. It serves "rewind: one commit each". Invariants: it
 * happens once, and only while the actor is as it was when that was decided; its numbers never go
 * back, so nothing of the life that is taken back is mistaken for something of the one that goes on;
 * nothing is sent by it. An event that comes with it (`then`) is a step of its own in the same commit:
 * nothing comes between, and it is not taken where its actor does not go back.
 */
import type { AnyEvent, Arrived, Content } from '#protocol/envelope.ts'
import { Fault, storedFaultOf } from '#protocol/fault.ts'
import { type ActorState, type Book, decodeState } from '#protocol/state.ts'
import type { Deed } from './arrival.ts'
import { type Live, revive } from './live.ts'
import { close, makingOf, nothing, parked, type StepInput, type Stepped } from './making.ts'

export type Rewind = Extract<Content, { is: 'rewind' }>

export const rewindType = 'perdure.rewind'

/** `take`: how an event is stepped that comes next. */
export function onRewind(
  input: StepInput,
  { envelope, content }: { readonly envelope: Arrived; readonly content: Rewind },
  take: (input: StepInput) => Stepped,
): Stepped {
  const rewound = setBack(input, envelope, content)
  if (content.then === undefined || rewound.outcome.mark !== undefined) return rewound
  return together(rewound, take(behind(input, rewound, thenOf(envelope, content.then))))
}

/**
 * What the event that came with a rewind threw is that event's matter alone, as if it had come next:
 * its actor is back, and this is what followed from the throw. Nothing where it was not the event that threw.
 */
export function withoutThen(input: StepInput, take: (input: StepInput) => Stepped): Stepped | undefined {
  const envelope = input.arrival.by === 'envelope' ? input.arrival.envelope : undefined
  if (envelope?.content.is !== 'rewind' || envelope.content.then === undefined) return undefined
  let rewound: Stepped
  try {
    rewound = setBack(input, envelope, envelope.content)
  } catch {
    // The state that it was to go back to does not fit: that is what supervision is asked about.
    return undefined
  }
  if (rewound.outcome.mark !== undefined) return undefined
  return together(rewound, take(behind(input, rewound, thenOf(envelope, envelope.content.then))))
}

/** The event as the envelope it would have been if it had come next. */
export function thenOf(envelope: Arrived, event: AnyEvent): Arrived {
  return { ...envelope, content: { is: 'event', event } }
}

function behind(input: StepInput, { live }: Stepped, envelope: Arrived): StepInput {
  return { ...input, live, arrival: { by: 'envelope', envelope } }
}

/** What was to begin because of the one and was left by the other does not begin. */
function together({ outcome: back }: Stepped, { live, outcome }: Stepped): Stepped {
  const wanted = live?.book.effects ?? {}
  const left = new Set(
    back.deeds.flatMap((deed) => (deed.is === 'begin' && wanted[deed.effect.id] === undefined ? [deed.effect.id] : [])),
  )
  const deeds = [...back.deeds, ...outcome.deeds].filter((deed) => !left.has(effectIn(deed) ?? ''))
  const outputs = [...back.outputs, ...outcome.outputs]
  return { live, outcome: { ...outcome, outputs, deeds, changed: true, first: { type: back.type } } }
}

function effectIn(deed: Deed): string | undefined {
  if (deed.is === 'log') return undefined
  return deed.is === 'begin' ? deed.effect.id : deed.effect
}

function setBack(input: StepInput, envelope: Arrived, content: Rewind): Stepped {
  const { live, around } = input
  const id = `rewind:${envelope.id ?? ''}`
  if (live?.book.ids?.[id] !== undefined) return nothing(live, rewindType, 'duplicate')
  if (content.state === null && content.then !== undefined) return refused(input, envelope, 'rewind.nobody')
  if (live === undefined && content.state === null) return nothing(live, rewindType, 'stale')
  if (!isAsSeen(live, content.seen)) return refused(input, envelope, 'rewind.moved')
  if (content.state === null) return gone(input, live as Live)
  const next = revived(input, decodeState(content.state))
  next.book.ids = { ...next.book.ids, [id]: around.now }
  const making = makingOf(input, next)
  making.changed = true
  making.deeds.push(...deedsBetween(live?.book, next.book))
  return close(making, rewindType)
}

function refused(input: StepInput, envelope: Arrived, code: 'rewind.moved' | 'rewind.nobody'): Stepped {
  return parked(input, envelope, rewindType, storedFaultOf(new Fault(code, { value: input.address })))
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
  return close(making, rewindType)
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
