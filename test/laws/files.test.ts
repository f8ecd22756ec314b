import { expect, test } from 'vitest'
import { fileFaults, longFiles } from './files.ts'
import { layers, planted, readText, sourcesOf } from './source.ts'

test('a file has a name that says what it holds, a first sentence, and at most 300 lines', async ({ annotate }) => {
  const sources = sourcesOf(layers)
  for (const sentence of longFiles(sources)) await annotate(sentence, 'warning')
  expect(fileFaults(sources)).toEqual([])
})

test('the lockfile installs from whatever registry the machine uses', () => {
  expect(readText('package-lock.json')).not.toContain('"resolved"')
})

const said = '/** Says what it serves. */'
const lines = (count: number): readonly string[] => [
  said,
  ...Array.from({ length: count - 1 }, (_, at) => `const a${at} = 1`),
]

test.each([
  ['runtime/utils.ts', [said]],
  ['runtime/common/loop.ts', [said]],
  ['runtime/types.ts', [said]],
  ['runtime/someLoop.ts', [said]],
  ['runtime/loop.ts', ['const a = 1', said]],
  ['runtime/loop.ts', ['const a = 1']],
  ['runtime/loop.ts', lines(301)],
])('planted: %s', (path, text) => {
  expect(fileFaults(planted(path, ...text))).not.toEqual([])
})

test('300 lines are allowed, and looked at twice', () => {
  const file = planted('runtime/loop.ts', ...lines(300))
  expect(fileFaults(file)).toEqual([])
  expect(longFiles(file)).toEqual(['runtime/loop.ts has 300 lines; look twice at 200'])
})
