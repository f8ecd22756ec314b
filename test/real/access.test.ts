/** Every way in that a server may ask for, from the configuration through to the log; and what is said when it is closed. */
import { nkeys } from '@nats-io/nats-core'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { subjects } from '#protocol/subject.ts'
import type { Bus } from '#runtime/bus.ts'
import { type AccessWorld, openAccessWorld } from '#test/support/access-world.ts'
import { bytes, faultOf, listen, textOf } from '#test/support/bus-world.ts'
import { type Authority, hasOpenssl, makeAuthority, type Pair } from '#test/support/certificates.ts'
import { makeOperator } from '#test/support/issue-jwt.ts'
import { skipBecause } from '#test/support/skip.ts'
import type { TestNats } from '#test/support/nats.ts'

/** Recognisable wherever it turns up. */
const canary = 'canary-4711-do-not-tell'
const utf8 = new TextDecoder()

let world: AccessWorld
beforeAll(() => {
  world = openAccessWorld()
})
afterAll(async () => await world[Symbol.asyncDispose]())

async function works(bus: Bus): Promise<void> {
  const entry = { subject: subjects.in(bus.realm, 0, 'e', 'order/1'), data: bytes('through') }
  await bus.append(entry)
  const heard = await listen(bus, subjects.mailbox(bus.realm, 0))
  const entries = await heard.until((all) => all.length > 0)
  expect(textOf(entries[0]!.data)).toBe('through')
  await heard.stop()
}

const users = (pass: string): string => `authorization { users: [{ user: shop, password: "${pass}" }] }`

describe('credentials', () => {
  test('a user and a password', async () => {
    const server = await world.server(users(canary))
    await works(await world.open(server, { user: 'shop', pass: canary }))
    expect(await world.refused(server, { user: 'shop', pass: `${canary}-wrong` })).toMatchObject({
      code: 'login.refused',
      message: expect.stringContaining('the user "shop"'),
    })
    expect(await world.refused(server)).toMatchObject({ code: 'login.missing' })
  })

  test('a secret that servers without users know', async () => {
    const server = await world.server(`authorization { token: "${canary}" }`)
    await works(await world.open(server, { 'auth-token': canary }))
    expect(await world.refused(server, { 'auth-token': `${canary}-wrong` })).toMatchObject({ code: 'login.refused' })
  })

  test('an nkey: the server knows the public half, a file holds the seed', async () => {
    const [known, other] = [nkeys.createUser(), nkeys.createUser()]
    const server = await world.server(`authorization { users: [{ nkey: ${known.getPublicKey()} }] }`)
    const file = world.file('known.nk', `${utf8.decode(known.getSeed())}\n# ${known.getPublicKey()}\n`)
    await works(await world.open(server, { nkey: file }))
    const wrong = world.file('other.nk', utf8.decode(other.getSeed()))
    expect(await world.refused(server, { nkey: wrong })).toMatchObject({
      code: 'login.refused',
      message: expect.stringContaining(other.getPublicKey()),
    })
    const damaged = `${utf8.decode(known.getSeed()).slice(0, -4)}AAAA`
    expect(await world.refused(server, { nkey: world.file('damaged.nk', damaged) })).toMatchObject({
      code: 'login.unusable',
    })
    const account = world.file('account.nk', utf8.decode(nkeys.createAccount().getSeed()))
    expect(await world.refused(server, { nkey: account })).toMatchObject({ code: 'login.unusable' })
    expect(await world.refused(server, { nkey: world.file('none.nk', '') })).toMatchObject({ code: 'login.unusable' })
    for (const seed of [known, other]) expect(world.said.join('\n')).not.toContain(utf8.decode(seed.getSeed()))
    expect(world.said.join('\n')).not.toContain(damaged)
  })

  test('a .creds file of a server with accounts by JWT', async () => {
    const [operator, foreign] = [makeOperator(), makeOperator()]
    const server = await world.server(operator.config)
    const open = operator.creds('shop-node')
    await works(await world.open(server, { creds: world.file('node.creds', open) }))
    const past = operator.creds('late', Date.now() - 60_000)
    expect(await world.refused(server, { creds: world.file('late.creds', past) })).toMatchObject({
      code: 'login.expired',
      message: expect.stringContaining('the user "late" of the .creds file'),
    })
    expect(
      await world.refused(server, { creds: world.file('foreign.creds', foreign.creds('elsewhere')) }),
    ).toMatchObject({
      code: 'login.refused',
      message: expect.stringContaining('"elsewhere"'),
    })
    for (const broken of ['', 'oops', open.replace(/SU[A-Z0-9]+/, ''), open.replace(/eyJ\S+/, 'x')]) {
      expect(await world.refused(server, { creds: world.file('broken.creds', broken) })).toMatchObject({
        code: 'login.unusable',
      })
    }
    for (const text of [open, past]) {
      const [jwt, seed] = [/eyJ\S+/.exec(text)![0], /SU[A-Z0-9]{50,}/.exec(text)![0]]
      for (const secret of [jwt, seed]) expect(world.said.join('\n')).not.toContain(secret)
    }
  })

  test('rights that end while a client is connected are told with the instant', async () => {
    const operator = makeOperator()
    const server = await world.server(operator.config)
    const until = Math.ceil(Date.now() / 1000) * 1000 + 1_000
    await world.open(server, { creds: world.file('short.creds', operator.creds('short', until)) })
    const fault = await world.barred(server)
    expect(fault.code).toBe('login.expired')
    expect(fault.message).toContain(new Date(until).toISOString())
  })

  test('a password that is changed on the server is told at the reconnect, and when it is back all goes on', async () => {
    const server = await world.server(users(canary))
    const bus = await world.open(server, { user: 'shop', pass: canary })
    await world.change(server, users('another'))
    expect(await world.barred(server)).toMatchObject({
      code: 'login.refused',
      message: expect.stringContaining('the user "shop"'),
    })
    const refused = await bus.append({ subject: 'shop.commit.0', data: bytes('x') }).catch((error: unknown) => error)
    expect(refused).toMatchObject({ code: 'bus.unreachable', cause: { code: 'login.refused' } })
    const back = connected(bus)
    await world.change(server, users(canary))
    await back
    await works(bus)
  })
})

async function connected(bus: Bus): Promise<void> {
  await new Promise<void>((resolve) => {
    bus.onState((state) => {
      if (state === 'connected') resolve()
    })
  })
}

describe('TLS', () => {
  let authority: Authority
  let other: Authority
  beforeEach((context) => {
    if (!hasOpenssl()) skipBecause(context, 'there is no openssl to make certificates with')
  })
  beforeAll(() => {
    if (!hasOpenssl()) return
    authority = makeAuthority(world.dir, 'authority')
    other = makeAuthority(world.dir, 'other')
  })
  const tls = ({ certFile, keyFile }: Pair, more = ''): string =>
    `tls { cert_file: "${certFile}", key_file: "${keyFile}", ca_file: "${authority.certFile}" ${more} }`
  const trusting = (): Record<string, string> => ({ 'tls-ca-file': authority.certFile })
  const asked = (pair: Pair): Record<string, string> => ({
    ...trusting(),
    'tls-cert-file': pair.certFile,
    'tls-key-file': pair.keyFile,
  })
  const named = (server: TestNats): { url: string } => ({ url: server.url.replace('127.0.0.1', 'localhost') })

  test('a server whose certificate an authority of ours has signed, by its name or its address', async () => {
    const byAddress = await world.server(tls(authority.sign('address')))
    await works(await world.open(byAddress, trusting()))
    const byName = await world.server(tls(authority.sign('name', { host: 'localhost' })))
    await works(await world.open(named(byName), trusting()))
    expect(await world.refused(byName, trusting())).toMatchObject({ code: 'tls.wrongName' })
    expect(await world.refused(named(byAddress), trusting())).toMatchObject({ code: 'tls.wrongName' })
  })

  test('another authority, none, one that has expired, and files that are none', async () => {
    const server = await world.server(tls(authority.sign('server')))
    expect(await world.refused(server)).toMatchObject({ code: 'tls.untrusted' })
    expect(await world.refused(server, { 'tls-ca-file': other.certFile })).toMatchObject({
      code: 'tls.untrusted',
      message: expect.stringContaining('--tls-ca-file'),
    })
    expect(await world.refused(server, { 'tls-ca-file': '/absent.pem' })).toMatchObject({
      code: 'tls.unusable',
      message: expect.stringContaining('/absent.pem'),
    })
    const old = await world.server(tls(authority.sign('old', { isExpired: true })))
    expect(await world.refused(old, trusting())).toMatchObject({ code: 'tls.expired' })
    const plain = await world.server('')
    expect(await world.refused(plain, trusting())).toMatchObject({ code: 'tls.absent' })
  })

  test('a server that asks for a certificate of ours', async () => {
    const server = await world.server(tls(authority.sign('strict'), ', verify: true'))
    const [ours, foreign] = [authority.sign('client'), other.sign('client')]
    await works(await world.open(server, asked(ours)))
    // A reset mostly overtakes what the server says; each time it is heard all the same.
    for (let round = 0; round < 20; round++)
      expect(await world.refused(server, trusting())).toMatchObject({
        code: 'tls.refused',
        message: expect.stringContaining('--tls-cert-file'),
      })
    expect(await world.refused(server, asked(foreign))).toMatchObject({
      code: 'tls.refused',
      message: expect.stringContaining(foreign.certFile),
    })
    expect(await world.refused(server, asked(authority.sign('late', { isExpired: true })))).toMatchObject({
      code: 'tls.refused',
      message: expect.stringContaining('expired'),
    })
    const mixed = { ...asked(ours), 'tls-key-file': foreign.keyFile }
    expect(await world.refused(server, mixed)).toMatchObject({
      code: 'tls.unusable',
      message: expect.stringContaining('key values mismatch'),
    })
  })

  test('what changes on the server is told at the reconnect, and what was mended is taken up', async () => {
    const pair = authority.sign('changing')
    const server = await world.server(tls(pair))
    // An attempt that is refused after the handshake lasts so long.
    const bus = await world.open(server, { ...trusting(), 'bus-connect-ms': '500ms' })
    await world.change(server, tls(other.sign('changing')))
    expect(await world.barred(server)).toMatchObject({ code: 'tls.untrusted' })
    await world.change(server, tls(pair, ', verify: true'))
    expect(await world.barred(server)).toMatchObject({ code: 'tls.refused' })
    const back = connected(bus)
    await world.change(server, tls(pair))
    await back
    await works(bus)
  })
})

describe('secrets', () => {
  test('nothing that was thrown or traced on the way holds one', () => {
    expect(world.said.length).toBeGreaterThan(10)
    expect(world.said.filter((text) => text.includes(canary))).toEqual([])
  })

  test('given in the wrong place they are refused and not repeated', async () => {
    const nowhere = { url: 'nats://127.0.0.1:1' }
    const seed = utf8.decode(nkeys.createUser().getSeed())
    const jwt = `eyJ0eXAiOiJKV1QifQ.${Buffer.from(canary).toString('base64url')}.x`
    for (const [server, flags, secret] of [
      [{ url: `nats://shop:${canary}@127.0.0.1:1` }, {}, canary],
      [{ url: `nats://127.0.0.1:1,nats://${canary}@127.0.0.1:2` }, {}, canary],
      [nowhere, { nkey: seed }, seed],
      [nowhere, { creds: jwt }, jwt],
      [nowhere, { creds: `-----BEGIN USER NKEY SEED-----${seed}` }, seed],
      [nowhere, { user: 'shop', pass: `${canary}\n` }, canary],
    ] as const) {
      const error = await faultOf(world.refused(server, flags).then((cause) => Promise.reject(cause as Error)))
      expect(error.code).toBe('config.invalid')
      expect(world.said.join('\n')).not.toContain(secret)
    }
  })
})
