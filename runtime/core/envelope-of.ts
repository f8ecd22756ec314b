/**
 * An arrival as an envelope: itself, or for an event of the node (a timer, a schedule, a topic, an
 * effect) the envelope that it would have been if somebody had sent it. It serves the clause "an
 * envelope arrives on a subject": what waits or is parked has one form, whoever it came from.
 */
import type { Address } from '#protocol/address.ts'
import type { AnyEvent, Arrived } from '#protocol/envelope.ts'
import type { Arrival, Circumstances } from './arrival.ts'

type Came = {
  readonly arrival: Arrival
  readonly address: Address
  readonly around: Pick<Circumstances, 'now' | 'generation'>
  /** Where on the log that stands which led to it. */
  readonly cause: string | undefined
}

/** The event is the one that the machine was given, which an effect's result only leads to. */
export function envelopeOf({ arrival, address, around, cause }: Came, event: AnyEvent): Arrived {
  if (arrival.by === 'envelope') {
    const { envelope } = arrival
    return envelope.content.is === 'event' ? envelope : { ...envelope, content: { is: 'event', event } }
  }
  return {
    to: address,
    content: { is: 'event', event },
    ...originOf(arrival, event),
    at: around.now,
    n: 0,
    index: 0,
    generation: around.generation,
    cause,
    // It asks nothing: the question on whose behalf it came may still be answered.
    ask: undefined,
    deadline: undefined,
    traceparent: undefined,
    seq: 0,
    sender: 'c',
  }
}

function originOf(arrival: Exclude<Arrival, { by: 'envelope' }>, event: AnyEvent): Pick<Arrived, 'from' | 'id'> {
  switch (arrival.by) {
    case 'timer':
      return arrival.name === '.cron'
        ? { from: 'cron', id: String(event['at']) }
        : { from: 'timer', id: `${arrival.name}#${arrival.visit}` }
    case 'topic':
      return { from: 'topic', id: String(arrival.seq) }
    default:
      return { from: arrival.by, id: undefined }
  }
}
