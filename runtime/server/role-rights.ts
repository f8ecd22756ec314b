/**
 * The least that each role needs on a server of one's own, as subjects. Invariant: a realm is an
 * account of its own. Inside one account no list of subjects keeps anybody apart who may make a
 * consumer or call the JetStream API: the server sends what those ask for wherever they say, with
 * rights of its own. Rights inside the account keep mistakes out; the account keeps strangers out.
 */
import { leaderElected, partsOf } from '#protocol/realm.ts'
import { outsideInbox } from './credentials.ts'
import { crossingOf } from './account-crossing.ts'

export const roles = ['node', 'maker', 'restorer', 'operator', 'reader', 'outsider', 'observer'] as const

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
  restorer: 'people who restore the realm, or change its partitions and copies',
  operator: 'people and tools that look, send, start, stop and mend',
  reader: 'people and tools that only look',
  outsider: 'programs that publish events, with any NATS client',
  observer: 'programs that only read what outsiders are granted',
}

/** `forks`: of the realm; each is beside it in its account, and nobody from outside reaches it. */
export function rightsOf(
  role: Role,
  realm: string,
  readable: readonly string[],
  forks: readonly string[] = [],
): Rights {
  const within = role === 'outsider' || role === 'observer' ? 'outside' : 'realm'
  const inboxPrefix = within === 'outside' ? outsideInbox : inboxOf(role)
  const names = within === 'outside' ? [realm] : [realm, ...forks]
  const lists = names.map((name) => subjectsOf(role, name, readable))
  const publish = [...new Set(lists.flatMap((list) => list.publish))]
  const subscribe = [...new Set(lists.flatMap((list) => list.subscribe))]
  return { role, about: abouts[role], within, inboxPrefix, publish, subscribe: [`${inboxPrefix}.>`, ...subscribe] }
}

const people: readonly Role[] = ['restorer', 'operator', 'reader']

/** Of its own, so that those who only look do not see the answers that others get. */
function inboxOf(role: Role): string {
  return people.includes(role) ? `_INBOX_${role}` : '_INBOX'
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
    case 'restorer':
      return {
        publish: [...lookingAt(realm), ...mending(realm), ...restoring(realm)],
        subscribe: heardFrom(realm),
      }
    case 'node':
      return running(realm)
    case 'maker': {
      const { publish: runs, subscribe } = running(realm)
      const made = partsOf({ name: realm, generation: 0 }).map((stream) => `$JS.API.STREAM.CREATE.${stream}`)
      // On how many servers they are kept.
      return { publish: [...runs, ...made, '$JS.API.STREAM.UPDATE.*'], subscribe }
    }
  }
}

function running(realm: string): Lists {
  return {
    publish: [
      // Mailboxes, commits, what is parked, emitted and answered; questions, heartbeats, live views.
      `${realm}.>`,
      `$KV.${realm}_kinds.>`,
      `$KV.${realm}_cuts.>`,
      objects,
      // Answers to those who ask and watch.
      ...['_INBOX.>', ...people.map((role) => `${inboxOf(role)}.>`)],
      ...asking,
      ...readingLog,
      ...readingObjects,
      // Trimming, and cuts that were removed.
      '$JS.API.STREAM.PURGE.*',
    ],
    subscribe: [`${realm}.>`, leaderElected('*')],
  }
}

/**
 * These name no stream, because a right matches whole words of a subject and what a restore makes has
 * its number in one (`shop_g7`, `OBJ_shop_g7_bases`). The account has no streams but the realm's own.
 */
const asking = [...['$JS.API.INFO', '$JS.API.STREAM.NAMES'], ...['$JS.API.STREAM.INFO.*', '$JS.API.STREAM.MSG.GET.*']]

const readingLog = ['$JS.API.CONSUMER.CREATE.*.>', '$JS.API.CONSUMER.MSG.NEXT.*.*', '$JS.API.CONSUMER.DELETE.*.*']

/** Values are read in one request; large ones with a consumer that the server pushes to, and says when to go on. */
const readingObjects = ['$JS.API.DIRECT.GET.*', '$JS.FC.*.>']

const objects = '$O.*.>'

function lookingAt(realm: string): readonly string[] {
  return [
    ...[`${realm}.q.*`, `${realm}.roll`, `${realm}.ping.*`, ...asking, ...readingLog],
    // Which nodes take part in cuts, and what of them they have.
    `${realm}.cut.held.*`,
    // Cuts are looked into, and the past behind a base; what is sealed in a cut opens with its key alone.
    ...readingObjects,
    // Which forks there are.
    '$JS.API.STREAM.LIST',
  ]
}

/** The next generation is made, filled and opened, and the one before sealed; a fork is begun likewise. */
function restoring(realm: string): readonly string[] {
  return [
    ...[`${realm}.commit.*`, `${realm}.in.>`, `${realm}.parked.>`, `${realm}.ev.>`, objects],
    // That there is another one.
    `${realm}.generation`,
    ...['$JS.API.STREAM.CREATE.*', '$JS.API.STREAM.UPDATE.*'],
    // What a restore that died left half made, and what a base held that is put again.
    ...['$JS.API.STREAM.DELETE.*', '$JS.API.STREAM.PURGE.*'],
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
    // Whoever lets timers go on that a restore left standing.
    `${realm}.timers`,
    // Whoever takes, removes and imports cuts.
    `${realm}.cut.at.*`,
    `$KV.${realm}_cuts.>`,
    `$O.${realm}_cuts.>`,
    ...[`$JS.API.STREAM.PURGE.KV_${realm}_cuts`, `$JS.API.STREAM.PURGE.OBJ_${realm}_cuts`],
    // What was parked and is replayed or dropped.
    '$JS.API.STREAM.MSG.DELETE.*',
  ]
}

function heardFrom(realm: string): readonly string[] {
  return [`${realm}.own.*`, `${realm}.claimed.*`, `${realm}.node.*`, `${realm}.st.>`, leaderElected('*')]
}
