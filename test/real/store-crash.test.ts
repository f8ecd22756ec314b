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

/** Kills the process after so many acknowledged folds; gives the last number it acknowledged. */
async function foldUntilKilled(dir: string, folds: number): Promise<number> {
  const child: ChildProcess = spawn(process.execPath, [program, 'fold', dir], { stdio: ['ignore', 'pipe', 'inherit'] })
  const exited = once(child, 'exit')
  let last = 0
  let seen = 0
  for await (const line of createInterface({ input: child.stdout as NonNullable<ChildProcess['stdout']> })) {
    last = Number(line)
    if (++seen === folds) child.kill('SIGKILL')
  }
  const [, signal] = await exited
  expect(signal).toBe('SIGKILL')
  return last
}

test('a process killed while it folds leaves whole folds: all that it acknowledged, and none in part', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'perdure-crash-'))
  try {
    for (let round = 1; round <= rounds; round++) {
      const acknowledged = await foldUntilKilled(dir, 1 + ((round * 61) % 150))
      const store = await openLmdbStore({ dir, identity, mapBytes: 2 ** 28 })
      const n = store.partition(foldedPartitions[0])?.n as number
      expect(n).toBeGreaterThanOrEqual(acknowledged)
      for (const partition of foldedPartitions) {
        const actors = actorsOf(partition)
        expect(store.partition(partition)).toMatchObject({ n, clients: { c: [n, n] } })
        expect(actors.map((address) => store.read(address))).toEqual(actors.map((_, which) => stateAfter(n, which)))
        expect([...store.needs(partition)].map(([, { due }]) => due)).toEqual(
          actors.flatMap((_, which) => (stateAfter(n, which) === undefined ? [] : [n])),
        )
        expect([...store.history(actors[3] as (typeof actors)[number], { limit: 1e6 })].map((line) => line.n)).toEqual(
          Array.from({ length: n }, (_, at) => n - at),
        )
      }
      expect([...store.addresses({})].length).toBe(store.count())
      await store.close()
    }
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
})
