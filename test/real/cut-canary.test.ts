/** What actors keep can be read in no file of a cut without its key: not in the archive, the object store, or an export. */
import { readdir, readFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { zstdDecompressSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Cli, openCli } from '#test/support/cli.ts'

const canary = 'canary-5f1d0c77a2'

let cli: Cli

beforeAll(async () => {
  cli = await openCli()
})

afterAll(async () => {
  await cli.close()
})

const packedBegin = Buffer.from('28b52ffd', 'hex')

/** What a thief finds: the bytes as they lie there, and each packed part of them unpacked. */
function* readings(bytes: Buffer): Generator<Buffer> {
  yield bytes
  for (let at = bytes.indexOf(packedBegin); at >= 0; at = bytes.indexOf(packedBegin, at + 1)) {
    try {
      yield zstdDecompressSync(bytes.subarray(at))
    } catch {
      // Only looked like the beginning of one.
    }
  }
}

/** Of all files below where it is called, the directories of those that show it. */
async function showing(): Promise<readonly string[]> {
  const entries = await readdir(cli.folder, { recursive: true, withFileTypes: true })
  const found = new Set<string>()
  for (const one of entries.filter((entry) => entry.isFile())) {
    const bytes = await readFile(join(one.parentPath, one.name))
    if (readings(bytes).some((part) => part.includes(canary)))
      found.add(relative(cli.folder, one.parentPath).replaceAll('\\', '/') || one.name)
  }
  return [...found].toSorted()
}

test('no file of a cut shows a word that actors keep [N34]', async () => {
  const up = await cli.up()
  await cli.json('ask', 'order/1', 'PLACE', `item=${canary}`, 'amount=20', '--until', 'placed')
  await cli.json('cut', 'take', '--name', 'first')
  await cli.json('cut', 'export', 'first', 'first.cut')
  await up.stop()
  // Found where it lies open, in the log and in the fold of it: so it would be found anywhere else.
  expect(await showing()).toEqual(['.perdure/server/jetstream/REALM/streams/main/msgs', '.perdure/store'])
  await cli.up()
  const [verified] = await cli.json('cut', 'verify', 'first.cut')
  expect(verified).toMatchObject({ isWhole: true, actors: 1 })
})
