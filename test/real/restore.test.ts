/** A realm is taken back to a cut, in place and after everything was lost, as a person does it. */
import { copyFile, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Cli, openCli, type Running, type Up } from '#test/support/cli.ts'

let cli: Cli

beforeEach(async () => {
  cli = await openCli()
})

afterEach(async () => {
  await cli.close()
})

/** It serves again, for the nth time. */
const ready = (node: Running, nth: number): Promise<unknown> =>
  node.line(() => node.lines.filter(({ is }) => is === 'node.ready').length >= nth)

const add = (key: string, by: number): Promise<unknown> => cli.json('send', `counter/${key}`, 'ADD', `by=${by}`)

async function count(key: string): Promise<number> {
  const [told] = (await cli.json('ask', `counter/${key}`, 'GET', '--emitted', 'COUNT')) as [{ count: number }]
  return told.count
}

async function cut(name: string): Promise<string> {
  const [{ id }] = (await cli.json('cut', 'take', '--name', name)) as [{ id: string }]
  return id
}

test('after a bad deploy the realm is taken back in place, and its node goes on by itself', async () => {
  const up = await cli.up()
  await add('a', 1)
  const id = await cut('before-deploy')
  await add('a', 10)
  await add('b', 5)

  const [plan] = await cli.json('restore', 'before-deploy', '--dry-run')
  expect(plan).toMatchObject({ cut: id, actors: 1, came: 2, replay: 'none', present: { generation: 0, state: 'open' } })
  const asked = await cli.run(['restore', 'before-deploy'])
  expect(asked).toMatchObject({ code: 2 })
  expect(asked.err).toContain('--yes')
  expect(await count('a')).toBe(11)

  const [restored] = await cli.json('restore', 'before-deploy', '--yes')
  expect(restored).toMatchObject({ cut: id, generation: 1, actors: 1, envelopes: 0, replayed: 0 })
  await ready(up, 2)
  expect(up.lines.map(({ is }) => is)).toContain('node.superseded')
  expect(await count('a')).toBe(1)
  await add('a', 100)
  expect(await count('a')).toBe(101)
  expect(await up.stop()).toBe(0)

  await cli.up()
  expect(await count('a')).toBe(101)
})

test('what came after the cut is listed, edited and delivered again [C16]', async () => {
  const up = await cli.up()
  await add('a', 1)
  const id = await cut('before')
  for (const by of [10, 100, 1000]) await add('a', by)

  const lines = await cli.json('restore', id, '--list-replay')
  expect(lines).toMatchObject([10, 100, 1000].map((by) => ({ to: 'counter/a', event: { type: 'ADD', by } })))
  const [first, , third] = lines
  const edited = [first, { ...third, event: { type: 'ADD', by: 2000 } }]
  const file = join(cli.folder, 'events.jsonl')
  await writeFile(file, edited.map((line) => JSON.stringify(line)).join('\n'))
  // What came after the list was made was not looked at, and is not lost.
  await add('a', 30_000)
  const [restored] = await cli.json('restore', id, '--replay-from', file, '--yes')
  expect(restored).toMatchObject({ replayed: 3 })
  await ready(up, 2)
  expect(await count('a')).toBe(1 + 10 + 2000 + 30_000)

  await writeFile(file, JSON.stringify({ ...first, list: 'another@0.1' }))
  expect(await cli.run(['restore', id, '--replay-from', file, '--yes'])).toMatchObject({ code: 1 })
  await writeFile(file, '{"to":"counter/a"}')
  const refused = await cli.run(['restore', id, '--replay-from', file, '--yes'])
  expect(refused.err).toContain('replay.invalid')
  expect(await count('a')).toBe(1 + 10 + 2000 + 30_000)
})

test('after total loss the realm goes on from an exported file, on new servers [SG1]', async () => {
  const up = await cli.up()
  for (const key of ['a', 'b', 'c']) await add(key, 7)
  await cut('last-good')
  const file = join(cli.folder, 'shop.cut')
  await cli.json('cut', 'export', 'last-good', file)
  const key = join(cli.folder, 'kept.key')
  await copyFile(join(cli.folder, '.perdure', 'cuts.key'), key)
  expect(await up.stop()).toBe(0)
  await rm(join(cli.folder, '.perdure'), { recursive: true })

  const other = await cli.up()
  const without = await cli.run(['restore', file, '--yes'])
  expect(without.code).toBe(1)
  expect(without.err).toMatch(/cut\.(sealed|signature)/)
  const damaged = join(cli.folder, 'damaged.cut')
  const bytes = await readFile(file)
  bytes[bytes.length >> 1]! ^= 1
  await writeFile(damaged, bytes)
  expect((await cli.run(['restore', damaged, '--yes', '--cuts-key-file', key])).code).toBe(1)
  expect(await count('a')).toBe(0)

  const [restored] = await cli.json('restore', file, '--yes', '--cuts-key-file', key, '--partitions', '5')
  expect(restored).toMatchObject({ actors: 3, partitions: 5 })
  await ready(other, 2)
  for (const one of ['a', 'b', 'c']) await add(one, 1)
  for (const one of ['a', 'b', 'c']) expect(await count(one)).toBe(8)
})

test('killed at any instant, the same command finishes it, and nobody serves a half', async () => {
  let up: Up = await cli.up()
  await add('a', 1)
  const id = await cut('before')
  await add('a', 10)
  let restores = 0
  for (const when of ['takes nothing more', 'states: 1 of', 'in flight: ', 'open: nodes']) {
    const { code } = await cli.run(['restore', id, '--yes'], { signal: { name: 'SIGKILL', when } })
    if (code === null) restores++
    const [restored] = await cli.json('restore', id, '--yes')
    expect(restored).toMatchObject({ actors: 1 })
    expect(await until(() => count('a'))).toBe(1)
    await add('a', 10)
  }
  expect(restores).toBeGreaterThan(0)
  expect(await up.stop()).toBe(0)
  up = await cli.up()
  expect(await count('a')).toBe(11)
})

test('a restore that cannot be finished is given up, and nothing is lost', async () => {
  const up = await cli.up()
  await add('a', 1)
  const id = await cut('before')
  await add('a', 10)
  expect((await cli.run(['restore', '--give-up'])).err).toContain('restore.notSealed')
  await cli.run(['restore', id, '--yes'], { signal: { name: 'SIGKILL', when: 'takes nothing more' } })
  const given = await cli.run(['restore', '--give-up', '--json'])
  if (given.code === 0) expect(JSON.parse(given.out)).toMatchObject({ generation: 0 })
  await ready(up, 2)
  expect(await count('a')).toBe(given.code === 0 ? 11 : 1)
})

/** Nodes open again within a few seconds; until then nobody answers. */
async function until<T>(ask: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await ask()
    } catch (error) {
      if (!/bus\.|partition\.|realm\.restoring|ask\.|actor\./.test(String(error))) throw error
    }
  }
}
