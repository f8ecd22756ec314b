/** Faults of envelopes, events and the actors that they meet. */
import type { FaultEntry } from './entry.ts'

export const eventFaults = {
  'envelope.undecodable': [
    'park',
    'The payload ({size} bytes) is neither JSON nor msgpack: {reason}. Send an object with a "type", for example {"type":"PAY"}.',
  ],
  'envelope.format': [
    'park',
    'The envelope is of format {have}; this release reads up to {want}. Use a newer perdure on this node, then replay.',
  ],
  'event.untyped': ['park', 'The event has no "type" text. Send an object such as {"type":"PAY","amount":5}.'],
  'event.reserved': [
    'park',
    'The event type "{value}" belongs to the runtime. Types that begin with "xstate." or "perdure." cannot be sent from outside.',
  ],
  'event.typeTooLong': [
    'park',
    'The event type "{value}…" has {size} characters; the limit is {limit}. Keep the type short and put the rest into a field of the event.',
  ],
  'event.idTooLong': [
    'park',
    'The id "{value}…" of the event has {size} characters; the limit is {limit}. Use a shorter one, for example a hash of it.',
  ],
  'session.forgotten': [
    'park',
    'Whether this event was taken before cannot be told: it was sent again, and its session is among those that were forgotten (each partition remembers actors.clientsMost). Look at what it should have done; if it was not done, replay it, else drop it.',
  ],
  'event.invalid': ['park', 'The event "{value}" does not fit the schema of "{kind}": {problems}'],
  'event.unhandled': [
    'park',
    'No transition of "{kind}" handles "{value}" in state {state}; the policy of its kind for such events is "{policy}".',
  ],
  'event.deferredTooMany': [
    'park',
    'The event "{value}" waited for a state that handles it, but {limit} are waiting already.',
  ],
  'event.tooBig': [
    'park',
    "The event is {size} bytes; the limit is {limit} (half of the server's max_payload). Store the large part elsewhere and send its address, or raise max_payload.",
  ],
  'actor.done': [
    'park',
    'The actor {value} has ended ({reason}); it takes no more events. Send to a new key, or delete it first.',
  ],
  'actor.absent': ['park', 'There is no actor {value}. A child cannot be created by an event; its parent spawns it.'],
  'actor.unknown': ['park', 'There is no actor {value}. Its first event creates it: perdure send {value} TYPE.'],
  'actor.exists': ['park', 'The actor {value} was started already with another input.'],
  'actor.threw': ['park', 'A step of {value} threw: {reason}'],
  'actor.unmigrated': [
    'park',
    'The stored state of {value} does not fit version {version} of its kind: {reason}. Add or mend the migrate step, then replay.',
  ],
  'actor.unserializable': [
    'park',
    'The state of {value} cannot be stored: {reason}. Keep plain data in the context; functions and symbols cannot be made durable.',
  ],
  'value.unserializable': [
    'park',
    'The value cannot be stored or sent: {reason}. Keep plain data in contexts and events; functions and symbols cannot be made durable.',
  ],
  'actor.tooBig': [
    'park',
    'The state of {value} is {size} bytes; the limit is {limit}. Move the large part into a memory or an object.',
  ],
  'actor.failed': ['park', 'The actor {value} failed: {reason}'],
  'action.inline': [
    'park',
    'The action "{value}" is an inline function, which cannot be recorded. Name it in setup({ actions: { … } }) and refer to it by name.',
  ],
  'action.absent': [
    'park',
    'The machine has no action "{value}" any more, but a step of an earlier definition asked for it, so it could not run. Bring it back under that name, or do by hand what it was to do.',
  ],
  'action.lost': [
    'park',
    'The action "{value}" of {self} failed ({reason}), and the actor, which has ended, cannot hear of it. Do by hand what it was to do, or find out why it failed before the next one ends.',
  ],
  'spawn.inline': [
    'park',
    'The actor "{value}" was spawned inside assign, or from logic without a name. Name the logic in setup({ actors: { … } }) and use spawnChild("name", { id }).',
  ],
  'spawn.unknown': ['park', '"{value}" is not a named actor of this machine. Add it to setup({ actors: { … } }).'],
  'send.unknown': ['park', 'There is nobody to send to: {value}.'],
  'ref.idle': [
    'park',
    'A reference to {value} sends nothing by itself. Use sendTo(ref, event) in a machine, and realm.ref(…).send(event) outside of one.',
  ],
  'child.foreign': [
    'park',
    '{value} is not a child of {self}, so it cannot be stopped from there. Send it an event that it stops on.',
  ],
  'loop.endless': [
    'park',
    'The machine made {limit} internal transitions for one event without coming to rest. Look for an always or raise that never ends.',
  ],
  'clock.restless': [
    'crash',
    'Nothing came to rest within {limit} turns while virtual time stood still. Look for actors that send to each other without end, or a delay of 0 that begins again.',
  ],
  'clock.unreadable': [
    'crash',
    '"{value}" is not a length of time. Give milliseconds, or an amount and a unit such as "90 s", "2 hours" or "7 days".',
  ],
  'parked.absent': ['park', 'Nothing is parked at {value}. "perdure parked" lists what is.'],
  'parked.eventless': [
    'park',
    'What is parked at {value} holds no event that could be replayed as it is. Give one: perdure parked replay {value} \'{"type":"…"}\', or drop it.',
  ],
  'timer.absent': ['park', 'The actor {value} has no timer "{name}". Armed are: {known}.'],
} as const satisfies Record<string, FaultEntry>
