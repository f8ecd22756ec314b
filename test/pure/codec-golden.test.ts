import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { type Golden, plainOf, readers, readGolden } from '#test/golden/formats.ts'
import { samples } from '#test/golden/samples.ts'

const folder = new URL('../golden/files/', import.meta.url).pathname
const files = readdirSync(folder, { recursive: true, withFileTypes: true })
  .filter((file) => file.isFile())
  .map((file) => `${file.parentPath}/${file.name}`)
  .sort()
const goldenOf = (path: string) => JSON.parse(readFileSync(path, 'utf8')) as Golden

describe('what was stored once is read for ever [N30]', () => {
  for (const path of files) {
    const { format, bytes, value } = goldenOf(path)
    test(path.slice(path.indexOf('files/') + 6), async () => {
      expect(await readGolden(format, Buffer.from(bytes, 'base64'))).toEqual(value)
    })
  }

  test('every format and every sample has a golden file; "node test/golden/add.ts" makes those that are missing', () => {
    expect(samples.map(({ format, name }) => `${format}/${name}.json`).sort()).toEqual(
      files.map((path) => path.slice(path.indexOf('files/') + 6)),
    )
    expect(new Set(samples.map(({ format }) => format))).toEqual(new Set(Object.keys(readers)))
  })

  test('what is written today is read as what was written then', async () => {
    for (const { format, name, make } of samples) {
      const { value } = goldenOf(`${folder}${format}/${name}.json`)
      expect(await readGolden(format, await make()), `${format}/${name}`).toEqual(value)
    }
  })

  test('a golden file can fail: one other byte is one other value', async () => {
    const { bytes, value } = goldenOf(`${folder}envelope/stop.json`)
    const changed = Buffer.from(bytes, 'base64')
    changed[changed.indexOf('asked')] = 'A'.charCodeAt(0)
    expect(await readGolden('envelope', changed)).not.toEqual(value)
  })

  test('values of every kind stay apart in the text they are compared as', () => {
    const kinds = [
      null,
      undefined,
      1,
      1n,
      Number.NaN,
      '1',
      [1],
      { 0: 1 },
      new Map([[0, 1]]),
      new Set([1]),
      new Date(1),
      new Uint8Array([1]),
      Buffer.from([1]),
      new Int8Array([1]),
      /1/,
    ]
    expect(new Set(kinds.map((one) => JSON.stringify(plainOf(one)))).size).toBe(kinds.length)
  })
})
