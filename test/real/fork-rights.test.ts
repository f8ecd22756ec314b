/** The rights that "perdure auth template --forks" prints are enough for forks, and for no other name. */
import { join } from 'node:path'
import { assign, setup } from 'xstate'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openConfig } from '#config/open-config.ts'
import { actor, type Node } from '#runtime/index.ts'
import { openConfiguredNode } from '#runtime/wiring.ts'
import type { Role } from '#runtime/server/role-rights.ts'
import { type Cli, openCli } from '#test/support/cli.ts'
import { openTemplateWorld, type TemplateWorld } from '#test/support/template-world.ts'

const counter = actor(
  'counter',
  setup({ types: { context: {} as { count: number }, events: {} as { type: 'ADD' } } }).createMachine({
    context: { count: 0 },
    on: { ADD: { actions: assign({ count: ({ context }) => context.count + 1 }) } },
  }),
)

const cutKey = 'c3'.repeat(32)
let world: TemplateWorld
let cli: Cli

beforeAll(async () => {
  world = await openTemplateWorld(['shop'], { forks: ['what-if'] })
  cli = await openCli()
})
afterAll(async () => {
  await cli?.close()
  await world?.[Symbol.asyncDispose]()
})

/** In the realm or in a fork of it, as somebody of the realm. */
async function startNode(realm: string, role: Role): Promise<Node> {
  const dir = join(world.dir, realm)
  const flags = { ...world.flags('shop', role), servers: world.url, realm, dir, partitions: '4' }
  const config = openConfig({ flags, env: { PERDURE_CUTS_KEY: cutKey } })
  return await openConfiguredNode(config, { actors: [counter] })
}

async function run(
  role: Role,
  line: string,
  realm = 'shop',
): Promise<{ code: number | null; out: string; err: string }> {
  const flags = { ...world.flags('shop', role), servers: world.url, realm }
  return await cli.run(
    [...line.split(' '), ...Object.entries(flags).flatMap(([name, value]) => [`--${name}`, value])],
    {
      env: { PERDURE_CUTS_KEY: cutKey },
    },
  )
}

test('who restores may make a fork of a granted name, nodes serve it, and others look, send and stop there', async () => {
  await (await startNode('shop', 'maker')).stop()
  const node = await startNode('shop', 'node')
  const before = world.violations().length
  const ok = async (role: Role, line: string, realm?: string): Promise<string> => {
    const { code, out, err } = await run(role, line, realm)
    expect({ line, code, err }).toEqual({ line, code: 0, err: expect.not.stringContaining('denied') })
    return out
  }
  await ok('operator', 'send counter/a ADD')
  await ok('operator', 'cut take --name one')
  await ok('restorer', 'fork one --as what-if')
  expect(await ok('reader', 'fork ls')).toContain('what-if')
  const beside = await startNode('what-if', 'node')
  await ok('operator', 'send counter/a ADD', 'what-if')
  expect(await ok('reader', 'show counter/a --json', 'what-if')).toContain('"count":2')
  expect(await ok('reader', 'show counter/a --json')).toContain('"count":1')
  await ok('operator', 'cut take', 'what-if')
  await ok('reader', 'cut verify last', 'what-if')
  await ok('reader', 'inputs counter/a', 'what-if')
  await beside.stop()
  await ok('restorer', 'fork rm what-if')
  expect(world.violations().slice(before)).toEqual([])
  await node.stop()
})

test('a fork of another name is refused with the right that is lacking, and so is an operator', async () => {
  const node = await startNode('shop', 'node')
  const other = await run('restorer', 'fork one --as other')
  expect([other.code, other.err]).toEqual([1, expect.stringContaining('bus.denied')])
  const operator = await run('operator', 'fork one --as what-if')
  expect([operator.code, operator.err]).toEqual([1, expect.stringContaining('bus.denied')])
  await node.stop()
})
