/**
 * Cuts on a real server under load, while processes are killed at each step of them: whoever takes the
 * cut, and whoever records a part of it. More rounds run with `npm run test:long`.
 */
import { expect, test } from 'vitest'
import { deathsOf, runCutRounds } from '#test/support/cuts/cut-rounds.ts'

test('what is whole is consistent, and what is not says why, whoever was killed at whatever step', async () => {
  const { faults, whole, died } = await runCutRounds({ rounds: deathsOf().length, seed: 1 })
  expect(faults).toEqual([])
  expect(whole).toBeGreaterThan(0)
  expect(died.length).toBeGreaterThan(deathsOf().length / 2)
}, 240_000)
