/**
 * The least that each role needs on a server of one's own, as subjects. Invariant: a realm is an
 * account of its own. Inside one account no list of subjects keeps anybody apart who may make a
 * consumer or call the JetStream API: the server sends what those ask for wherever they say, with
 * rights of its own. Rights inside the account keep mistakes out; the account keeps strangers out.
 */
import { leaderElected, partsOf } from '#protocol/realm.ts'
import { outsideInbox } from './credentials.ts'
import { crossingOf } from './account-crossing.ts'

export const roles = ['node', 'maker', 'operator', 'reader', 'outsider', 'observer'] as const

export type Role = (typeof roles)[number]

export type Rights = {
  readonly role: Role
  readonly about: string
  /** Whose account it is in: that of the realm, or the one of its outsiders. */
  readonly within: 'realm' | 'outside'
  /** What `auth.inboxPrefix` must be. */
  readonly inboxPrefix: string
  readonly publish: readonly string[]
  readonly subscribe: readonly string[]
}

const abouts: Readonly<Record<Role, string>> = {
  node: 'runs actors in a realm that is there',
  maker: 'a node that may also make the realm: for the first start',
  operator: 'people and tools that look, send, start, stop and mend',
  reader: 'people and tools that only look',
  outsider: 'programs that publish events, with any NATS client',
  observer: 'programs that only read what outsiders are granted',
}

export function rightsOf(role: Role, realm: string, readable: readonly string[]): Rights {
  const within = role === 'outsider' || role === 'observer' ? 'outside' : 'realm'
  // Of its own, so that those who only look do not see the answers that others get.
  const inboxPrefix =
    within === 'outside' ? outsideInbox : role === 'node' || role === 'maker' ? '_INBOX' : `_INBOX_${role}`
  const { publish, subscribe } = subjectsOf(role, realm, readable)
  return { role, about: abouts[role], within, inboxPrefix, publish, subscribe: [`${inboxPrefix}.>`, ...subscribe] }
}

type Lists = Pick<Rights, 'publish' | 'subscribe'>

function subjectsOf(role: Role, realm: string, readable: readonly string[]): Lists {
  const { publish, read } = crossingOf([realm], readable)
  switch (role) {
    case 'outsider':
      return { publish, subscribe: read }
    case 'observer':
      return { publish: [], subscribe: read }
    case 'reader':
      return { publish: lookingAt(realm), subscribe: heardFrom(realm) }
    case 'operator':
      return { publish: [...lookingAt(realm), ...mending(realm)], subscribe: heardFrom(realm) }
    case 'node':
      return running(realm)
    case 'maker': {
      const { publish: runs, subscribe } = running(realm)
      const made = partsOf(realm).flatMap((stream) => [
        `$JS.API.STREAM.CREATE.${stream}`,
        // On how many servers they are kept.
        `$JS.API.STREAM.UPDATE.${stream}`,
      ])
      return { publish: [...runs, ...made], subscribe }
    }
  }
}

function running(realm: string): Lists {
  const [log, ...beside] = partsOf(realm)
  const blobs = beside.slice(0, 2)
  return {
    publish: [
      // Mailboxes, commits, what is parked, emitted and answered; questions, heartbeats, live views.
      `${realm}.>`,
      `$KV.${realm}_kinds.>`,
      `$KV.${realm}_cuts.>`,
      `$O.${realm}_bases.>`,
      `$O.${realm}_cuts.>`,
      // Answers to those who ask and watch.
      '_INBOX.>',
      '_INBOX_operator.>',
      '_INBOX_reader.>',
      ...asking(realm),
      ...reading(log),
      // The object store reads with a consumer that the server pushes to, and says when to go on.
      ...blobs.map((each) => `$JS.API.CONSUMER.CREATE.${each}.>`),
      // One that fell silent is thrown away.
      ...blobs.map((each) => `$JS.API.CONSUMER.DELETE.${each}.*`),
      ...blobs.map((each) => `$JS.FC.${each}.>`),
      // Trimming.
      `$JS.API.STREAM.PURGE.${log}`,
      ...blobs.map((each) => `$JS.API.STREAM.PURGE.${each}`),
      // Cuts that were removed.
      `$JS.API.STREAM.PURGE.KV_${realm}_cuts`,
    ],
    subscribe: [`${realm}.>`, leaderElected(log)],
  }
}

function asking(realm: string): readonly string[] {
  return [
    '$JS.API.INFO',
    '$JS.API.STREAM.NAMES',
    ...partsOf(realm).flatMap((stream) => [`$JS.API.STREAM.INFO.${stream}`, `$JS.API.STREAM.MSG.GET.${stream}`]),
  ]
}

function reading(log: string): readonly string[] {
  return [`$JS.API.CONSUMER.CREATE.${log}.>`, `$JS.API.CONSUMER.MSG.NEXT.${log}.*`, `$JS.API.CONSUMER.DELETE.${log}.*`]
}

function lookingAt(realm: string): readonly string[] {
  return [
    ...[`${realm}.q.*`, `${realm}.roll`, `${realm}.ping.*`, ...asking(realm), ...reading(realm)],
    // Which nodes take part in cuts, and what of them they have.
    `${realm}.cut.held.*`,
    // Cuts are looked into; what is sealed in them opens with their key alone.
    ...[`$JS.API.CONSUMER.CREATE.OBJ_${realm}_cuts.>`, `$JS.API.CONSUMER.DELETE.OBJ_${realm}_cuts.*`],
    `$JS.FC.OBJ_${realm}_cuts.>`,
    // And the past behind a base.
    ...[`$JS.API.CONSUMER.CREATE.OBJ_${realm}_bases.>`, `$JS.API.CONSUMER.DELETE.OBJ_${realm}_bases.*`],
    `$JS.FC.OBJ_${realm}_bases.>`,
  ]
}

function mending(realm: string): readonly string[] {
  return [
    `${realm}.to.*.*`,
    // Whoever starts, stops or mends actors by hand.
    `${realm}.in.*.c.>`,
    // Whoever takes a node out.
    `${realm}.drain.*`,
    // Whoever moves versions of kinds.
    `$KV.${realm}_kinds.>`,
    `${realm}.kinds`,
    // Whoever takes, removes and imports cuts.
    `${realm}.cut.at.*`,
    `$KV.${realm}_cuts.>`,
    `$O.${realm}_cuts.>`,
    `$JS.API.STREAM.PURGE.KV_${realm}_cuts`,
    // What was parked and is replayed or dropped.
    `$JS.API.STREAM.MSG.DELETE.${realm}`,
  ]
}

function heardFrom(realm: string): readonly string[] {
  return [`${realm}.own.*`, `${realm}.claimed.*`, `${realm}.node.*`, `${realm}.st.>`, leaderElected(realm)]
}
