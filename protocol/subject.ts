/**
 * The subjects of a realm, built and parsed in one place. They serve the clause "an envelope
 * arrives on a subject": the address is in the subject, the sender's token says who may have
 * written it, and only `to.` is open to outsiders.
 */
import type { Address } from './address.ts'
import { Fault } from './fault.ts'
import type { Realm } from './realm.ts'

/**
 * Who wrote a mailbox entry: a partition's owner (its number), the outside (`x`), the result
 * of an effect (`e`), a marker of a cut (`m`), or somebody with the rights of a node who
 * starts, stops or repairs actors by hand (`c`).
 */
export type Sender = number | 'x' | 'e' | 'm' | 'c'

const markerKind = '-'

export const subjects = {
  to: (realm: Realm, address: Address) => `${realm.name}.to.${dotted(address)}`,
  in: (realm: Realm, partition: number, sender: Sender, address: Address) =>
    `${realm.name}.in.${partition}.${sender}.${dotted(address)}`,
  mailbox: (realm: Realm, partition: number) => `${realm.name}.in.${partition}.>`,
  commit: (realm: Realm, partition: number) => `${realm.name}.commit.${partition}`,
  /** Where a cut begins for this partition. */
  marker: (realm: Realm, partition: number, cut: string) => `${realm.name}.in.${partition}.m.cut.${cut}`,
  /** The same for what is emitted: ahead of it in the log, a cut began; no kind is called so. */
  topicMarker: (realm: Realm, cut: string) => `${realm.name}.ev.${markerKind}.${cut}.cut`,
  topicMarkers: (realm: Realm) => `${realm.name}.ev.${markerKind}.>`,
  /** Where records of the cheap path stand: inside envelopes that this partition sent. */
  sentBy: (realm: Realm, partition: number) => `${realm.name}.in.*.${partition}.>`,
  parked: (realm: Realm, partition: number, address: Address) => `${realm.name}.parked.${partition}.${dotted(address)}`,
  emitted: (realm: Realm, address: Address, type: string) => `${realm.name}.ev.${dotted(address)}.${typeToken(type)}`,
  reply: (realm: Realm, client: string, id: string) => `${realm.name}.re.${client}.${id}`,
  /** Core request to the owner of a partition: read a state, watch an actor. Never stored. */
  query: (realm: Realm, partition: number) => `${realm.name}.q.${partition}`,
  /** The owner of a partition says that it serves now, so that whoever watches asks again. */
  owned: (realm: Realm, partition: number | '*') => `${realm.name}.own.${partition}`,
  /** A claim was acknowledged: whoever owned the partition before looks at the log. Never stored. */
  claimed: (realm: Realm, partition: number | '*') => `${realm.name}.claimed.${partition}`,
  /** What a node says of itself several times a second. */
  node: (realm: Realm, name: string) => `${realm.name}.node.${name}`,
  /** Whether a node lives; nobody answers for a process that ended. */
  ping: (realm: Realm, name: string) => `${realm.name}.ping.${name}`,
  /** What other nodes ask of this one about effects: core requests, from nodes only. Never stored. */
  do: (realm: Realm, name: string) => `${realm.name}.do.${name}`,
  /** Whoever comes asks who is there. */
  roll: (realm: Realm) => `${realm.name}.roll`,
  /** Asks a node to give its partitions away, or to take its share again. */
  drain: (realm: Realm, name: string) => `${realm.name}.drain.${name}`,
  /** Before the log is trimmed, each owner is asked what its partitions still need of it. */
  trim: (realm: Realm, name: string) => `${realm.name}.trim.${name}`,
  /** What was mended: the last entry says which entries stand again for which that were lost. */
  mended: (realm: Realm) => `${realm.name}.commit.mended`,
  /** A node is asked for what it holds beyond the log. Never stored. */
  mend: (realm: Realm, name: string) => `${realm.name}.mend.${name}`,
  /** The registry of kinds has changed: whoever goes by it looks. Never stored. */
  kinds: (realm: Realm) => `${realm.name}.kinds`,
  /** The markers of a cut are stored: their positions, for those whose mailbox is long. Never stored. */
  cutCalled: (realm: Realm) => `${realm.name}.cut.called`,
  /** A cut was looked at by the node that took it. Never stored. */
  cutChecked: (realm: Realm) => `${realm.name}.cut.checked`,
  /** A slice is durable: whoever takes the cut looks. Never stored. */
  cutSliced: (realm: Realm) => `${realm.name}.cut.sliced`,
  /** A node is asked to take a cut, or to remove one. Never stored. */
  cut: (realm: Realm, name: string) => `${realm.name}.cut.at.${name}`,
  /** A node is asked what of a cut lies in its archive. Never stored. */
  cutHeld: (realm: Realm, name: string) => `${realm.name}.cut.held.${name}`,
  /** The realm was sealed, or goes on in its next generation: whoever serves it looks. Never stored. */
  generation: (realm: Pick<Realm, 'name'>) => `${realm.name}.generation`,
  /** The timers of the realm stand still no more: whoever serves it looks. Never stored. */
  timers: (realm: Realm) => `${realm.name}.timers`,
  live: (realm: Realm, id: string) => `${realm.name}.st.${id}`,
} as const

/** What the realm's stream stores. */
export function storedSubjectsOf(name: string): string[] {
  return [`${name}.to.*.*`, `${name}.in.>`, `${name}.commit.*`, `${name}.parked.>`, `${name}.ev.>`, `${name}.re.*.*`]
}

/** The stream's transform: outsiders need not know the number of partitions. */
export function transformOf(name: string, partitions: number): { src: string; dest: string } {
  return {
    src: `${name}.to.*.*`,
    dest: `${name}.in.{{partition(${partitions},1,2)}}.x.{{wildcard(1)}}.{{wildcard(2)}}`,
  }
}

function dotted(address: Address): string {
  const slash = address.indexOf('/')
  return `${address.slice(0, slash)}.${address.slice(slash + 1)}`
}

/** Event types may hold dots (`order.paid`), which stay tokens of their own; the rest is escaped. */
export function typeToken(type: string): string {
  if (/^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/.test(type)) return type
  return type
    .split('.')
    .map((part) => (part === '' ? '=' : part.replace(/[^A-Za-z0-9_-]/gu, escapeChar)))
    .join('.')
}

function escapeChar(char: string): string {
  let text = ''
  for (const byte of new TextEncoder().encode(char)) text += `=${byte.toString(16).toUpperCase().padStart(2, '0')}`
  return text
}

export type Stored =
  | { readonly is: 'in'; readonly partition: number; readonly sender: Sender; readonly address: Address }
  | { readonly is: 'commit'; readonly partition: number }
  | { readonly is: 'parked'; readonly partition: number; readonly address: Address }
  | { readonly is: 'ev'; readonly address: Address; readonly type: string }
  /** A cut begins among the emitted events; its markers in the mailboxes follow at once, by partition. */
  | { readonly is: 'cut'; readonly cut: string }
  | { readonly is: 're'; readonly client: string; readonly id: string }

/** The hot path: splits by hand, because it runs once for every entry that is read. */
export function parseStored(subject: string): Stored {
  const tokens = subject.split('.')
  switch (tokens[1]) {
    case 'in': {
      const sender = tokens[3] as string
      return {
        is: 'in',
        partition: Number(tokens[2]),
        sender: sender >= 'a' ? (sender as Sender) : Number(sender),
        address: `${tokens[4]}/${tokens[5]}`,
      }
    }
    case 'commit':
      return { is: 'commit', partition: Number(tokens[2]) }
    case 'parked':
      return { is: 'parked', partition: Number(tokens[2]), address: `${tokens[3]}/${tokens[4]}` }
    case 'ev':
      if (tokens[2] === markerKind) return { is: 'cut', cut: tokens[3] as string }
      return { is: 'ev', address: `${tokens[2]}/${tokens[3]}`, type: tokens.slice(4).join('.') }
    case 're':
      return { is: 're', client: tokens[2] as string, id: tokens[3] as string }
    default:
      throw new Fault('subject.unknown', { value: subject })
  }
}

/** What patterns of subscriptions are about: the subject of an emitted event behind `<realm>.ev.`. */
export function topicOf(subject: string): string {
  return subject.slice(subject.indexOf('.ev.') + '.ev.'.length)
}

/** Whether a subject matches a pattern with `*` and `>`. */
export function matches(pattern: string, subject: string): boolean {
  const want = pattern.split('.')
  const have = subject.split('.')
  for (let at = 0; at < want.length; at++) {
    if (want[at] === '>') return have.length > at
    if (at >= have.length || (want[at] !== '*' && want[at] !== have[at])) return false
  }
  return want.length === have.length
}
