/** The one line by which a build is judged: whatever went wrong, it is not green. */
import { spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'

const count = fileURLToPath(new URL('../../.ci/count.mjs', import.meta.url))

let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'perdure-count-'))
})

afterEach(async () => {
  await rm(folder, { recursive: true, force: true })
})

async function stage(name: string, code: number, report?: object): Promise<void> {
  await writeFile(join(folder, `${name}.code`), `${code}\n`)
  if (report !== undefined) await writeFile(join(folder, `${name}.json`), JSON.stringify(report))
}

function reportOf(passed: number, failed = 0, pending = 0, unloaded = 0): object {
  const file = (status: string, count: number): object => ({
    name: `${process.cwd()}/test/some.test.ts`,
    status,
    message: status === 'failed' ? 'Cannot load it' : '',
    assertionResults: Array.from({ length: count }, (_, at) => ({
      status,
      fullName: `law ${at}`,
      failureMessages: status === 'failed' ? ['\u001b[31mit is not so\u001b[39m\n  at a place'] : [],
    })),
  })
  return {
    numPassedTests: passed,
    numFailedTests: failed,
    numPendingTests: pending,
    numTodoTests: 0,
    testResults: [
      file('passed', passed),
      ...(failed > 0 ? [file('failed', failed)] : []),
      ...Array.from({ length: unloaded }, () => file('failed', 0)),
    ],
  }
}

test('what failed is told again at the end, where a log that was cut still has it', async () => {
  await stage('test', 1, reportOf(3, 2))
  await stage('long', 1, reportOf(1, 0, 0, 1))
  const { stdout } = spawnSync(process.execPath, [count, folder], { encoding: 'utf8' })
  expect(stdout.split('\n')).toEqual([
    'long failed (exit code 1)',
    'failed: test/some.test.ts > it does not load',
    '  Cannot load it',
    'test failed (exit code 1)',
    'failed: test/some.test.ts > law 0',
    '  it is not so',
    '    at a place',
    'failed: test/some.test.ts > law 1',
    '  it is not so',
    '    at a place',
    '4 passed, 3 failed',
    '',
  ])
})

function line(): { readonly last: string | undefined; readonly status: number | null } {
  const { stdout, status } = spawnSync(process.execPath, [count, folder], { encoding: 'utf8' })
  return { last: stdout.trimEnd().split('\n').at(-1), status }
}

test('the counts of all runs are one line', async () => {
  await stage('install', 0)
  await stage('test', 0, reportOf(40))
  await stage('long', 0, reportOf(2, 0, 1))
  expect(line()).toEqual({ last: '42 passed, 0 failed, 1 skipped', status: 0 })
})

test('a failed test is a failure of the build', async () => {
  await stage('test', 1, reportOf(3, 2))
  expect(line()).toEqual({ last: '3 passed, 2 failed', status: 1 })
})

test('a file that does not load is a failure of the build', async () => {
  await stage('test', 1, reportOf(3, 0, 0, 1))
  expect(line()).toEqual({ last: '3 passed, 1 failed', status: 1 })
})

test('a run that was stopped before its report is a failure of the build', async () => {
  await stage('test', 0, reportOf(3))
  await stage('long', 124)
  expect(line()).toEqual({ last: '3 passed, 1 failed', status: 1 })
})

test('a run that ends badly after its last test is a failure of the build', async () => {
  await stage('test', 1, reportOf(3))
  expect(line()).toEqual({ last: '3 passed, 1 failed', status: 1 })
})

test('a build in which nothing ran is a failure', async () => {
  await stage('install', 0)
  expect(line()).toEqual({ last: '0 passed, 1 failed', status: 1 })
})
