/** The conformance set against XState itself: what is written by hand as the end of each scenario is its end. */
import { expect, test } from 'vitest'
import { playLive } from '#test/support/machines/live.ts'
import { scenarios } from '#test/support/machines/set.ts'

test('the set has a name for each scenario and covers what XState offers', () => {
  expect(new Set(scenarios.map(({ name }) => name)).size).toBe(scenarios.length)
  expect(scenarios.length).toBeGreaterThanOrEqual(40)
})

test.each(scenarios.map((scenario) => [scenario.name, scenario] as const))('live: %s', async (_, scenario) => {
  const played = await playLive(scenario)
  const { tags, children, notes, logged, emitted, ...ends } = scenario.ends
  expect(played).toMatchObject(ends)
  expect(played.notes).toEqual(notes ?? [])
  expect(played.logged).toEqual(logged ?? [])
  expect(played.emitted).toEqual(emitted ?? [])
  if (tags !== undefined) expect([...played.tags].sort()).toEqual([...tags].sort())
  if (children !== undefined) {
    expect(Object.keys(played.children).sort()).toEqual(Object.keys(children).sort())
    expect(played.children).toMatchObject(children)
  }
})
