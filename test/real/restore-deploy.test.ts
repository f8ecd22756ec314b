/** A deploy that turns out bad is taken back with the realm: the version before serves what it served before. */
import { symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Cli, openCli, type Running } from '#test/support/cli.ts'
import { startNats, type TestNats } from '#test/support/nats.ts'

let server: TestNats
let cli: Cli
let there: readonly string[]

beforeEach(async () => {
  server = await startNats()
  cli = await openCli()
  there = ['--servers', server.url, '--realm', 'shop']
})

afterEach(async () => {
  await cli.close()
  await server.stop()
})

const root = fileURLToPath(new URL('../..', import.meta.url))

/** Version 2 counts twice, and has a state that version 1 does not know. */
async function moduleOf(version: 1 | 2): Promise<string> {
  const path = join(cli.folder, `tally-${version}.ts`)
  const states = version === 1 ? '{ on: {} }' : '{ on: {}, extra: {} }'
  await writeFile(
    path,
    `import { assign, setup } from 'xstate'
import { actor } from '${root}runtime/index.ts'
const machine = setup({}).createMachine({
  context: { n: 0 }, initial: 'on', states: ${states},
  on: { ADD: { actions: assign({ n: ({ context }) => context.n + ${version} }) } },
})
export const actors = [actor('tally', machine, { version: ${version}${version === 2 ? ', migrate: { 1: (state) => state }' : ''} })]
`,
  )
  return path
}

const node = async (version: 1 | 2): Promise<Running> =>
  await cli.node(...there, '--name', 'one', '--actors', await moduleOf(version))

/** The test's own limit is the deadline. */
async function untilShown(context: unknown): Promise<void> {
  for (;;) {
    const { code, out } = await cli.run(['show', 'tally/a', '--json', ...there])
    const seen = code === 0 ? (JSON.parse(out) as { context: unknown }).context : undefined
    if (JSON.stringify(seen) === JSON.stringify(context)) return
  }
}

test('the version from before the cut serves again, though a later one had all of it', async () => {
  await symlink(join(root, 'node_modules'), join(cli.folder, 'node_modules'))
  await writeFile(join(cli.folder, 'package.json'), '{"type":"module"}')
  const first = await node(1)
  await cli.json('send', 'tally/a', 'ADD', ...there)
  await cli.json('cut', 'take', '--name', 'before-deploy', ...there)
  expect(await first.stop()).toBe(0)

  const second = await node(2)
  await untilShown({ n: 1 })
  await cli.json('send', 'tally/a', 'ADD', ...there)
  await untilShown({ n: 3 })
  // The bad version goes first: whoever still runs it would bring it back.
  expect(await second.stop()).toBe(0)
  await cli.json('restore', 'before-deploy', '--yes', ...there)

  await node(1)
  await cli.json('send', 'tally/a', 'ADD', ...there)
  await untilShown({ n: 2 })
})
