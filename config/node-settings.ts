/** What may differ from node to node: where things are, and how much one process takes on. */
import { join } from 'node:path'
import { setting, settingFrom, type Setting } from './setting.ts'
import { count, duration, flag, list, oneOf, optional, port, size, text } from './value-type.ts'

const second = 1_000
const minute = 60 * second
const day = 1_440 * minute

const path = text('a path')
const waiting = duration({ min: 10, max: 10 * minute })

export const nodeSettings = {
  name: settingFrom(
    text('a text of 1 to 100 letters', /^[^\s\0]{1,100}$/),
    ({ host, pid }) => `${host}-${pid}`,
    'How claims, logs and ps call this process.',
  ),
  servers: setting(
    list(text('an address such as nats://host:4222', /^(?:[a-z]+:\/\/)?[^\s,/]+$/)),
    ['nats://127.0.0.1:4222'],
    'The server that perdure up starts. Named ones are used instead, and none is started.',
  ),
  dir: setting(
    path,
    '.perdure',
    'The log, the folds and the credentials of this machine; all of it can be moved together.',
    { isPath: true },
  ),

  'server.port': setting(port(), 4222, 'What every NATS client tries first. 0 takes any free one.', { flag: 'port' }),
  'server.monitorPort': setting(
    port(),
    0,
    'The monitoring page of the server on loopback; 0 is none, because it has no password.',
    { flag: 'monitor-port' },
  ),
  'server.maxPayload': setting(
    size({ min: 65_536, max: 67_108_864 }),
    1_048_576,
    "The server's own default. An event or state may be half of it; larger ones delay all others.",
  ),
  'server.graceMs': setting(
    duration({ min: 0, max: 10 * minute }),
    10 * second,
    'How long the server may take to close its store before it is killed.',
  ),
  'server.path': setting(
    optional(path),
    undefined,
    'By default PATH and the cache are searched, then one is fetched.',
    { flag: 'nats-server', env: 'PERDURE_NATS_SERVER', isPath: true },
  ),
  'server.archiveUrl': setting(
    optional(
      text(
        'an address (https:, http: or file:) ending in .tar.gz, .tgz or .zip',
        /^(?:https?|file):\/\/\S+\.(?:tar\.gz|tgz|zip)$/i,
      ),
    ),
    undefined,
    'Where to get a server when neither apt nor Homebrew can.',
  ),
  'server.archiveSha256': setting(
    optional(text('64 hexadecimal digits', /^[0-9a-fA-F]{64}$/)),
    undefined,
    'Checked before anything is unpacked.',
  ),
  'server.cacheDir': settingFrom(
    path,
    ({ env }) => join(env['XDG_CACHE_HOME'] || join(env['HOME'] || '/tmp', '.cache'), 'perdure'),
    'A fetched server is shared by all projects of this user.',
    { isPath: true },
  ),

  'auth.user': setting(
    optional(text()),
    undefined,
    'By default the credentials in the directory, made at the first start.',
    { flag: 'user' },
  ),
  'auth.pass': setting(
    optional(text()),
    undefined,
    'Rather in a variable or the file than in a flag, which others on the machine can see.',
    { isSecret: true, flag: 'pass' },
  ),
  'auth.token': setting(optional(text()), undefined, 'For servers that know no users.', { isSecret: true }),
  'auth.credsFile': setting(optional(path), undefined, 'A .creds file, for servers with accounts by JWT.', {
    isPath: true,
    flag: 'creds',
  }),
  'auth.nkeyFile': setting(optional(path), undefined, 'A file that holds the seed of an nkey.', {
    isPath: true,
    flag: 'nkey',
  }),
  'tls.caFile': setting(optional(path), undefined, "By default the system's own authorities.", { isPath: true }),
  'tls.certFile': setting(optional(path), undefined, 'For servers that ask clients for a certificate.', {
    isPath: true,
  }),
  'tls.keyFile': setting(optional(path), undefined, 'Belongs to tls.certFile.', { isPath: true }),

  'health.port': setting(port(), 4280, '/health/live and /health/ready on loopback; 0 is none.'),
  'log.level': setting(
    oneOf('silent', 'error', 'warn', 'info', 'debug', 'trace'),
    'info',
    'info says what a person who runs it wants to know; debug tells every claim and repair.',
  ),
  'log.format': setting(oneOf('auto', 'text', 'json'), 'auto', 'auto: text on a terminal, JSON lines otherwise.'),
  'drain.graceMs': setting(
    duration({ min: 0, max: 60 * minute }),
    10 * second,
    'After SIGTERM, commits and effects that were begun may end for so long.',
  ),

  'outside.read': setting(
    list(text('a pattern such as ev.>', /^[A-Za-z0-9_*-]+(?:\.[A-Za-z0-9_*=-]+)*(?:\.>)?$/)),
    ['ev.>'],
    'What outsiders may read of the realm; add re.<client>.* for a client of theirs that asks.',
  ),
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

  'commit.entriesMost': setting(count({ min: 1, max: 999 }), 999, "The server's batch of 1,000, less the record."),
  'commit.cheapMost': setting(
    count({ min: 0, max: 999 }),
    12,
    'A batch costs about 3 ms with one replica, a plain publish 0.15: up to so many outputs singles are faster.',
  ),
  'commit.inFlightMost': setting(
    count({ min: 1, max: 1024 }),
    4,
    'Commits in flight over all partitions; fewer make larger groups, which two cores like.',
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
} as const satisfies Record<string, Setting<unknown>>
