/** What a consumer gets from the registry: everything needed, nothing else, under plain Node. */
import { writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { beforeAll, expect, test, type TestContext } from 'vitest'
import { openPacked, textOf, type Packed } from '#test/pack/packed.ts'
import { skipBecause } from '#test/support/skip.ts'

let packed: Packed

beforeAll(async () => {
  packed = await openPacked()
  return () => packed[Symbol.asyncDispose]()
})

function needsInstall(context: Pick<TestContext, 'skip'>): void {
  if (packed.unreachable !== undefined) skipBecause(context, `no package registry answers (${packed.unreachable})`)
}

test('the package holds the launcher, the compiled files and the papers, and no sources or tests', () => {
  const strange = packed.files.filter(
    (file) => !/^(bin\/perdure\.js|dist\/.*|LICENSE|[A-Z]+\.md|package\.json)$/.test(file),
  )
  expect(strange).toEqual([])
  expect(packed.files.filter((file) => /^dist\/(test|examples)\/|(?<!\.d)\.ts$/.test(file))).toEqual([])
  expect(packed.files).toEqual(expect.arrayContaining(['LICENSE', 'bin/perdure.js', 'dist/runtime/index.d.ts']))
})

test.for([
  ['import', 'mjs', `import * as perdure from 'perdure'; import 'perdure/test'`],
  ['require', 'cjs', `const perdure = require('perdure'); require('perdure/test')`],
])('a program loads it with %s, and nothing is said', async ([, ending, line], context) => {
  needsInstall(context)
  const file = `load.${ending}`
  await writeFile(join(packed.folder, file), `${line}\nconsole.log(typeof perdure.openNode, typeof perdure.actor)\n`)
  expect(packed.run(process.execPath, file)).toEqual({ status: 0, out: 'function function\n', err: '' })
})

test('the declarations stand alone in a strict program', async (context) => {
  needsInstall(context)
  const lines = [
    `import { actor } from 'perdure'`,
    `import { setup } from 'xstate'`,
    `const kind = actor('light', setup({}).createMachine({ initial: 'off', states: { off: {} } }))`,
    `export const name: string = kind.kind`,
    `// @ts-expect-error a kind has no number`,
    `export const number: number = kind.kind`,
  ]
  await writeFile(join(packed.folder, 'typed.mts'), lines.join('\n'))
  const compiler = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc')
  const flags = '--noEmit --strict --module nodenext --target es2024 --lib esnext,dom --typeRoots'.split(' ')
  const types = join(dirname(createRequire(import.meta.url).resolve('@types/node/package.json')), '..')
  const { out } = packed.run(process.execPath, compiler, ...flags, types, '--types', 'node', 'typed.mts')
  const own = out.split('\n').filter((line) => /^(node_modules\/perdure\/|typed)/.test(line))
  expect(own).toEqual([])
})

test('npx perdure --help says what it can do', (context) => {
  needsInstall(context)
  const { status, out, err } = packed.run('npx', 'perdure', '--help')
  const said = err.split('\n').filter((line) => line !== '' && !line.startsWith('npm '))
  expect({ status, said }).toEqual({ status: 0, said: [] })
  expect(out).toContain('perdure')
})

test('no file that a URL names has kept the ending of a source', async (context) => {
  needsInstall(context)
  const scripts = packed.files.filter((file) => /^dist\/.*\.js$/.test(file))
  const texts = await Promise.all(scripts.map(async (file) => [file, await textOf(packed, file)] as const))
  expect(texts.filter(([, text]) => /new URL\(['"]\.[^'"]*\.ts['"]/.test(text)).map(([file]) => file)).toEqual([])
})
