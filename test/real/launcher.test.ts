/** The launcher chooses what runs, and by which Node, before anything else can go wrong. */
import { spawnSync } from 'node:child_process'
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'

const launcher = fileURLToPath(new URL('../../bin/perdure.js', import.meta.url))
const saysArguments = `console.log('ran', import.meta.url.split('/').slice(-2).join('/'), process.argv.slice(2).join(' '))`

let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'perdure-launcher-'))
  await mkdir(join(folder, 'bin'))
  await mkdir(join(folder, 'dist', 'bin'), { recursive: true })
  await mkdir(join(folder, 'runtime'))
  await cp(launcher, join(folder, 'bin', 'perdure.js'))
  await cp(fileURLToPath(new URL('../../package.json', import.meta.url)), join(folder, 'package.json'))
})

afterEach(async () => {
  await rm(folder, { recursive: true, force: true })
})

type Answer = { readonly status: number | null; readonly out: string; readonly err: string }

function run(args: readonly string[], pretend: { readonly node?: string; readonly platform?: string } = {}): Answer {
  const lines: string[] = []
  const versions = `{ value: { ...process.versions, node: '${pretend.node}' } }`
  if (pretend.node !== undefined) lines.push(`Object.defineProperty(process, 'versions', ${versions})`)
  if (pretend.platform !== undefined)
    lines.push(`Object.defineProperty(process, 'platform', { value: '${pretend.platform}' })`)
  // The pretence is a file of the process that is started, not of a process which that one starts.
  const stage = `data:text/javascript,${encodeURIComponent(`if (!process.env.PRETENDED) { ${lines.join(';')} } process.env.PRETENDED = '1'`)}`
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--import', stage, join(folder, 'bin', 'perdure.js'), ...args],
    {
      encoding: 'utf8',
    },
  )
  return { status, out: stdout, err: stderr }
}

async function checkout(): Promise<void> {
  await writeFile(join(folder, 'bin', 'main.ts'), `const typed: string = 'x'\n${saysArguments}`)
}

async function compiled(): Promise<void> {
  await writeFile(join(folder, 'dist', 'bin', 'main.js'), saysArguments)
}

test('the sources run when they stand beside it, the compiled files otherwise', async () => {
  await compiled()
  expect(run(['up', '--json'])).toEqual({ status: 0, out: 'ran bin/main.js up --json\n', err: '' })
  await checkout()
  expect(run(['up'])).toEqual({ status: 0, out: 'ran bin/main.ts up\n', err: '' })
})

test('in a checkout the package by its name and its sources are the same modules', async () => {
  await writeFile(join(folder, 'runtime', 'index.ts'), 'export const mark = {}\n')
  await writeFile(
    join(folder, 'bin', 'main.ts'),
    `import { mark } from 'perdure'\nimport { mark as same } from '#runtime/index.ts'\nconsole.log(mark === same)\n`,
  )
  expect(run([])).toEqual({ status: 0, out: 'true\n', err: '' })
})

test('an old Node gets one sentence that says what to do', async () => {
  await compiled()
  for (const node of ['20.19.0', '22.17.1', '8.0.0']) {
    const { status, out, err } = run(['up'], { node })
    expect({ status, out }).toEqual({ status: 1, out: '' })
    expect(err).toMatch(new RegExp(`^perdure: Node ${node} is too old; install Node 22\\.18 or newer.*\\n$`))
  }
})

/** As npm installs the dev dependency: the program, and the manifest that says which one it is. */
async function bringNode(version: string): Promise<void> {
  await mkdir(join(folder, 'node_modules', '.bin'), { recursive: true })
  await mkdir(join(folder, 'node_modules', 'node'))
  await symlink(process.execPath, join(folder, 'node_modules', '.bin', 'node'))
  await writeFile(join(folder, 'node_modules', 'node', 'package.json'), JSON.stringify({ name: 'node', version }))
}

test('a checkout whose own Node is too old itself is no help to an old one', async () => {
  await bringNode('22.17.1')
  await writeFile(join(folder, 'bin', 'main.ts'), saysArguments)
  const { status, err } = run(['up'], { node: '20.19.0' })
  expect({ status, err }).toEqual({ status: 1, err: expect.stringContaining('Node 20.19.0 is too old') })
})

test('an old Node in a checkout that has its own hands over to that one, arguments and exit code included', async () => {
  await bringNode('24.1.0')
  await writeFile(join(folder, 'bin', 'main.ts'), `${saysArguments}\nprocess.exitCode = 7`)
  expect(run(['send', 'order/42'], { node: '20.19.0' })).toEqual({
    status: 7,
    out: 'ran bin/main.ts send order/42\n',
    err: '',
  })
})

test('a newer Node runs, whatever its minor number', async () => {
  await compiled()
  for (const node of ['22.18.0', '24.0.0', '30.1.2']) expect(run([], { node }).status).toBe(0)
})

test('Windows gets one sentence', async () => {
  await compiled()
  const { status, err } = run(['up'], { platform: 'win32' })
  expect(status).toBe(1)
  expect(err).toMatch(/^perdure: Windows .*WSL.*\n$/)
})
