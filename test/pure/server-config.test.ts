/** What stands in the configuration that the embedded server gets. */
import { expect, test } from 'vitest'
import { serverConfigText, type ServerConfig } from '#runtime/server/server-config.ts'

const base: ServerConfig = {
  home: { dir: '/d', store: '/d', config: '/d/nats.conf', log: '/d/nats.log', pid: '/d/nats.pid' },
  port: 4222,
  httpPort: 0,
  durability: 'process',
  maxPayload: 1_048_576,
  credentials: { node: { user: 'node', pass: 'n' }, outside: { user: 'outside', pass: 'o' } },
  realms: ['main', 'shop'],
  readable: ['ev.>', 're.web.*'],
}

function configOf(change: Partial<ServerConfig>) {
  return JSON.parse(serverConfigText({ ...base, ...change }))
}

test('it listens on loopback only, also for its monitoring page, which is off by itself', () => {
  expect(configOf({}).host).toBe('127.0.0.1')
  expect(configOf({})).not.toHaveProperty('http')
  expect(configOf({ httpPort: 8222 }).http).toBe('127.0.0.1:8222')
})

test('it syncs before it acknowledges exactly when a power cut must lose nothing, and soon after otherwise', () => {
  expect(configOf({ durability: 'power' }).jetstream.sync_interval).toBe('always')
  expect(configOf({}).jetstream.sync_interval).toBe('10s')
})

test('a connection may be owed several of the largest entries', () => {
  const { max_payload: payload, max_pending: pending } = configOf({ maxPayload: 64 * 1024 * 1024 })
  expect(pending).toBeGreaterThanOrEqual(4 * payload)
})

test('outsiders are an account of their own that reaches the public addresses and what it is granted', () => {
  const { REALM: realm, OUTSIDE: outside } = configOf({}).accounts
  const to = ['main.to.*.*', 'shop.to.*.*']
  const read = ['main.ev.>', 'main.re.web.*', 'shop.ev.>', 'shop.re.web.*']
  expect(outside.users[0].permissions).toEqual({ publish: to, subscribe: ['_INBOX.>', '_INBOX_outside.>', ...read] })
  expect(realm.exports.flatMap((each: { service?: string }) => each.service ?? [])).toEqual(to)
  expect(realm.exports.flatMap((each: { stream?: string }) => each.stream ?? [])).toEqual(read)
  expect(outside).not.toHaveProperty('jetstream')
})
