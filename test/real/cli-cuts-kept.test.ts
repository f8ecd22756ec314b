/** What a person does with the cuts of a realm that runs: looks whether they are whole, compares, takes them out and in, removes them. */
import { copyFile, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Cli, openCli, type Up } from '#test/support/cli.ts'

let cli: Cli
let up: Up

beforeAll(async () => {
  cli = await openCli()
  up = await cli.up('--cuts-deadline-ms', '1s', '--log-level', 'debug')
  await add('counter/a', 1)
  await cli.json('ask', 'order/1', 'PLACE', 'item=book', 'amount=20', '--until', 'placed')
  await cli.json('cut', 'take', '--name', 'before')
  await add('counter/a', 41)
  await add('counter/b', 7)
  await cli.json('cut', 'take', '--name', 'after')
})

/** Resolves once it was stepped. */
async function add(address: string, by: number): Promise<void> {
  await cli.json('send', address, 'ADD', `by=${by}`)
  await cli.json('ask', address, 'GET', '--emitted', 'COUNT')
}

afterAll(async () => {
  await cli.close()
})

test('verify says that a cut is whole, of the realm and of a file', async () => {
  const { code, out } = await cli.run(['cut', 'verify', 'before'])
  expect({ code, out }).toEqual({ code: 0, out: expect.stringMatching(/^cut \S+ is whole: its signature holds/) })
  await cli.json('cut', 'export', 'before', 'before.cut')
  const [verified] = await cli.json('cut', 'verify', 'before.cut')
  expect(verified).toMatchObject({ isWhole: true, file: join(cli.folder, 'before.cut'), actors: 2, flawed: 0 })
})

test('diff names the actors and the paths', async () => {
  const found = await cli.json('cut', 'diff', 'before', 'after')
  const by = new Map(found.map((one) => [one.address ?? one.is, one]))
  expect(by.get('counter/a')).toMatchObject({
    is: 'changed',
    paths: expect.arrayContaining([expect.objectContaining({ after: 42 })]),
  })
  expect(by.get('counter/b')).toMatchObject({ is: 'added' })
  expect(found.at(-1)).toEqual({ is: 'sum', added: 1, removed: 0, changed: 1 })
  const { out } = await cli.run(['cut', 'diff', 'before', 'after', '--kind', 'counter'])
  expect(out).toContain('~ counter/a\n')
  expect(out).toContain('1 added, 0 removed, 1 changed')
  // Nothing differs from itself: whoever forgot to take another cut is told.
  expect((await cli.run(['cut', 'diff', 'after'])).out).toContain('after is the newest cut itself')
})

test('export writes one file, over nothing that is there; a file with one bit changed is refused', async () => {
  const [written] = await cli.json('cut', 'export', 'after', 'after.cut')
  const path = join(cli.folder, 'after.cut')
  expect(written).toMatchObject({ file: path, bytes: (await readFile(path)).length })
  const again = await cli.run(['cut', 'export', 'after', 'after.cut'])
  expect({ code: again.code, err: again.err }).toEqual({ code: 1, err: expect.stringContaining('cut.fileThere') })
  const bytes = await readFile(path)
  bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] as number) ^ 1
  await writeFile(join(cli.folder, 'flipped.cut'), bytes)
  for (const verb of ['verify', 'import']) {
    const { code, err } = await cli.run(['cut', verb, 'flipped.cut'])
    expect({ code, err }).toEqual({ code: 1, err: expect.stringContaining('cut.file') })
  }
})

test('with another key a file is not read, and it says which is missing', async () => {
  await cli.json('cut', 'export', 'after', 'sealed.cut')
  const { code, out } = await cli.run(['cut', 'verify', 'sealed.cut'], { env: { PERDURE_CUTS_KEY: '00'.repeat(32) } })
  expect({ code, out }).toEqual({ code: 1, out: expect.stringContaining('cut.signature') })
})

test('what is removed is in no list, its bytes go, and it comes back from its file', async () => {
  const [note] = await cli.json('cut', 'take', '--name', 'short')
  const [exported] = await cli.json('cut', 'export', 'short')
  await cli.json('cut', 'rm', 'short')
  expect((await cli.json('cut', 'ls')).map(({ id }) => id)).not.toContain(note.id)
  const gone = await cli.run(['cut', 'show', 'short'])
  expect({ code: gone.code, err: gone.err }).toEqual({ code: 3, err: expect.stringContaining('cut.unknown') })
  await up.line(({ is, place, removed }) => is === 'cuts.swept' && place === 'store' && Number(removed) > 0)
  await copyFile(exported.file, join(cli.folder, 'copy.cut'))
  await rename(exported.file, join(cli.folder, 'moved.cut'))
  const [back] = await cli.json('cut', 'import', 'copy.cut')
  expect(back).toMatchObject({ id: note.id, name: 'short', state: 'whole' })
  const [verified] = await cli.json('cut', 'verify', note.id)
  expect(verified).toMatchObject({ isWhole: true })
  const others = await cli.json('cut', 'verify', 'after')
  expect(others).toMatchObject([{ isWhole: true }])
})
