/** The rights that "perdure auth template" prints are enough for each role, and no more. */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { NatsConnection } from '@nats-io/transport-node'
import { assign, emit, fromPromise, setup } from 'xstate'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openConfig } from '#config/open-config.ts'
import { busOptionsOf } from '#config/options.ts'
import { actor, type Node, onTrace, type RealmHandle, reply, type Trace } from '#runtime/index.ts'
import { accessOf, openConfiguredNode, openConfiguredRealm } from '#runtime/wiring.ts'
import { openBus } from '#runtime/nats/open-bus.ts'
import type { Role } from '#runtime/server/role-rights.ts'
import { listen, textOf } from '#test/support/bus-world.ts'
import { openCli } from '#test/support/cli.ts'
import { isDone, mayPublish } from '#test/support/rights.ts'
import { openTemplateWorld, type TemplateWorld } from '#test/support/template-world.ts'

type Shopping = { readonly bought: number; readonly rung: boolean; readonly called: string }

/** Has a timer, an effect, a child, an answer and something to tell. */
const shopper = actor(
  'shopper',
  setup({
    types: { context: {} as Shopping, events: {} as { type: 'BUY' | 'ASK' | 'REST' } },
    actors: {
      call: fromPromise(async () => 'called'),
      helper: setup({}).createMachine({ initial: 'done', states: { done: { type: 'final' } } }),
    },
    delays: { nap: 20 },
  }).createMachine({
    context: { bought: 0, rung: false, called: '' },
    initial: 'awake',
    on: {
      BUY: {
        actions: [
          assign({ bought: ({ context }) => context.bought + 1 }),
          emit(({ context }) => ({ type: 'BOUGHT', count: context.bought })),
        ],
      },
      ASK: { actions: reply(({ context }) => ({ bought: context.bought })) },
      REST: '.resting',
    },
    states: {
      awake: {},
      resting: { invoke: { src: 'helper' }, after: { nap: { target: 'calling', actions: assign({ rung: true }) } } },
      calling: {
        invoke: { src: 'call', onDone: { target: 'awake', actions: assign({ called: ({ event }) => event.output }) } },
      },
    },
  }),
  { effects: ['call'] },
)

let world: TemplateWorld
const traces: Trace[] = []
const waiting = new Set<() => void>()
const hearing = onTrace((event) => {
  traces.push(event)
  for (const look of waiting) look()
})

beforeAll(async () => {
  world = await openTemplateWorld(['shop', 'bank', 'thief'])
})
afterAll(async () => {
  hearing.stop()
  await world?.[Symbol.asyncDispose]()
})

async function traced(fits: (event: Trace) => boolean): Promise<void> {
  const from = traces.length
  while (!traces.slice(from).some(fits)) await new Promise<void>((resolve) => waiting.add(resolve))
}

function configOf(realm: string, role: Role) {
  const flags = {
    ...world.flags(realm, role),
    servers: world.url,
    realm,
    dir: join(world.dir, realm),
    partitions: '4',
    // Everything that was folded may go at once.
    'history-window-ms': '0',
    'trim-every-ms': '100ms',
  }
  return openConfig({ flags, env: {} })
}

const startNode = (realm: string, role: Role): Promise<Node> =>
  openConfiguredNode(configOf(realm, role), { actors: [shopper] })

const openAs = (realm: string, role: Role): Promise<RealmHandle> => openConfiguredRealm(configOf(realm, role), {})

test('a realm is made by its maker; a node with rights of its own cannot, and says what it lacks', async () => {
  await expect(startNode('shop', 'node')).rejects.toMatchObject({
    code: 'bus.denied',
    message: expect.stringContaining('$JS.API.STREAM.CREATE.shop'),
  })
  await (await startNode('shop', 'maker')).stop()
  const before = world.violations().length
  const node = await startNode('shop', 'node')
  await node.stop()
  expect(world.violations().length).toBe(before)
})

test('a node with the printed rights does all that a node does, and the server refuses it nothing', async () => {
  await (await startNode('bank', 'maker')).stop()
  const before = world.violations().length
  let node = await startNode('bank', 'node')
  await using client = await openAs('bank', 'operator')
  const one = client.ref(shopper, 'a')
  for (let at = 0; at < 20; at++) await one.send({ type: 'BUY' })
  expect(await one.ask({ type: 'ASK' }, { timeoutMs: 120_000 })).toEqual({ bought: 20 })
  await one.send({ type: 'REST' })
  await one.waitFor(({ context }) => context.called === 'called', { timeoutMs: 120_000 })
  await traced((event) => event.is === 'trimmed' && event.removed > 0)
  // The next base takes the place of the first.
  for (let at = 0; at < 20; at++) await one.send({ type: 'BUY' })
  await traced((event) => event.is === 'trimmed' && event.removed > 0)
  await node.stop()
  node = await startNode('bank', 'node')
  await one.send({ type: 'BUY' })
  await one.waitFor(({ context }) => context.bought === 41, { timeoutMs: 120_000 })
  await node.stop()
  // Without its store it needs the bases.
  await rm(join(world.dir, 'bank', 'store'), { recursive: true })
  node = await startNode('bank', 'node')
  await one.send({ type: 'BUY' })
  await one.waitFor(({ context }) => context.bought === 42, { timeoutMs: 120_000 })
  await client.operate.delete(one.address)
  await node.stop()
  // A base so large that the server asks in between whether it may go on.
  const config = configOf('bank', 'node')
  await using bus = await openBus({ ...busOptionsOf(config), ...(await accessOf(config)), create: true })
  const large = new Uint8Array(24_000_000).fill(7)
  await bus.blobs.put('large', large)
  expect((await bus.blobs.get('large'))?.length).toBe(large.length)
  await bus.blobs.remove('large')
  expect(world.violations().slice(before)).toEqual([])
})

test('the commands work with the rights of their roles, and the server refuses them nothing', async () => {
  const node = await startNode('shop', 'node')
  const cli = await openCli()
  const before = world.violations().length
  const flagsOf = (role: Role): string[] => {
    const flags = { ...world.flags('shop', role), servers: world.url, realm: 'shop' }
    return Object.entries(flags).flatMap(([name, value]) => [`--${name}`, value])
  }
  const operator = [
    'send shopper/b BUY',
    'ask shopper/b ASK',
    'start shopper/c',
    'send shopper/c NONSENSE',
    'stop shopper/c',
    'rewind shopper/b --to 0s --yes',
  ]
  const past = ['inputs shopper/b', 'at 0s show shopper/b', 'at 1h show shopper/b']
  const reader = ['ps', 'show shopper/b', 'history shopper/b', 'timers', 'effects', 'parked', ...past, 'doctor']
  /** The log was trimmed: everything is looked through, bases as well, and nothing reaches so far. */
  const codes: Readonly<Record<string, number>> = { 'at 1h show shopper/b': 1 }
  for (const [role, lines] of [
    ['operator', [...operator, ...reader]],
    ['reader', reader],
  ] as const) {
    for (const line of lines) {
      const { code, err } = await cli.run([...line.split(' '), ...flagsOf(role)])
      expect([line, code, err.includes('denied')]).toEqual([line, line === 'doctor' ? code : (codes[line] ?? 0), false])
    }
  }
  expect(world.violations().slice(before)).toEqual([])
  const { code, err } = await cli.run(['send', 'shopper/b', 'BUY', ...flagsOf('reader')])
  expect([code, err]).toEqual([1, expect.stringContaining('bus.denied')])
  await cli.close()
  await node.stop()
})

const ms = 20_000

async function maySubscribe(connection: NatsConnection, subject: string): Promise<boolean> {
  const refused = Promise.withResolvers<boolean>()
  const subscription = connection.subscribe(subject, {
    callback: (error) => {
      if (error !== null) refused.resolve(false)
    },
  })
  const allowed = connection
    .flush()
    .then(async () => await new Promise<boolean>((resolve) => setImmediate(resolve, true)))
  const outcome = await Promise.race([refused.promise, allowed])
  subscription.unsubscribe()
  return outcome
}

test('an outsider publishes events and reads what is granted, an observer only reads, and neither anything else', async () => {
  const node = await startNode('shop', 'node')
  const [outsider, observer] = [await world.connect('shop', 'outsider'), await world.connect('shop', 'observer')]
  const heard = Promise.withResolvers<string>()
  observer.subscribe('shop.ev.shopper.z.>', { callback: (_, message) => heard.resolve(message.subject) })
  await observer.flush()
  const { seq } = (await outsider.request('shop.to.shopper.z', '{"type":"BUY"}', { timeout: ms })).json<{
    seq: number
  }>()
  expect(seq).toBeGreaterThan(0)
  expect(await heard.promise).toBe('shop.ev.shopper.z.BOUGHT')
  const subjects = [
    ...[
      'shop.in.0.x.shopper.z',
      'shop.in.0.c.shopper.z',
      'shop.commit.0',
      'shop.parked.0.shopper.z',
      'shop.ev.shopper.z.X',
    ],
    ...[
      'shop.q.0',
      'shop.roll',
      'shop.node.n',
      'shop.ping.n',
      'shop.do.n',
      '$KV.shop_kinds.shopper',
      '$O.shop_bases.M.x',
    ],
    ...['$JS.API.INFO', '$JS.API.STREAM.INFO.shop', '$JS.API.STREAM.PURGE.shop', '$JS.API.STREAM.MSG.GET.shop'],
    ...['$JS.API.STREAM.CREATE.own', '$JS.API.CONSUMER.CREATE.shop.c', '$JS.API.DIRECT.GET.shop', '_INBOX.x'],
  ]
  for (const subject of subjects) expect([subject, await mayPublish(outsider, subject)]).toEqual([subject, false])
  for (const subject of ['shop.to.shopper.z', ...subjects])
    expect([subject, await mayPublish(observer, subject)]).toEqual([subject, false])
  for (const connection of [outsider, observer]) {
    for (const subject of ['>', 'shop.>', 'shop.in.>', 'shop.to.>', 'shop.commit.*', '_INBOX.>', '$JS.>', 'bank.ev.>'])
      expect([subject, await maySubscribe(connection, subject)]).toEqual([subject, false])
  }
  await node.stop()
})

test('whoever has all rights in one realm can neither read nor write anything of another [SD3]', async () => {
  const shop = await startNode('shop', 'node')
  const bank = await startNode('bank', 'node')
  await using client = await openAs('bank', 'operator')
  const canary = client.ref(shopper, 'canary')
  await canary.send({ type: 'BUY' })
  await canary.waitFor(({ context }) => context.bought === 1, { timeoutMs: ms })
  const before = (await client.bus.logState()).lastSeq
  // Every role of the other realm, and everything that a role of this realm may do.
  for (const role of ['maker', 'node', 'restorer', 'operator', 'reader', 'outsider', 'observer'] as const) {
    const stranger = await world.connect('shop', role)
    const streams = ['bank', 'KV_bank_kinds', 'OBJ_bank_bases']
    const written = [
      ...['bank.to.shopper.canary', 'bank.in.0.c.shopper.canary', 'bank.commit.0', 'bank.ev.shopper.canary.BOUGHT'],
      ...['bank.q.0', 'bank.roll', 'bank.do.n', '$KV.bank_kinds.shopper'],
    ]
    for (const subject of written)
      expect([role, subject, await mayPublish(stranger, subject)]).toEqual([role, subject, false])
    const calls = streams.flatMap((stream) => [
      ...[`$JS.API.STREAM.INFO.${stream}`, `$JS.API.STREAM.MSG.GET.${stream}`, `$JS.API.STREAM.PURGE.${stream}`],
      ...[`$JS.API.STREAM.DELETE.${stream}`, `$JS.API.CONSUMER.CREATE.${stream}.c`, `$JS.API.DIRECT.GET.${stream}`],
    ])
    for (const subject of ['$O.bank_bases.M.x', ...calls])
      expect([role, subject, await isDone(stranger, subject)]).toEqual([role, subject, false])
    for (const subject of ['bank.>', 'bank.ev.>', '$KV.bank_kinds.>', '$O.bank_bases.>'])
      expect([role, subject, await maySubscribe(stranger, subject)]).toEqual([role, subject, false])
  }
  // What a right inside one's own realm makes the server do, it does inside that realm: another's
  // log as a source, its mailbox as where a consumer delivers or an answer goes.
  const maker = await world.connect('shop', 'maker')
  expect(await isDone(maker, '$JS.API.STREAM.INFO.shop')).toBe(true)
  const call = async (subject: string, body: object): Promise<void> =>
    void (await maker.request(`$JS.API.${subject}`, JSON.stringify(body), { timeout: ms }).catch(() => undefined))
  await call('CONSUMER.CREATE.shop.thief', {
    stream_name: 'shop',
    config: { name: 'thief', deliver_subject: 'bank.in.0.c.shopper.canary', ack_policy: 'none' },
  })
  maker.publish('$JS.API.STREAM.INFO.shop', '', { reply: 'bank.commit.0' })
  await maker.flush()
  const thief = await world.connect('thief', 'maker')
  const source = { name: 'thief', sources: [{ name: 'bank' }], mirror_direct: false }
  const made = await thief.request('$JS.API.STREAM.CREATE.thief', JSON.stringify(source), { timeout: ms })
  expect(made.json()).toMatchObject({ config: { name: 'thief' } })
  await canary.send({ type: 'BUY' })
  const { context } = await canary.waitFor(({ context: { bought } }) => bought >= 2, { timeoutMs: ms })
  expect(context.bought).toBe(2)
  const heard = await listen(client.bus, 'bank.>', before + 1)
  const { lastSeq } = await client.bus.logState()
  const entries = await heard.until((all) => all.at(-1)?.seq === lastSeq)
  await heard.stop()
  // The event, what it emitted and how it was committed, and nothing that a stranger made the server write.
  expect(
    entries.filter(({ subject, data }) => /\.c\./.test(subject) || textOf(data).includes('io.nats.jetstream')),
  ).toEqual([])
  for (const [connection, stream] of [
    ...['shop', 'KV_shop_kinds', 'OBJ_shop_bases'].map((each) => [maker, each] as const),
    [thief, 'thief'] as const,
  ]) {
    const info = await connection.request(`$JS.API.STREAM.INFO.${stream}`, '{"subjects_filter":">"}', { timeout: ms })
    expect(info.string()).not.toMatch(/canary|bank\./)
  }
  await shop.stop()
  await bank.stop()
})
