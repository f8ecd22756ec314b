/**
 * Every expected failure as data: its code, what the runtime does about it, and a sentence that
 * names the value, the limit and what to do next. `{name}` stands for a detail of the fault.
 */

export type Verdict = 'retry' | 'park' | 'crash'

type Entry = readonly [Verdict, string]

export const faultCatalogue = {
  // What people type.
  'kind.invalid': ['park', 'The kind "{value}" is not a name: use a letter, then letters, digits, _ or -, 64 at most.'],
  'kind.unknown': [
    'park',
    'No node serves the kind "{value}". Known here: {known}. Register it with openNode({ actors: [actor("{value}", machine, …)] }), then replay what was parked.',
  ],
  'kind.twice': ['crash', 'The kind "{value}" is registered twice. Give each actor(…) a name of its own.'],
  'kind.refused': ['crash', 'The kind "{value}" cannot be made durable: {problems}'],
  'kind.changed': [
    'crash',
    'The definition of "{value}" changed under version {version} in a way that stored actors may not survive: {problems}. Raise the version and add a migrate step, or keep the names.',
  ],
  'key.empty': ['park', 'The key is empty. Give every actor a key of 1 to 128 bytes, for example order/42.'],
  'key.tooLong': [
    'park',
    'The key "{value}…" has {size} bytes; the limit is {limit}. Use a shorter key, for example a hash of it.',
  ],
  'key.notUtf8': ['park', 'The key {value} is not valid Unicode (it holds half of a surrogate pair).'],
  'address.invalid': ['park', '"{value}" is not an address. Write kind/key, for example order/42.'],
  'address.child': [
    'park',
    'A child is reached through its root: publish to to.{value} with the child in the note, or use realm.at(address) of the library.',
  ],
  'realm.invalid': [
    'crash',
    'The realm name "{value}" is not usable: a letter, then letters, digits or -, 32 at most.',
  ],
  'realm.mismatch': [
    'crash',
    'The realm "{value}" has {have} partitions, but {want} were asked for. The number is fixed when a realm is made; leave it out of the configuration.',
  ],
  'realm.missing': [
    'crash',
    'There is no realm "{value}" on this server. Start a node first: perdure up, or openNode({ realm: "{value}", … }).',
  ],
  'realm.format': [
    'crash',
    'The realm "{value}" was written in format {have}; this release reads up to {want}. Use a newer perdure.',
  ],
  'realm.taken': [
    'crash',
    'The stream "{stream}" on this server holds subjects of the realm "{value}", but was not made by perdure. Choose another realm name, or remove that stream.',
  ],
  'realm.altered': [
    'crash',
    'The stream of the realm "{value}" was altered and no longer keeps its promises: {problems}. Set it back (nats stream edit), then start again.',
  ],
  'realm.moved': [
    'crash',
    'The realm "{value}" goes on in another stream: a restore began its next generation. Start this node again.',
  ],
  'client.invalid': ['crash', 'The client name "{value}" is not usable: letters, digits, _ or -, 64 at most.'],
  'subject.unknown': ['park', 'The subject "{value}" is not one of this realm.'],
  'pattern.invalid': [
    'park',
    'The pattern "{value}" is not usable. Write kind.key.type with * for one token and > for the rest, for example order.*.PAID.',
  ],
  // Envelopes and events.
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
  // Asks.
  'ask.deadline': [
    'park',
    'No answer to "{value}" within {ms} ms. The event is stored and will still be handled; ask again with the same id to get the late answer.',
  ],
  'ask.cancelled': ['park', 'The asker of "{value}" no longer waits; what ran for it was aborted.'],
  'ask.refused': ['park', 'The actor did not answer: {reason}'],
  'wait.deadline': ['park', '{value} did not reach the awaited state within {ms} ms; it is in {state}.'],
  // Effects.
  'effect.undeclared': [
    'park',
    'The kind "{kind}" does not declare the effect "{value}" (declared: {known}). Add it to the options of actor(…), or do not ask for it.',
  ],
  'effect.unknown': [
    'park',
    'The outcome of the effect "{value}" is unknown: the process ended while it ran. Its policy is to ask a person or a resolver.',
  ],
  'effect.absent': ['park', 'The actor {value} has no pending effect "{name}". Pending are: {known}.'],
  'effect.deadline': ['park', 'The effect "{value}" did not end within {ms} ms.'],
  'effect.exhausted': ['park', 'The effect "{value}" failed {attempts} times; the last error was: {reason}'],
  // The log.
  'bus.unreachable': [
    'retry',
    'No NATS server answers at {value}. Start one with "perdure up", or name yours with --servers.',
  ],
  'bus.timeout': ['retry', 'The server did not acknowledge within {ms} ms; whether it stored the entry is unknown.'],
  'bus.refused': ['retry', 'The server refused the entry: {reason} (code {code}).'],
  'bus.busy': ['retry', 'The server has too much in flight ({reason}); nothing was stored. Send slower, or try again.'],
  'bus.conflict': ['crash', 'Another owner wrote to this partition (expected {want}, found {have}).'],
  'bus.inProgress': ['retry', 'Another check on this subject is in progress on the server; try again.'],
  'bus.tooOld': [
    'crash',
    'The nats-server at {value} is {have}; perdure needs {want} or newer. Let "perdure up" fetch one, or upgrade it.',
  ],
  'bus.noJetStream': [
    'crash',
    'The nats-server at {value} runs without JetStream. Start it with -js, or use "perdure up".',
  ],
  'bus.denied': [
    'crash',
    "These credentials may not {value}. Outsiders may only publish to <realm>.to.>; use a node's credentials for the rest.",
  ],
  'bus.tooBig': [
    'park',
    'The entry for {value} is {size} bytes; the server takes {limit} (max_payload). Make it smaller, or raise max_payload.',
  ],
  'bus.nobody': ['retry', 'Nobody answers at "{value}" now.'],
  'bus.closed': ['crash', 'The connection to the server is closed.'],
  'log.gap': [
    'crash',
    "The records of partition {partition} have a gap: {want} was expected, {have} came. The store is older than the log's beginning; rebuild it: stop the node, remove its store directory, start again.",
  ],
  'record.undecodable': [
    'crash',
    'A record of {size} bytes cannot be read: {reason}. Something else than perdure wrote to the subject, or the log is damaged; see "perdure doctor".',
  ],
  'delta.unfit': [
    'crash',
    'A stored difference does not fit the state it belongs to: {reason}. Remove the store directory: it is rebuilt from the log.',
  ],
  'log.shorter': [
    'crash',
    'The log of "{value}" no longer holds what it had acknowledged: {reason}. The server lost data (a rolled-back disk?). Nothing is written to it any more; see "perdure doctor".',
  ],
  'partition.lost': ['crash', 'Partition {partition} was claimed by another node (epoch {have}, ours was {want}).'],
  'partition.unowned': [
    'retry',
    'No node answers for partition {partition} of "{value}". Start a node, or wait for one to take over.',
  ],
  'query.failed': ['park', 'The owner could not answer ({code}): {reason}'],
  // The store and the machine.
  'store.locked': [
    'crash',
    'The store at {value} is in use by another process (pid {pid}). Stop that one, or give this node a directory of its own (--dir).',
  ],
  'store.format': [
    'crash',
    'The store at {value} was written in format {have}; this release reads up to {want}. Use a newer perdure, or remove the directory: it is rebuilt from the log.',
  ],
  'store.foreign': [
    'crash',
    'The store at {value} belongs to realm "{have}", not "{want}". Give this node a directory of its own (--dir).',
  ],
  'store.corrupt': [
    'crash',
    'The store at {value} cannot be read: {reason}. Remove the directory: it is rebuilt from the log.',
  ],
  'store.full': ['crash', 'The store at {value} is full ({limit} bytes of map). Raise store.mapBytes.'],
  'store.diskFull': [
    'crash',
    'The disk that holds the store at {value} is full. Make room and start again; nothing that was acknowledged is lost.',
  ],
  'store.unusable': [
    'crash',
    'The store directory {value} cannot be used: {reason}. Give this node a directory that it may write to (--dir).',
  ],
  'store.closed': ['crash', 'The store at {value} is closed.'],
  'store.empty': ['crash', 'This store holds nothing of partition {partition}, so there is no base to make of it.'],
  'state.undecodable': ['park', 'A stored state of {size} bytes cannot be read: {reason}. See "perdure doctor".'],
  'base.undecodable': [
    'crash',
    'A stored base of a partition cannot be read: {reason}. Remove it; an older one or the log itself is used instead.',
  ],
  'port.taken': ['crash', 'Port {value} is in use by another program. Stop it, or choose another with {option}.'],
  'port.forbidden': ['crash', 'Port {value} may not be opened by this user. Choose one above 1023 with {option}.'],
  'server.missing': [
    'crash',
    'There is no nats-server {want} or newer here, and none could be fetched: {reason}. Install one, put it on PATH, or name it with --nats-server.',
  ],
  'server.tooOld': ['crash', 'The configured nats-server {value} is {have}; perdure needs {want} or newer.'],
  'server.unusable': [
    'crash',
    'The configured nats-server {value} cannot be run: {reason}. Name another with --nats-server, or leave it out and one is found or fetched.',
  ],
  'server.died': ['crash', 'The nats-server ended ({reason}). Its last lines: {lines}'],
  'config.invalid': ['crash', 'The setting {name} is "{value}" (from {source}); it must be {want}.'],
  'config.unknown': [
    'crash',
    'There is no setting "{name}" (from {source}). Did you mean {guess}? "perdure config" lists them all.',
  ],
  'config.unreadable': ['crash', 'The file {value} cannot be read: {reason}'],
  'actors.unusable': [
    'crash',
    'The actor kinds of {value} cannot be used: {reason}. Export them, for example: export const actors = [actor("order", orderMachine)].',
  ],
  'usage.invalid': ['crash', '{reason}'],
  'platform.unsupported': ['crash', 'perdure runs on Linux and macOS; this is {value}. On Windows use WSL 2.'],
} as const satisfies Record<string, Entry>
