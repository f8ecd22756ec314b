/** The rights that "perdure auth template" prints are enough for cuts and for every generation after a restore, and no more. */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { assign, emit, setup } from 'xstate'
import { openConfig } from '#config/open-config.ts'
import { actor, type Node, onTrace, type RealmHandle, reply, type Trace } from '#runtime/index.ts'
import { openConfiguredNode, openConfiguredRealm } from '#runtime/wiring.ts'
import type { Role } from '#runtime/server/role-rights.ts'
import { type Cli, openCli } from '#test/support/cli.ts'
import { mayPublish } from '#test/support/rights.ts'
import { openTemplateWorld, type TemplateWorld } from '#test/support/template-world.ts'

const counter = actor(
  'counter',
  setup({ types: { context: {} as { count: number }, events: {} as { type: 'ADD' | 'GET' } } }).createMachine({
    context: { count: 0 },
    on: {
      ADD: { actions: [assign({ count: ({ context }) => context.count + 1 }), emit({ type: 'ADDED' })] },
      GET: { actions: reply(({ context }) => context.count) },
    },
  }),
  { effects: [] },
)

let world: TemplateWorld
let cli: Cli
const traces: Trace[] = []
const waiting = new Set<() => void>()
const hearing = onTrace((event) => {
  traces.push(event)
  for (const look of waiting) look()
})

beforeAll(async () => {
  world = await openTemplateWorld(['mill'])
  cli = await openCli()
})
afterAll(async () => {
  hearing.stop()
  await cli?.close()
  await world?.[Symbol.asyncDispose]()
})

const dir = (): string => join(world.dir, 'mill')

function configOf(role: Role, historyMs = '24h') {
  const flags = {
    ...world.flags('mill', role),
    servers: world.url,
    realm: 'mill',
    dir: dir(),
    'history-window-ms': historyMs,
    'trim-every-ms': '100ms',
  }
  return openConfig({ flags, env: {} })
}

const startNode = (role: Role, historyMs?: string): Promise<Node> =>
  openConfiguredNode(configOf(role, historyMs), { actors: [counter] })
const openAs = (role: Role): Promise<RealmHandle> => openConfiguredRealm(configOf(role), {})

const flagsOf = (role: Role): string[] => {
  const flags = { ...world.flags('mill', role), servers: world.url, realm: 'mill' }
  return Object.entries(flags).flatMap(([name, value]) => [`--${name}`, value])
}

const run = (line: string, role: Role) =>
  cli.run([...line.split(' '), ...flagsOf(role)], { env: { PERDURE_CUTS_KEY_FILE: join(dir(), 'cuts.key') } })

async function done(line: string, role: Role): Promise<string> {
  const { code, out, err } = await run(line, role)
  expect([line, code, err]).toEqual([line, 0, expect.not.stringContaining('denied')])
  return out
}

async function traced(fits: (event: Trace) => boolean): Promise<void> {
  const from = traces.length
  while (!traces.slice(from).some(fits)) await new Promise<void>((resolve) => waiting.add(resolve))
}

/** It serves, makes bases, trims, and comes back without its store. */
async function works(from: number): Promise<Node> {
  // What was folded may go at once.
  const node = await startNode('node', '0')
  {
    await using client = await openAs('operator')
    const one = client.ref(counter, 'a')
    for (let at = 1; at <= 20; at++) await one.send({ type: 'ADD' })
    expect(await one.ask({ type: 'GET' }, { timeoutMs: 120_000 })).toBe(from + 20)
    await traced((event) => event.is === 'trimmed' && event.removed > 0)
  }
  await node.stop()
  await rm(join(dir(), 'store'), { recursive: true })
  const again = await startNode('node')
  await using client = await openAs('operator')
  expect(await client.ref(counter, 'a').ask({ type: 'GET' }, { timeoutMs: 120_000 })).toBe(from + 20)
  return again
}

/** The node hears of it and serves the next generation by itself; another that is new to it does so as well. */
async function goesOn(node: Node, line: string, count: number): Promise<Node> {
  const isReady = traced(({ is }) => is === 'node.ready')
  await done(line, 'restorer')
  await isReady
  await node.stop()
  return await works(count)
}

test('a restorer restores and repartitions, and with the printed rights the realm goes on, refused nothing', async () => {
  await (await startNode('maker')).stop()
  const before = world.violations().length
  let node = await works(0)
  await done('cut take --name first', 'operator')
  for (const line of ['cut ls', 'cut show last', 'cut verify last', 'cut export last first.cut'])
    await done(line, 'reader')
  // In place, with what came since.
  await done('send counter/a ADD', 'operator')
  node = await goesOn(node, 'restore last --replay --yes', 21)
  await done('cut take --name second', 'operator')
  await done('cut diff first second', 'reader')
  await done('cut rm first', 'operator')
  await done('cut import first.cut', 'operator')
  node = await goesOn(node, 'repartition 8 --yes', 41)
  node = await goesOn(node, 'restore first.cut --timers frozen --yes', 20)
  await done('timers thaw', 'operator')
  await done('replicas', 'reader')
  expect((await run('doctor', 'reader')).out).toMatch(/Generations 0, 1, 2 are sealed/)
  await done('restore --forget-sealed --yes', 'restorer')
  await node.stop()
  expect(world.violations().slice(before)).toEqual([])
})

test('whoever may not restore is refused before anything is changed', async () => {
  const node = await startNode('maker')
  await done('cut take', 'operator')
  await using client = await openAs('operator')
  const one = client.ref(counter, 'b')
  await one.send({ type: 'ADD' })
  for (const role of ['operator', 'node', 'reader'] as const) {
    const { code, err } = await run('restore last --yes', role)
    expect([role, code, err]).toEqual([role, 1, expect.stringContaining('bus.denied')])
  }
  expect(await one.ask({ type: 'GET' }, { timeoutMs: 120_000 })).toBe(1)
  await node.stop()
})

test('an outsider may do nothing with a generation or a cut', async () => {
  for (const role of ['outsider', 'observer'] as const) {
    const connection = await world.connect('mill', role)
    const subjects = ['mill', 'mill_g1', 'OBJ_mill_g1_bases', 'OBJ_mill_cuts', 'KV_mill_cuts'].flatMap((stream) => [
      ...[`$JS.API.STREAM.INFO.${stream}`, `$JS.API.STREAM.UPDATE.${stream}`, `$JS.API.STREAM.DELETE.${stream}`],
      ...[`$JS.API.STREAM.PURGE.${stream}`, `$JS.API.CONSUMER.CREATE.${stream}.c`, `$JS.API.STREAM.MSG.GET.${stream}`],
    ])
    const written = ['$O.mill_cuts.M.x', '$O.mill_g1_bases.M.x', '$KV.mill_cuts.x', 'mill.cut.at.n', 'mill.sealed.g0']
    for (const subject of [...subjects, ...written])
      expect([role, subject, await mayPublish(connection, subject)]).toEqual([role, subject, false])
  }
})
