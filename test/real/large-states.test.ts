/** A state of 5 MB on a real server, whose entries hold one: it is looked at like any other. */
import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { openCli } from '#test/support/cli.ts'
import { openTestNode, openTestRealm } from '#test/support/engine.ts'
import { expectSeen, whales } from '#test/support/large-states.ts'
import { useRealBus } from '#test/support/real-bus.ts'

const real = useRealBus()

test('a state of 5 MB is read, waited for, watched and listed', async () => {
  const bus = await real.open()
  expect(bus.maxPayload).toBe(1_048_576)
  await using _ = await openTestNode(bus, [whales])
  await using realm = openTestRealm(await real.open(bus.realm.name))
  await expectSeen(realm, 5_000_000)
})

const source = `import { actor } from 'perdure'
import { assign, setup } from 'xstate'

const machine = setup({
  types: { context: {} as { text: string }, events: {} as { type: 'GROW'; chars: number } },
}).createMachine({
  context: { text: '' },
  on: { GROW: { actions: assign({ text: ({ event }) => 'x'.repeat(event.chars) }) } },
})
export const actors = [actor('whale', machine)]
`

test('perdure show shows a state of 5 MB, whole when asked', async () => {
  const cli = await openCli()
  const checkout = fileURLToPath(new URL('../..', import.meta.url))
  await mkdir(join(cli.folder, 'node_modules'))
  await symlink(checkout, join(cli.folder, 'node_modules', 'perdure'))
  await symlink(join(checkout, 'node_modules', 'xstate'), join(cli.folder, 'node_modules', 'xstate'))
  await writeFile(join(cli.folder, 'whales.ts'), source)
  const up = await cli.up('--actors', 'whales.ts')
  await cli.json('send', 'whale/moby', 'GROW', 'chars=5000000')
  for (;;) {
    const [shown] = await cli.json('show', 'whale/moby')
    // The owner may not have come to it yet.
    if (shown.context.text.length === 0) continue
    expect(shown.context.text.length).toBe(5_000_000)
    break
  }
  const { code, out } = await cli.run(['show', 'whale/moby'])
  expect([code, out.length < 10_000, out.includes('whale/moby')]).toEqual([0, true, true])
  await up.stop()
  await cli.close()
})
