import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { expect, test } from 'vitest'
import { openLmdbStore } from '#store/lmdb-store.ts'
import { identity } from '#test/support/store-samples.ts'
import { actorsOf, foldedPartitions, stateAfter } from '#test/support/store-folder.ts'

const program = new URL('../support/store-folder.ts', import.meta.url).pathname
const rounds = 10

type Ended = { readonly acknowledged: number; readonly signal: string | null; readonly last: string }

/** Kills the process after so many acknowledged folds, or lets it end by itself. */
async function foldUntilEnded(
  command: string,
  args: readonly string[],
  folds = Number.POSITIVE_INFINITY,
): Promise<Ended> {
  const child: ChildProcess = spawn(command, args, { stdio: ['ignore', 'pipe', 'ignore'] })
  const exited = once(child, 'exit')
  let acknowledged = 0
  let last = ''
  let seen = 0
  for await (const line of createInterface({ input: child.stdout as NonNullable<ChildProcess['stdout']> })) {
    last = line
    if (/^\d+$/.test(line)) acknowledged = Number(line)
    if (++seen === folds) child.kill('SIGKILL')
  }
  const [, signal] = (await exited) as [number | null, string | null]
  return { acknowledged, signal, last }
}

/** The store holds whole folds up to one that is not before the last acknowledged. */
async function expectWholeFolds(dir: string, acknowledged: number): Promise<void> {
  const store = await openLmdbStore({ dir, identity, mapBytes: 2 ** 28 })
  const n = store.partition(foldedPartitions[0])?.n as number
  expect(n).toBeGreaterThanOrEqual(acknowledged)
  for (const partition of foldedPartitions) {
    const actors = actorsOf(partition)
    expect(store.partition(partition)).toMatchObject({ n })
    expect([...store.clients(partition)]).toEqual([['c', n, n]])
    expect(actors.map((address) => store.read(address))).toEqual(actors.map((_, which) => stateAfter(n, which)))
    expect([...store.needs(partition)].map(([, { due }]) => due)).toEqual(
      actors.flatMap((_, which) => (stateAfter(n, which) === undefined ? [] : [n])),
    )
    const past = [...store.history(actors[3] as (typeof actors)[number], { limit: 1e6 })].map((line) => line.n)
    expect(past).toEqual(Array.from({ length: n }, (_, at) => n - at))
  }
  expect([...store.addresses({})].length).toBe(store.count())
  await store.close()
}

test('a process killed while it folds leaves whole folds: all that it acknowledged, and none in part', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'perdure-crash-'))
  try {
    for (let round = 1; round <= rounds; round++) {
      const { acknowledged, signal } = await foldUntilEnded(
        process.execPath,
        [program, 'fold', dir],
        1 + ((round * 61) % 150),
      )
      expect(signal).toBe('SIGKILL')
      await expectWholeFolds(dir, acknowledged)
    }
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
})

test('a process that may not write on is told so, goes on living, and leaves whole folds', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'perdure-nospace-'))
  try {
    const limited = ['-c', 'ulimit -f 1000; exec "$0" "$@"', process.execPath, program, 'fold', dir]
    const { acknowledged, signal, last } = await foldUntilEnded('/bin/sh', limited)
    expect(signal).toBeNull()
    expect(last).toMatch(/^store\.(unusable|diskFull)$/)
    expect(acknowledged).toBeGreaterThan(0)
    await expectWholeFolds(dir, acknowledged)
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
})
