/** A realm restored lazily, as a person does it: its nodes serve before they have unpacked it, and have it in the end. */
import { copyFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Cli, openCli } from '#test/support/cli.ts'

let cli: Cli

beforeEach(async () => {
  cli = await openCli()
})

afterEach(async () => {
  await cli.close()
})

const add = (key: string, by: number): Promise<unknown> => cli.json('send', `counter/${key}`, 'ADD', `by=${by}`)

async function count(key: string): Promise<number> {
  const [told] = (await cli.json('ask', `counter/${key}`, 'GET', '--emitted', 'COUNT')) as [{ count: number }]
  return told.count
}

test('after total loss a realm serves what it unpacks meanwhile, with the key of the cut and not without', async () => {
  const up = await cli.up()
  for (const key of ['a', 'b', 'c']) await add(key, 7)
  await cli.json('cut', 'take', '--name', 'last-good')
  const file = join(cli.folder, 'shop.cut')
  await cli.json('cut', 'export', 'last-good', file)
  const key = join(cli.folder, 'kept.key')
  await copyFile(join(cli.folder, '.perdure', 'cuts.key'), key)
  expect(await up.stop()).toBe(0)
  await rm(join(cli.folder, '.perdure'), { recursive: true })

  const other = await cli.up()
  const restoring = ['restore', file, '--lazy', '--yes', '--cuts-key-file', key]
  const refused = await cli.run(restoring)
  expect(refused.code).toBe(1)
  expect(refused.err).toContain('restore.lazyKey')
  expect(await count('a')).toBe(0)
  expect((await cli.run([...restoring, '--partitions', '5'])).code).toBe(2)
  expect(await other.stop()).toBe(0)

  // The realm that was begun meanwhile is given up, with the key that was made for it.
  await rm(join(cli.folder, '.perdure'), { recursive: true })
  const empty = await cli.up('--cuts-key-file', key)
  const [plan] = await cli.json(...restoring, '--dry-run')
  expect(plan).toMatchObject({ lazy: true, actors: 3 })
  const [restored] = await cli.json(...restoring)
  expect(restored).toMatchObject({ actors: 3 })
  await empty.line(() => empty.lines.filter(({ is }) => is === 'node.ready').length >= 2)
  for (const one of ['a', 'b', 'c']) await add(one, 1)
  for (const one of ['a', 'b', 'c']) expect(await count(one)).toBe(8)
  expect(await empty.stop()).toBe(0)

  // What it had in its store is lost as well: by now the bases are its own, and need no key.
  await rm(join(cli.folder, '.perdure', 'store'), { recursive: true })
  await cli.up('--cuts-key-file', key)
  for (const one of ['a', 'b', 'c']) expect(await count(one)).toBe(8)
})
