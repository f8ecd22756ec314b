/** Whatever a machine is made of: replayed on what it was given, it goes where it went. */
import { expect, test } from 'vitest'
import { actor } from '#protocol/actor.ts'
import type { DebugStep } from '#runtime/past/debug.ts'
import { openTestRealm } from '#runtime/test.ts'
import { scenarios } from '#test/support/machines/set.ts'

test.each(scenarios.map((scenario) => [scenario.name, scenario] as const))('%s', async (_, scenario) => {
  const kindOf = () =>
    actor(
      'probe',
      scenario.make(() => undefined),
    )
  await using realm = await openTestRealm({ actors: [kindOf()] })
  await realm.operate.start('probe/a', scenario.input)
  await realm.settle()
  for (const [at, happening] of scenario.script.entries()) {
    if ('wait' in happening) await realm.advance(happening.wait)
    else await realm.send('probe/a', happening.send)
    await realm.settle()
    // Another owner is another ownership, and a state that was loaded is stepped on.
    if (at % 3 === 2) await realm.restart()
  }
  for await (const { address } of realm.operate.list()) {
    const steps: DebugStep[] = []
    for await (const step of realm.past.debug(address, { kind: kindOf() })) steps.push(step)
    expect(steps.length).toBeGreaterThan(0)
    const apart = steps.filter(({ record, input }) => record !== undefined || input.arrival === undefined)
    expect(apart.map(({ input, old, record }) => [address, input.type, input.arrival?.by, old, record])).toEqual([])
  }
})
