/** The one file, the credentials that it may name, and the shapes that the parts take. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openConfig, type ConfigInput } from '#config/open-config.ts'
import {
  busOptionsOf,
  clientOptionsOf,
  nodeOptionsOf,
  serverOptionsOf,
  serverSearchOf,
  storeOptionsOf,
} from '#config/options.ts'
import { readAuth } from '#config/read-auth.ts'
import type { SenderOptions } from '#runtime/client/sender.ts'
import type { ViewOptions } from '#runtime/client/views.ts'
import type { BusAuth, BusOptions } from '#runtime/nats/bus-options.ts'
import type { NodeOptions } from '#runtime/node.ts'
import type { FetchOptions } from '#runtime/server/fetch-server.ts'
import type { FindOptions } from '#runtime/server/find-server.ts'
import type { LaunchOptions } from '#runtime/server/launch-server.ts'

let cwd: string
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'perdure-config-'))
})
afterEach(() => rmSync(cwd, { recursive: true, force: true }))

function open({ env = {}, ...input }: ConfigInput = {}) {
  return openConfig({ env, cwd, ...input })
}

test('perdure.json of the working directory is read when it is there', () => {
  expect(open().file).toBeUndefined()
  writeFileSync(join(cwd, 'perdure.json'), '\uFEFF{"$schema": "x", "realm": "shop", "effects": {"limit": 4}}')
  const config = open()
  expect([config.cluster.realm, config.node['effects.limit']]).toEqual(['shop', 4])
  expect(config.file).toBe(join(cwd, 'perdure.json'))
  expect(config.isSet('realm')).toBe(true)
  expect(config.isSet('partitions')).toBe(false)
})

test('a file that is named is read instead, and must be there', () => {
  writeFileSync(join(cwd, 'perdure.json'), '{"realm": "shop"}')
  writeFileSync(join(cwd, 'other.json'), '{"realm": "other"}')
  expect(open({ flags: { config: 'other.json' } }).cluster.realm).toBe('other')
  expect(open({ env: { PERDURE_CONFIG: 'other.json' } }).cluster.realm).toBe('other')
  expect(() => open({ flags: { config: 'absent.json' } })).toThrow(/absent\.json.*there is no such file/)
})

test.each(['{"realm": ', '[]', '"shop"', 'null'])('a file that holds %s is refused with its name', (content) => {
  writeFileSync(join(cwd, 'perdure.json'), content)
  expect(() => open()).toThrow(expect.objectContaining({ code: 'config.unreadable' }))
})

test('credentials are read from the files that the settings name', () => {
  writeFileSync(join(cwd, 'a.creds'), 'the creds')
  writeFileSync(join(cwd, 'a.nk'), 'SUSEED\n')
  const auths: readonly (BusAuth | undefined)[] = [
    readAuth(open()),
    readAuth(open({ env: { PERDURE_AUTH_USER: 'ann', PERDURE_AUTH_PASS: 'x' } })),
    readAuth(open({ env: { PERDURE_AUTH_TOKEN: 't' } })),
    readAuth(open({ flags: { creds: 'a.creds' } })),
    readAuth(open({ flags: { nkey: 'a.nk' } })),
  ]
  expect(auths).toEqual([
    undefined,
    { user: 'ann', pass: 'x' },
    { token: 't' },
    { creds: 'the creds' },
    { nkey: 'SUSEED' },
  ])
  expect(() => readAuth(open({ flags: { creds: 'b.creds' } }))).toThrow(/b\.creds/)
  expect(() => readAuth(open({ flags: { creds: 'a.creds', nkey: 'a.nk' } }))).toThrow(/--nkey/)
})

test('the shapes are those that the parts take', () => {
  const config = open({ flags: { partitions: '4' } })
  const bus: BusOptions = { ...busOptionsOf(config), create: true, auth: readAuth(config) }
  const node: NodeOptions = nodeOptionsOf(config)
  const client: SenderOptions & ViewOptions = clientOptionsOf(config)
  const onLine = (): void => {}
  const find: FindOptions = { ...serverSearchOf(config), onNote: onLine }
  const fetch: FetchOptions = { ...serverSearchOf(config), onProgress: onLine }
  const login = { user: 'u', pass: 'p' }
  const launch: LaunchOptions = {
    ...serverOptionsOf(config),
    binary: 'x',
    credentials: { node: login, outside: login },
    onLine,
    onProgress: onLine,
    onFault: () => {},
  }
  expect([bus.partitions, busOptionsOf(open()).partitions]).toEqual([4, undefined])
  expect([find.minimum, fetch.archive, launch.port, storeOptionsOf(config).dir]).toEqual([
    '2.12.1',
    undefined,
    4222,
    join(cwd, '.perdure', 'store'),
  ])
  // There is no second place unless somebody names one.
  const given = { ...node, secondPlace: node.secondPlace ?? 'none' }
  for (const value of [...Object.values(given), ...Object.values(client)]) expect(value).toBeDefined()
})
