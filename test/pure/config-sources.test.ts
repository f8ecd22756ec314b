/** Which value is in force, where it came from, and what is said about one that does not fit. */
import { expect, test } from 'vitest'
import { explain } from '#config/explain.ts'
import { readSettings, type FlagValue, type SettingsFile } from '#config/read-settings.ts'
import type { Surroundings } from '#config/setting.ts'
import { settingNames, settings } from '#config/settings.ts'
import { Fault } from '#protocol/fault.ts'

type Given = {
  readonly flags?: Record<string, FlagValue>
  readonly env?: Record<string, string>
  readonly content?: Record<string, unknown>
}

function surroundingsOf(env: Record<string, string> = {}): Surroundings {
  return { env, cwd: '/somewhere', host: 'host', cores: 2, dir: '/somewhere/.perdure' }
}

function read({ flags = {}, env, content }: Given) {
  const file: SettingsFile | undefined = content && { path: '/etc/perdure.json', dir: '/etc', content }
  return readSettings({ flags, file, surroundings: surroundingsOf(env) })
}

function faultOf(given: Given): Fault {
  try {
    read(given)
  } catch (error) {
    if (error instanceof Fault) return error
  }
  throw new Error('this configuration was accepted')
}

test('a flag beats a variable, a variable beats the file, the file beats the default', () => {
  const content = { server: { port: 1 } }
  const env = { PERDURE_SERVER_PORT: '2' }
  const flags = { port: '3' }
  expect(read({})['server.port']).toEqual({ value: 4222, source: { is: 'default', text: 'default' } })
  expect(read({ content })['server.port']).toEqual({ value: 1, source: { is: 'file', text: '/etc/perdure.json' } })
  expect(read({ content, env })['server.port']).toEqual({
    value: 2,
    source: { is: 'environment', text: 'PERDURE_SERVER_PORT' },
  })
  expect(read({ content, env, flags })['server.port']).toEqual({ value: 3, source: { is: 'flag', text: '--port' } })
})

test('nothing set is every default, and each fits its own type', () => {
  const all = read({})
  for (const name of settingNames) {
    const { value } = all[name]
    if (value === undefined) continue
    expect([name, settings[name].type.read(settings[name].type.write(value))]).toEqual([name, value])
  }
})

test('a group of the file and a dotted name mean the same', () => {
  expect(read({ content: { history: { windowMs: '2h' } } })['history.windowMs'].value).toBe(7_200_000)
  expect(read({ content: { 'history.windowMs': '2h' } })['history.windowMs'].value).toBe(7_200_000)
})

test('a path is relative to where it was written', () => {
  expect(read({ content: { dir: 'data' } }).dir.value).toBe('/etc/data')
  expect(read({ env: { PERDURE_DIR: 'data' } }).dir.value).toBe('/somewhere/data')
  expect(read({ flags: { dir: '/data' } }).dir.value).toBe('/data')
  expect(read({}).dir.value).toBe('/somewhere/.perdure')
})

test.each<[string, Given, string, string]>([
  ['a flag', { flags: { prot: '1' } }, 'the command line', '--port'],
  ['a variable', { env: { PERDURE_SERVER_PROT: '1' } }, 'the environment', 'PERDURE_SERVER_PORT'],
  ['a name of the file', { content: { relam: 'x' } }, '/etc/perdure.json', 'realm'],
  [
    'a name in a group of the file',
    { content: { server: { maxPayloud: 1 } } },
    '/etc/perdure.json',
    'server.maxPayload',
  ],
  ['a group of the file', { content: { histroy: { bytes: 1 } } }, '/etc/perdure.json', 'history.bytes'],
])('%s that nobody knows is refused with a guess', (_, given, source, guess) => {
  const fault = faultOf(given)
  expect(fault.code).toBe('config.unknown')
  expect(fault.details).toMatchObject({ source, guess })
})

test.each<[Given, Record<string, string>]>([
  [
    { flags: { partitions: '0' } },
    { name: 'partitions', value: '0', source: '--partitions', want: 'a whole number from 1 to 999' },
  ],
  [
    { env: { PERDURE_DURABILITY: 'disk' } },
    { name: 'durability', value: 'disk', source: 'PERDURE_DURABILITY', want: 'process or power' },
  ],
  [{ content: { server: 7 } }, { name: 'server' }],
  [{ content: { replicas: 2 } }, { name: 'replicas', value: '2', source: '/etc/perdure.json', want: '1, 3 or 5' }],
  [{ content: { realm: { name: 'x' } } }, { name: 'realm', value: '{"name":"x"}' }],
  [{ content: { 'health.port': null } }, { name: 'health.port', value: 'null' }],
  [{ flags: { 'server-archive-url': 'ftp://x/y.zip', 'server-archive-sha256': '0' } }, { name: 'server.archiveUrl' }],
])('a value that does not fit is named with where it stands and what it must be: %o', (given, details) => {
  const fault = faultOf(given)
  expect(fault.details).toMatchObject(details)
  expect(['config.invalid', 'config.unknown']).toContain(fault.code)
})

test('what only makes sense together is asked for together', () => {
  const fault = faultOf({ env: { PERDURE_SERVER_ARCHIVE_URL: 'https://example.test/a.tar.gz' } })
  expect(fault.code).toBe('config.invalid')
  expect(fault.message).toContain('server.archiveSha256')
  expect(fault.message).toContain('64 hexadecimal digits')
  expect(fault.message).toContain('PERDURE_SERVER_ARCHIVE_URL')
})

test('a secret is neither explained nor repeated in a fault', () => {
  const env = { PERDURE_AUTH_USER: 'ann', PERDURE_AUTH_PASS: 'very-secret' }
  const rows = explain(read({ env }), surroundingsOf(env))
  expect(rows.find(({ name }) => name === 'auth.pass')).toMatchObject({ value: '(set)', source: 'PERDURE_AUTH_PASS' })
  expect(JSON.stringify(rows)).not.toContain('very-secret')
  const fault = faultOf({ content: { auth: { user: 'ann', pass: ['very-secret'] } } })
  expect(fault.message).not.toContain('very-secret')
  expect(fault.message).toContain('auth.pass')
})

test('every setting is explained with a unit where it is an amount, and a reason', () => {
  for (const row of explain(read({}), surroundingsOf())) {
    expect(row.reason).toMatch(/^[A-Z0-9a-z/].+[.:]?/)
    if (row.name.endsWith('Ms')) expect(row.unit).toBe('ms')
    if (/[bB]ytes$/.test(row.name)) expect(row.unit).toBe('bytes')
    expect(row.source).toBe('default')
  }
})

test('the variables in which a container orchestrator describes its network are not ours', () => {
  const env = {
    PERDURE_SERVICE_HOST: '10.0.0.1',
    PERDURE_SERVICE_PORT_CLIENT: '4222',
    PERDURE_PORT: 'tcp://10.0.0.1:4222',
    PERDURE_PORT_4222_TCP_ADDR: '10.0.0.1',
    PERDURE_SERVER_PORT: 'tcp://10.0.0.1:4222',
  }
  expect(read({ env })['server.port'].source.is).toBe('default')
})

test('a variable that is empty is not set', () => {
  expect(read({ env: { PERDURE_REALM: '' } }).realm.value).toBe('main')
})

test('no two settings share a flag or a variable', () => {
  const rows = explain(read({}), surroundingsOf())
  expect(new Set(rows.map(({ flag }) => flag)).size).toBe(rows.length)
  expect(new Set(rows.map(({ variable }) => variable)).size).toBe(rows.length)
})

test('a fetched server is looked for where this user keeps caches', () => {
  expect(read({ env: { HOME: '/home/ann' } })['server.cacheDir'].value).toBe('/home/ann/.cache/perdure')
  expect(read({ env: { HOME: '/home/ann', XDG_CACHE_HOME: '/cache' } })['server.cacheDir'].value).toBe('/cache/perdure')
})
