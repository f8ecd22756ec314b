/**
 * What somebody with an outsider's credentials can do to the log of a real server: put events
 * at public addresses, and nothing else, whatever comes along with them.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { connect as dial } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { jetstreamManager, type JetStreamManager } from '@nats-io/jetstream'
import { headers, type Msg, type MsgHdrs } from '@nats-io/nats-core'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { storedSubjectsOf, transformOf } from '#protocol/subject.ts'
import { outsideInbox } from '#runtime/server/credentials.ts'
import { launchServer, type RunningServer } from '#runtime/server/launch-server.ts'
import { launchOptionsOf } from '#test/support/launch-options.ts'
import { natsServer, startNats } from '#test/support/nats.ts'

type World = {
  readonly node: NatsConnection
  readonly outsider: NatsConnection
  readonly jsm: JetStreamManager
}

async function worldOf(servers: string, nodePass: string, outsidePass: string): Promise<World> {
  const node = await connect({ servers, user: 'node', pass: nodePass })
  const outsider = await connect({ servers, user: 'outside', pass: outsidePass, inboxPrefix: outsideInbox })
  return { node, outsider, jsm: await jetstreamManager(node) }
}

async function makeRealm({ jsm }: World): Promise<void> {
  await jsm.streams.add({
    name: 'main',
    subjects: storedSubjectsOf('main'),
    subject_transform: transformOf('main', 4),
    allow_atomic: true,
    allow_direct: true,
  })
}

/**
 * Two commits and nothing else. Purged and not made anew: a stream that is made again under its
 * old name within milliseconds may come back with its old entries.
 */
async function beginAnew({ jsm, node }: World): Promise<void> {
  await jsm.streams.purge('main')
  for (const data of ['one', 'two']) await node.request('main.commit.0', data, { timeout: answerMs })
}

/** Long enough for a machine that does much else. */
const answerMs = 20_000

/** Everything on the log, as `subject`: how many. */
async function logOf({ jsm }: World): Promise<Record<string, number>> {
  return (await jsm.streams.info('main', { subjects_filter: '>' })).state.subjects ?? {}
}

/**
 * When this returns, whatever the server was going to store on the outsider's behalf is stored:
 * a later event of theirs was acknowledged, and after that an entry of ours.
 */
async function settle({ node, outsider }: World): Promise<void> {
  await outsider.request('main.to.barrier.x', '{}', { timeout: answerMs })
  await node.request('main.parked.0.barrier.x', '{}', { timeout: answerMs })
}

const mailbox = (subject: string): boolean => /^main\.in\.\d+\.x\./.test(subject)

let server: RunningServer
let world: World
let dir: string
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'perdure-outsiders-'))
  server = await launchServer({ ...(await launchOptionsOf(natsServer(), dir)), readable: ['ev.>', 're.web.*'] })
  world = await worldOf(server.url, server.credentials.node.pass, server.credentials.outside.pass)
  await makeRealm(world)
  await world.jsm.streams.add({ name: 'KV_kinds', subjects: ['$KV.kinds.>'] })
})
afterAll(async () => {
  await world?.outsider.close()
  await world?.node.close()
  await server?.stop()
  await rm(dir, { recursive: true, force: true })
})
beforeEach(async () => await beginAnew(world))

async function answerTo(subject: string, hdrs?: MsgHdrs): Promise<{ seq?: number; error?: { err_code: number } }> {
  const answer = await world.outsider.request(subject, '{"type":"PAY"}', {
    timeout: answerMs,
    ...(hdrs && { headers: hdrs }),
  })
  return answer.json()
}

function headersOf(fields: Readonly<Record<string, string>>): MsgHdrs {
  const made = headers()
  for (const [name, value] of Object.entries(fields)) made.append(name, value)
  return made
}

test('an event to a public address is stored in a mailbox as from outside, and acknowledged', async () => {
  const { seq } = await answerTo('main.to.order.42')
  expect((await world.jsm.streams.getMessage('main', { seq: seq! }))?.subject).toMatch(/^main\.in\.\d\.x\.order\.42$/)
})

test.each([
  'main.in.0.1.order.42',
  'main.in.0.x.order.42',
  'main.in.0.c.order.42',
  'main.commit.0',
  'main.parked.0.order.42',
  'main.ev.order.42.PAID',
  'main.re.web.1',
  'main.q.0',
  'main.to.order',
  'main.to.order.42.more',
  'other.to.order.42',
  '$JS.API.INFO',
  '$JS.API.STREAM.PURGE.main',
  '$JS.API.STREAM.MSG.GET.main',
  '$JS.API.DIRECT.GET.main',
  '$KV.kinds.order',
  '$SYS.REQ.SERVER.PING',
  '_INBOX.somebody',
  `${outsideInbox}.somebody`,
])('a publish to %s is refused', async (subject) => {
  const before = await logOf(world)
  await expect(world.outsider.request(subject, '{}', { timeout: answerMs })).rejects.toThrow(
    /Permissions Violation for Publish/,
  )
  expect(await logOf(world)).toEqual(before)
})

test.each(['>', 'main.>', 'main.in.>', 'main.commit.*', 'main.re.>', 'main.re.other.*', '$JS.>', '$SYS.>'])(
  'listening on %s is refused',
  async (subject) => {
    const refused = new Promise<Error | undefined>((resolve) => {
      world.outsider.subscribe(subject, { callback: (error) => resolve(error ?? undefined) })
    })
    expect(String(await refused)).toMatch(/Permissions Violation for Subscription/)
  },
)

test('what is granted can be heard: emitted events, and answers to a client of theirs', async () => {
  const heard: Promise<Msg>[] = ['main.ev.order.>', 'main.re.web.*'].map(
    (subject) =>
      new Promise((resolve) => world.outsider.subscribe(subject, { max: 1, callback: (_, entry) => resolve(entry) })),
  )
  await world.outsider.flush()
  await world.node.request('main.ev.order.42.PAID', 'paid', { timeout: answerMs })
  await world.node.request('main.re.web.7', 'yes', { timeout: answerMs })
  expect((await Promise.all(heard)).map((entry) => `${entry.subject} ${entry.string()}`)).toEqual([
    'main.ev.order.42.PAID paid',
    'main.re.web.7 yes',
  ])
})

test('the inboxes of nodes are out of reach, and any client gets its own acknowledgements', async () => {
  const heard: string[] = []
  const listening = world.outsider.subscribe('_INBOX.>', { callback: (_, { subject }) => void heard.push(subject) })
  await world.outsider.flush()
  const owner = world.node.subscribe('main.q.0', { callback: (_, asked) => void asked.respond('state') })
  expect((await world.node.request('main.q.0', '', { timeout: answerMs })).string()).toBe('state')
  await settle(world)
  expect(heard).toEqual([])
  owner.unsubscribe()
  listening.unsubscribe()

  const { user, pass } = server.credentials.outside
  const plain = await connect({ servers: server.url, user, pass })
  const answer = await plain.request('main.to.order.42', '{"type":"PAY"}', { timeout: answerMs })
  expect(answer.json()).toMatchObject({ stream: 'main' })
  await plain.close()
})

/** Where the server would send its acknowledgement, were the reply subject not of another account. */
const replies = [
  'main.commit.0',
  'main.in.0.1.order.42',
  'main.in.0.c.order.42',
  'main.parked.0.order.42',
  'main.ev.order.42.PAID',
  'main.re.web.1',
  '$KV.kinds.order',
]

describe('a reply subject is no way in', () => {
  test.each([...replies, 'main.to.order.43', 'main.q.0', '$JS.API.STREAM.PURGE.main', '$JS.API.STREAM.DELETE.main'])(
    'an event whose reply is %s stores that event and nothing else',
    async (reply) => {
      const { node, outsider, jsm } = world
      const asked: string[] = []
      const owner = node.subscribe('main.q.>', { callback: (_, { subject }) => void asked.push(subject) })
      const before = await logOf(world)
      outsider.publish('main.to.order.42', '{"type":"PAY"}', { reply })
      await settle(world)
      const after = await logOf(world)
      const added = Object.keys(after).filter((subject) => after[subject] !== before[subject])
      expect(added.filter((subject) => !subject.includes('barrier')).every(mailbox)).toBe(true)
      expect(added.filter((subject) => subject.endsWith('order.42'))).toHaveLength(1)
      expect(after['main.commit.0']).toBe(2)
      expect((await jsm.streams.info('KV_kinds')).state.messages).toBe(0)
      expect(asked).toEqual([])
      owner.unsubscribe()
    },
  )

  test.each(['$JS.ACK.main.c.1.1.1.1.1', '_R_.abc'])('%s as the reply refuses the event', async (reply) => {
    const before = await logOf(world)
    const refused = firstErrorOf(world.outsider)
    world.outsider.publish('main.to.order.42', '{"type":"PAY"}', { reply })
    expect(await refused).toMatch(/Permissions Violation for Publish with Reply/)
    expect(await logOf(world)).toEqual(before)
  })

  /** The canary: were nodes and outsiders two users of one account, all of these would be stored. */
  test('the same replies in one account move the fence and fill mailboxes', async () => {
    const config = `accounts { A { jetstream: enabled, users: [
      { user: node, password: n },
      { user: outside, password: o, permissions: { publish: ["main.to.*.*"], subscribe: ["${outsideInbox}.>"] } } ] } }`
    await using nats = await startNats({ config })
    const shared = await worldOf(nats.url, 'n', 'o')
    await makeRealm(shared)
    await beginAnew(shared)
    for (const reply of replies.slice(0, 6)) shared.outsider.publish('main.to.order.42', '{"type":"PAY"}', { reply })
    await settle(shared)
    const log = await logOf(shared)
    for (const reply of replies.slice(0, 6))
      expect([reply, log[reply]]).toEqual([reply, reply === 'main.commit.0' ? 3 : 1])
    await shared.outsider.close()
    await shared.node.close()
  })
})

async function firstErrorOf(connection: NatsConnection): Promise<string> {
  for await (const status of connection.status()) if (status.type === 'error') return status.error.message
  return ''
}

describe('whatever headers come with it', () => {
  test.each<[Record<string, string>, number]>([
    [{ 'Nats-Rollup': 'all' }, 10111],
    [{ 'Nats-Rollup': 'sub' }, 10111],
    [{ 'Nats-TTL': '1s' }, 10166],
    [{ 'Nats-Incr': '+1' }, 10168],
    [{ 'Nats-Schedule': '@at 2030-01-01T00:00:00Z', 'Nats-Schedule-Target': 'main.commit.0' }, 10188],
    [{ 'Nats-Schedule-Next': 'purge', 'Nats-Scheduler': 'main.commit.0' }, 10188],
    [{ 'Nats-Stream-Source': 'other 1' }, 10227],
    [{ 'Nats-Expected-Stream': 'other' }, 10060],
    [{ 'Nats-Expected-Last-Sequence': '999999' }, 10071],
    [{ 'Nats-Expected-Last-Subject-Sequence': '999999' }, 10071],
    [
      {
        'Nats-Expected-Last-Subject-Sequence': '999999',
        'Nats-Expected-Last-Subject-Sequence-Subject': 'main.commit.0',
      },
      10071,
    ],
    [{ 'Nats-Expected-Last-Msg-Id': 'x' }, 10070],
  ])('%j is refused and changes nothing', async (fields, code) => {
    const before = await logOf(world)
    expect((await answerTo('main.to.order.42', headersOf(fields))).error?.err_code).toBe(code)
    expect(await logOf(world)).toEqual(before)
  })

  test.each<[Record<string, string>]>([
    [{ 'Nats-Msg-Id': '1' }],
    [{ 'Nats-Batch-Id': 'b', 'Nats-Batch-Sequence': '1', 'Nats-Batch-Commit': '1' }],
    [
      {
        'Nats-Subject': 'main.commit.0',
        'Nats-Sequence': '1',
        'Nats-Stream': 'other',
        'Nats-Time-Stamp': '2020-01-01T00:00:00Z',
      },
    ],
    [{ 'Nats-Request-Info': '{"acc":"$SYS"}' }],
    [{ 'Nats-Expected-Last-Subject-Sequence': '0' }],
    [{ 'Nats-Trace-Dest': 'main.to.order.43' }],
    [{ traceparent: '00-0123456789abcdef0123456789abcdef-0123456789abcdef-01' }],
  ])('%j is an event in a mailbox like any other', async (fields) => {
    const { seq } = await answerTo('main.to.order.42', headersOf(fields))
    await settle(world)
    const { jsm } = world
    for (const entry of [
      await jsm.streams.getMessage('main', { seq: seq! }),
      await jsm.direct.getMessage('main', { seq: seq! }),
    ]) {
      expect(entry?.subject).toMatch(/^main\.in\.\d\.x\.order\.42$/)
      expect(entry?.seq).toBe(seq)
    }
    const log = await logOf(world)
    expect(log['main.commit.0']).toBe(2)
    expect(Object.keys(log).filter((subject) => !mailbox(subject) && !subject.includes('barrier'))).toEqual([
      'main.commit.0',
    ])
  })

  test.each(['main.commit.0', '$JS.API.STREAM.PURGE.main'])(
    'the server sends no trace of it to %s',
    async (destination) => {
      const before = await logOf(world)
      const refused = firstErrorOf(world.outsider)
      world.outsider.publish('main.to.order.42', '{}', { headers: headersOf({ 'Nats-Trace-Dest': destination }) })
      expect(await refused).toMatch(/Permissions Violation for Publish/)
      expect(await logOf(world)).toEqual(before)
    },
  )

  test('a batch of events is stored whole, as events', async () => {
    const part = (at: number, end: boolean): MsgHdrs =>
      headersOf({
        'Nats-Batch-Id': 'b2',
        'Nats-Batch-Sequence': String(at),
        ...(end ? { 'Nats-Batch-Commit': '1' } : {}),
      })
    world.outsider.publish('main.to.order.1', '{}', { headers: part(1, false) })
    world.outsider.publish('main.to.order.2', '{}', { headers: part(2, false) })
    expect(await answerTo('main.to.order.3', part(3, true))).toMatchObject({ count: 3 })
    expect(Object.keys(await logOf(world)).filter(mailbox)).toHaveLength(3)
  })

  test('batches that are begun and never ended leave room for those of a node', async () => {
    for (let at = 0; at < 200; at++) {
      const begun = headersOf({ 'Nats-Batch-Id': `hog${at}`, 'Nats-Batch-Sequence': '1' })
      world.outsider.publish('main.to.order.42', '{}', { headers: begun })
    }
    await settle(world)
    const whole = headersOf({ 'Nats-Batch-Id': 'mine', 'Nats-Batch-Sequence': '1', 'Nats-Batch-Commit': '1' })
    const answer = await world.node.request('main.commit.0', 'three', { timeout: answerMs, headers: whole })
    expect(answer.json()).toMatchObject({ stream: 'main', count: 1 })
  })

  test('no entry can be made to look like a control line of the server', async () => {
    const lines = [
      'NATS/1.0 503',
      'NATS/1.0 409 Consumer Deleted',
      'NATS/1.0 100 Idle Heartbeat\r\nNats-Last-Consumer: 9',
      'nonsense',
    ]
    await publishRaw(lines.map((line) => `${line}\r\n\r\n`))
    const read: (readonly [string, number])[] = []
    const all = new Promise<void>((resolve) => {
      world.node.subscribe('deliver.here', {
        callback(_, { subject, headers: found }) {
          if (read.push([subject, found?.code ?? 0]) === lines.length) resolve()
        },
      })
    })
    const consumer = {
      name: 'reader',
      ack_policy: 'none',
      deliver_subject: 'deliver.here',
      filter_subject: 'main.in.*.x.order.*',
    } as const
    await world.jsm.consumers.add('main', consumer)
    await all
    expect(read.every(([subject, code]) => mailbox(subject) && code === 0)).toBe(true)
  })
})

/** Past the client library, which would not write such headers. */
async function publishRaw(blocks: readonly string[]): Promise<void> {
  const { user, pass } = server.credentials.outside
  const socket = dial(server.port, '127.0.0.1')
  const greeting = JSON.stringify({ verbose: false, user, pass, headers: true, no_responders: true, protocol: 1 })
  socket.write(`CONNECT ${greeting}\r\n`)
  for (const block of blocks) socket.write(`HPUB main.to.order.42 ${block.length} ${block.length}\r\n${block}\r\n`)
  socket.write('PING\r\n')
  for await (const data of socket) if (String(data).includes('PONG')) break
  socket.destroy()
}
