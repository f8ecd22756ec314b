/** Faults of what people type: kinds, keys, addresses, realms, settings. */
import type { FaultEntry } from './entry.ts'

export const nameFaults = {
  'kind.invalid': ['park', 'The kind "{value}" is not a name: use a letter, then letters, digits, _ or -, 64 at most.'],
  'kind.unknown': [
    'park',
    'No node serves the kind "{value}". Known here: {known}. Register it with openNode({ actors: [actor("{value}", machine, …)] }), then replay what was parked.',
  ],
  'kind.apart': [
    'park',
    'The kind "{value}" is carried only by nodes that lack other kinds which live in the same partition. Known here: {known}. Start a node that carries all of them, then replay what was parked.',
  ],
  'kind.twice': ['crash', 'The kind "{value}" is registered twice. Give each actor(…) a name of its own.'],
  'kind.refused': ['crash', 'The kind "{value}" cannot be made durable: {problems}'],
  'kind.changed': [
    'crash',
    'The definition of "{value}" changed under version {version} in a way that stored actors may not survive: {problems}. Raise the version and add a migrate step, or keep the names.',
  ],
  'rollout.unknown': ['crash', 'No node has ever brought the kind "{value}". Known: {known}'],
  'rollout.carried': [
    'crash',
    'The kind "{value}" is not forgotten: nodes that are there carry it. Stop them first, or start them without it.',
  ],
  'rollout.none': [
    'crash',
    'Of "{value}" only version {version} was ever served: there is nothing to move between. Start a node with a newer version first.',
  ],
  'rollout.falling': [
    'crash',
    'A share only grows: "{value}" is at {have}, and {want} is less. What was moved has states of the new version; perdure rollout undo {value} takes all of them back.',
  ],
  'rollout.oneWay': [
    'crash',
    'The rollout of "{value}" cannot be undone to version {version}: {problems}. Nothing was changed.',
  ],
  'rollout.downFails': [
    'crash',
    'The rollout of "{value}" is not undone: {count} stored states cannot be taken back to version {version}: {problems}. Nothing was changed. Mend the step down, or say it with --force: they are then set aside whole, as they are.',
  ],
  'rollout.nobody': [
    'crash',
    'No node that is there carries "{value}" version {version}, which has to be there for this. Start one, then say it again.',
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
  'realm.restoring': [
    'retry',
    'The realm "{value}" is being restored and serves nobody until that is done. Wait for it; if whoever restored it died, run the same "perdure restore" again.',
  ],
  'realm.moved': [
    'crash',
    'The realm "{value}" goes on in another stream: a restore began its next generation, and what was acknowledged after its cut may be undone. Open the realm again (openRealm) to go on; nodes do so by themselves.',
  ],
  'client.invalid': ['crash', 'The client name "{value}" is not usable: letters, digits, _ or -, 64 at most.'],
  'subject.unknown': ['park', 'The subject "{value}" is not one of this realm.'],
  'pattern.invalid': [
    'park',
    'The pattern "{value}" is not usable. Write kind.key.type with * for one token and > for the rest, for example order.*.PAID.',
  ],
} as const satisfies Record<string, FaultEntry>
