/**
 * How much one node takes on and how long it waits, which may differ from node to node. What a
 * number costs stands in its reason; most are never set.
 */
import { setting, type Setting } from './setting.ts'
import { count, duration, flag, size } from './value-type.ts'

const second = 1_000
const minute = 60 * second
const day = 1_440 * minute

const waiting = duration({ min: 10, max: 10 * minute })

export const paceSettings = {
  'outside.windowMost': setting(
    count({ min: 1, max: 50_000 }),
    512,
    'Sends of one client that may wait for their acknowledgement; the server drops what exceeds 100,000.',
  ),
  'outside.timeoutMs': setting(
    waiting,
    30 * second,
    'After this long without an acknowledgement a send is given up as unknown.',
  ),
  'ask.queryMs': setting(
    waiting,
    2 * second,
    'An owner answers a look at a state within milliseconds; longer means that there is none.',
  ),
  'ask.leaseMs': setting(waiting, 30 * second, 'A watcher that does not renew within this is forgotten by the owner.'),

  'ask.answerBytesMost': setting(
    size({ min: 1_048_576, max: 1_073_741_824 }),
    67_108_864,
    'States larger than an entry wait here until they were fetched in parts; memory for all who look at once.',
  ),
  'ask.longestMs': setting(
    duration({ min: minute, max: 365 * day }),
    7 * day,
    'How far ahead a deadline may lie: a question without an answer is part of the state until then.',
  ),
  'ask.lateMs': setting(
    duration({ min: 0, max: 7 * day }),
    10 * minute,
    'For so long after its deadline a question is still answered, for who asks again under its id.',
  ),
  'ask.openMost': setting(
    count({ min: 1, max: 100_000 }),
    1_000,
    'Questions that one actor may have open at once; they are part of the state. One more is refused: ask.tooMany.',
  ),

  'bus.connectMs': setting(waiting, 5 * second, 'To connect at all.'),
  'bus.reconnectMs': setting(waiting, 150, 'Between attempts: a restarted server is back within 100 ms.'),
  'bus.pingMs': setting(
    waiting,
    20 * second,
    'For connections at rest; a frozen server is noticed by appends and heartbeats first.',
  ),
  'bus.ackMs': setting(
    waiting,
    5 * second,
    'Longer than a change of leader takes to refuse, shorter than people wait.',
  ),
  'bus.callMs': setting(waiting, 5 * second, 'For calls that make, look at or trim the log.'),
  'bus.heartbeatMs': setting(
    duration({ min: 500, max: minute }),
    2 * second,
    'A reader that hears nothing for two and a half of these begins again.',
  ),
  'bus.retryMs': setting(waiting, 50, 'The first pause after a refusal; it doubles up to two seconds.'),

  'commit.entriesMost': setting(
    count({ min: 125, max: 999 }),
    999,
    "The server's batch of 1,000, less the record. A large record takes up to 99 of them, a parked event 23.",
  ),
  'commit.cheapMost': setting(
    count({ min: 0, max: 999 }),
    64,
    'A batch costs the server 3 ms and more with one replica, a plain publish 0.15: measured with 100 tokens around 100 actors, singles are twice as fast as batches of a few dozen.',
  ),
  'commit.inFlightMost': setting(
    count({ min: 1, max: 1024 }),
    16,
    'Commits in flight over all partitions: fewer make larger groups, more hide the way to the server and back. With 100 tokens around 100 actors 16 make 17,000 hops/s, 12 make 15,600, 8 make 14,500.',
  ),
  'mailbox.queueMost': setting(
    count({ min: 16, max: 1_000_000 }),
    4_096,
    'Arrivals that wait in memory before a partition stops reading; the rest waits on the log.',
  ),
  'mailbox.stagedMost': setting(
    count({ min: 1, max: 1_000_000 }),
    2_048,
    'Steps made ahead of their commit; more only delays what a refused commit throws away.',
  ),
  'actors.idleMs': setting(
    duration({ min: second, max: day }),
    minute,
    'Then an actor leaves memory; an envelope wakes it with one read.',
  ),
  'actors.residentMost': setting(
    count({ min: 1, max: 10_000_000 }),
    10_000,
    'About 10 KB each; past it the longest idle leave first.',
  ),
  'actors.stateBytesMost': setting(
    size({ min: 65_536, max: 268_435_456 }),
    16_777_216,
    'A larger context belongs into an object: every commit reads and compares it.',
  ),
  'actors.clientKeepMs': setting(
    duration({ min: minute, max: 365 * day }),
    day,
    'How long a silent client is remembered, so that its late resend is still known.',
  ),
  'actors.clientsMost': setting(
    count({ min: 100, max: 1_000_000 }),
    10_000,
    'Sessions of clients that each partition remembers, at 0.4 KB each. Past it the longest silent is forgotten, and a resend that could be one of its events is parked: session.forgotten.',
  ),
  'fold.everyMs': setting(
    duration({ min: 1, max: minute }),
    100,
    'The store follows the log by so much: what a restart reads again.',
  ),
  'fold.commitsMost': setting(
    count({ min: 1, max: 100_000 }),
    1_000,
    'Folded earlier when so many commits wait; bounds one transaction.',
  ),
  'trim.everyMs': setting(
    duration({ min: 100, max: day }),
    minute,
    'A purge costs the server some tens of milliseconds.',
  ),
  'trim.answerMs': setting(
    duration({ min: 100, max: day }),
    2 * minute,
    'An owner may have to upload large bases before it answers; the next round waits for it.',
  ),
  'base.everyBytes': setting(
    size({ min: 65_536, max: 1e15 }),
    16_777_216,
    'A partition gets a base when its commits since the last one are larger than this and than the base: what a node that never followed it must read.',
  ),
  'isolation.ms': setting(
    duration({ min: 200, max: 10 * minute }),
    2_000,
    'Without an answer of the log and a sign of any other node for so long, a node lets go of its partitions.',
  ),
  'isolation.mostMs': setting(
    duration({ min: 200, max: 60 * minute }),
    15 * second,
    'As long as others are heard, the log may be without a leader for so long (4 to 9 s is normal) before its owners let go.',
  ),
  'claim.lookMs': setting(
    duration({ min: 100, max: 10 * minute }),
    2 * second,
    'How late, at worst, a node at rest notices that another one has claimed its partition: one small question for each, where nothing was committed since.',
  ),
  'start.patienceMs': setting(
    duration({ min: 0, max: day }),
    minute,
    'A node that starts before its servers, or while they have no leader, waits for so long; then it ends and says why. 0: it does not wait.',
    { flag: 'start-patience' },
  ),
  'alive.everyMs': setting(
    duration({ min: 100, max: minute }),
    second,
    'How exactly a restart knows for how long it was away.',
  ),
  'effects.limit': setting(
    count({ min: 1, max: 100_000 }),
    16,
    'Running at once for each kind; a kind may say otherwise.',
  ),
  'defer.limit': setting(
    count({ min: 0, max: 100_000 }),
    100,
    'Events that may wait for a state that handles them; they are part of the state.',
  ),
  'store.mapBytes': setting(
    size({ min: 16_777_216, max: 2 ** 46 }),
    2 ** 36,
    'Address space, not disk: the store grows as it needs.',
  ),
  'kinds.acceptChanged': setting(flag(), false, 'Serve a kind whose definition changed under an unchanged version.'),
  'mend.keepMs': setting(
    duration({ min: 0, max: day }),
    4 * minute,
    'What the log may still forget in a power cut is held beside the fold for so long: twice the two minutes after which a server writes to the disk by default. 0 holds nothing, and a log that comes back shorter ends the node; so it is by itself with durability power on one server, unless this is set.',
  ),
  'mend.bytes': setting(
    size({ min: 1_000_000, max: 1e12 }),
    128_000_000,
    'Of what is held so; beyond it the oldest is given up.',
  ),
} as const satisfies Record<string, Setting<unknown>>
