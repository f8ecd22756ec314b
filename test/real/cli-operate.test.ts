/** What a person does about what went wrong: mends, replays, drops, decides, tries a new version. */
import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { exampleActors } from '#actors/index.ts'
import { openNode } from '#runtime/index.ts'
import { isAlive } from '#runtime/server/process-identity.ts'
import { type Cli, openCli, type Up } from '#test/support/cli.ts'
import { startNats } from '#test/support/nats.ts'

const checkout = fileURLToPath(new URL('../..', import.meta.url))

/** Charging never ends by itself; after a kill a person has to say what became of it. */
const shop = `import { actor } from 'perdure'
import { assign, fromPromise, setup } from 'xstate'

const machine = setup({
  types: { context: {} as { receipt?: string; problem?: string }, events: {} as { type: 'PAY' } },
  actors: { charge: fromPromise<string>(() => new Promise(() => undefined)) },
}).createMachine({
  id: 'bill',
  context: {},
  initial: 'open',
  states: {
    open: { on: { PAY: 'charging' } },
    charging: {
      tags: 'busy',
      invoke: {
        src: 'charge',
        onDone: { target: 'paid', actions: assign({ receipt: ({ event }) => event.output }) },
        onError: { target: 'open', actions: assign({ problem: ({ event }) => (event.error as Error).message }) },
      },
    },
    paid: {},
  },
})
export const actors = [actor('bill', machine, { version: 1, unhandled: 'park', effects: { charge: { unknown: 'ask' } } })]
`

let cli: Cli
let up: Up

beforeAll(async () => {
  cli = await openCli()
  await mkdir(join(cli.folder, 'node_modules'))
  await symlink(checkout, join(cli.folder, 'node_modules', 'perdure'))
  await symlink(join(checkout, 'node_modules', 'xstate'), join(cli.folder, 'node_modules', 'xstate'))
  await writeFile(join(cli.folder, 'shop.ts'), shop)
  up = await cli.up('--actors', 'shop.ts', '--drain-grace-ms', '100ms')
})

afterAll(async () => {
  await cli.close()
})

async function park(address: string, ...event: readonly string[]): Promise<number> {
  await cli.json('send', address, ...event)
  // The list is asked of the log, and the owner may not have come to it yet.
  for (;;) {
    const found = await cli.json('parked', 'list', address)
    const last = found.at(-1) as { place: number; event: { type: string } | null } | undefined
    if (last !== undefined) return last.place
  }
}

/** Sent and not asked: the deadline of a question would end the effects that it begins. */
async function charge(address: string, ...more: readonly string[]): Promise<void> {
  await cli.json('send', address, 'PAY', ...more)
  while ((await cli.run(['effects', address, '--json', ...more])).out === '');
}

test('what was parked can be looked at, mended, replayed and dropped', async () => {
  const place = await park('bill/p1', 'PYA')
  expect((await cli.run(['parked'])).out).toMatch(new RegExp(`^${place} .* bill/p1 +PYA +event\\.unhandled$`, 'm'))
  const { out } = await cli.run(['parked', 'show', String(place)])
  expect(out).toContain('No transition of "bill" handles "PYA"')
  expect(out).toContain("{ type: 'PYA' }")
  expect(await cli.json('ps', '--health', 'poisoned')).toMatchObject([{ address: 'bill/p1', health: { parked: 1 } }])

  expect(await cli.json('parked', 'replay', String(place), '--event', '{"type":"PAY"}')).toEqual([
    { place, address: 'bill/p1', done: 'replayed' },
  ])
  expect(await cli.json('parked', 'list', 'bill/p1')).toEqual([])
  expect((await cli.run(['parked', 'show', String(place)])).code).toBe(3)

  const second = await park('bill/p2', 'NOPE')
  expect(await cli.json('parked', 'drop', String(second))).toEqual([
    { place: second, address: 'bill/p2', done: 'dropped' },
  ])
  await park('bill/p3', 'NOPE')
  await park('bill/p4', 'NOPE')
  expect(await cli.json('parked', 'drop', '--all', '--code', 'event.unhandled')).toHaveLength(2)
  expect(await cli.json('parked')).toEqual([])
})

test('a parked event is mended in the editor, and one that was left broken is not replayed', async () => {
  const place = await park('bill/edit', 'PYA')
  const editor = async (script: string): Promise<string> => {
    const file = join(cli.folder, 'editor.sh')
    await writeFile(file, `#!/bin/sh\n${script}\n`)
    await chmod(file, 0o755)
    return file
  }
  const broken = await cli.run(['parked', 'replay', String(place), '--edit'], {
    env: { EDITOR: await editor('echo "{" > "$1"') },
  })
  expect(broken).toMatchObject({ code: 2, err: expect.stringContaining('is not JSON') })
  const failing = await cli.run(['parked', 'replay', String(place), '--edit'], {
    env: { EDITOR: await editor('exit 3') },
  })
  expect(failing).toMatchObject({ code: 2, err: expect.stringContaining('ended with code 3') })
  const mended = await cli.run(['parked', 'replay', String(place), '--edit'], {
    env: { EDITOR: await editor('sed -i.bak s/PYA/PAY/ "$1"') },
  })
  expect(mended).toMatchObject({ code: 0, err: '' })
  expect(await cli.json('parked')).toEqual([])
})

test('an effect whose outcome is unknown after a kill is blocked until a person says it', async () => {
  await charge('bill/7')
  expect((await cli.run(['effects', 'bill/7'])).out).toMatch(/bill\/7 +charge +\d+m?s.* attempt 1 /)
  up.send('SIGKILL')
  await up.ended
  up = await cli.up('--actors', 'shop.ts', '--drain-grace-ms', '100ms')
  expect(await cli.json('ps', '--health', 'blocked', '--tag', 'busy')).toEqual(
    expect.arrayContaining([expect.objectContaining({ address: 'bill/7' })]),
  )
  expect((await cli.run(['effects', 'resolve', 'bill/7', 'refund', '--output', '1'])).code).toBe(3)
  expect((await cli.run(['effects', 'resolve', 'bill/7', 'charge'])).code).toBe(2)
  expect(await cli.json('effects', 'resolve', 'bill/7', 'charge', '--output', '"r-7"')).toMatchObject([
    { address: 'bill/7', resolved: 'done' },
  ])
  expect(await cli.json('show', 'bill/7')).toMatchObject([{ state: 'paid', context: { receipt: 'r-7' }, effects: [] }])
})

test('a second signal, not the same one handed on twice, ends it at once with 130 and takes the server along', async () => {
  const slow = await cli.up('--actors', 'shop.ts', '--dir', 'slow', '--drain-grace-ms', '5m')
  await charge('bill/slow', '--dir', 'slow')
  slow.send('SIGINT')
  await slow.line(({ is }) => is === 'ending')
  const beganAt = performance.now()
  // The effect never ends, so the drain goes on; only a signal later than half a second is another one.
  const again = setInterval(() => slow.send('SIGINT'), 20)
  const { code } = await slow.ended
  clearInterval(again)
  expect(code).toBe(130)
  expect(performance.now() - beganAt).toBeGreaterThan(400)
  while (isAlive(slow.serverPid)) await new Promise((resolve) => setTimeout(resolve, 10))
})

test('a new version that some actors do not fit is named by actor, with exit code 1', async () => {
  await writeFile(join(cli.folder, 'next.ts'), shop.replaceAll('paid', 'settled').replace('version: 1', 'version: 2'))
  const { code, out } = await cli.run(['migrate', '--dry-run', '--actors', 'next.ts'])
  expect(code).toBe(1)
  expect(out).toContain('unfit  bill/7')
  expect(out).toMatch(/bill version 2 \(was 1\): .* 1 would be set aside/)
  expect(await cli.json('show', 'bill/7')).toMatchObject([{ state: 'paid' }])
})

test('without a node, sending still stores, and looking says who is missing', async () => {
  const server = await startNats()
  try {
    const node = await openNode({
      realm: 'main',
      servers: server.url,
      dir: join(cli.folder, 'alone'),
      actors: exampleActors,
    })
    await node.stop()
    const there = ['--servers', server.url, '--dir', 'nowhere']
    expect((await cli.run(['send', 'counter/a', 'ADD', ...there])).code).toBe(0)
    expect(await cli.run(['show', 'counter/a', ...there])).toMatchObject({
      code: 3,
      err: expect.stringMatching(/No node answers .*\(partition\.unowned\)/),
    })
    expect((await cli.run(['doctor', ...there])).out).toMatch(/^fail +partitions +No node owns any/m)
  } finally {
    await server.stop()
  }
})
