/** Fifty cuts on a real server, in each of which a process is killed at one step. */
import { expect, test } from 'vitest'
import { runCutRounds } from '#test/support/cuts/cut-rounds.ts'

test('of fifty cuts under kill -9 every whole one is consistent, and every other one says why', async () => {
  const { faults, whole, abandoned, died } = await runCutRounds({ rounds: 50, seed: 7 })
  expect(faults).toEqual([])
  expect(whole).toBeGreaterThan(0)
  expect(whole + abandoned).toBeGreaterThan(20)
  expect(died.length).toBeGreaterThan(25)
})
