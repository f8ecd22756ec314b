/** Where things are and who may do what, as one node sees it; it may differ from node to node. */
import { join } from 'node:path'
import { setting, settingFrom, type Setting } from './setting.ts'
import { duration, list, oneOf, optional, port, size, text } from './value-type.ts'

const second = 1_000
const minute = 60 * second

const path = text('a path')

/** Enough to tell a few directories apart. */
function shortHashOf(text: string): string {
  let hash = 0x811c9dc5
  for (const char of text) hash = Math.imul(hash ^ (char.codePointAt(0) as number), 0x01000193)
  return (hash >>> 0).toString(36).padStart(7, '0').slice(-4)
}

export const placeSettings = {
  name: settingFrom(
    text('a text of 1 to 100 letters', /^[^\s\0]{1,100}$/),
    ({ host, dir }) => `${host}-${shortHashOf(dir)}`,
    'How claims, logs and the other nodes call this one; the same after a restart, so that its partitions come back to it.',
  ),
  servers: setting(
    // No user and password in it: addresses are shown everywhere.
    list(text('an address such as nats://host:4222, without a user', /^(?:[a-z]+:\/\/)?[^\s,/@]+$/)),
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
  'auth.inboxPrefix': setting(
    optional(text('a subject without wildcards, such as _INBOX_operator', /^[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*$/)),
    undefined,
    'Where answers come to; for users that may not read _INBOX.>, which is the default.',
  ),
  'tls.caFile': setting(optional(path), undefined, "By default the system's own authorities.", { isPath: true }),
  'tls.certFile': setting(optional(path), undefined, 'For servers that ask clients for a certificate.', {
    isPath: true,
  }),
  'tls.keyFile': setting(optional(path), undefined, 'Belongs to tls.certFile.', { isPath: true }),

  'actors.module': setting(
    optional(path),
    undefined,
    'A module that exports actor kinds; by default up and node run the examples.',
    { flag: 'actors', isPath: true },
  ),
  'health.port': setting(port(), 4280, '/health/live and /health/ready on loopback; 0 is none.'),
  'log.level': setting(
    oneOf('silent', 'error', 'warn', 'info', 'debug', 'trace'),
    'info',
    'info says what a person who runs it wants to know; debug tells every claim and repair.',
  ),
  'log.format': setting(oneOf('auto', 'text', 'json'), 'auto', 'auto: text on a terminal, JSON lines otherwise.'),
  editor: settingFrom(
    text('a command'),
    ({ env }) => env['VISUAL'] || env['EDITOR'] || 'vi',
    'What perdure parked replay --edit opens; by default what VISUAL or EDITOR name.',
  ),
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
} as const satisfies Record<string, Setting<unknown>>
