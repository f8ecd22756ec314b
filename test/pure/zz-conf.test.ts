import { test } from 'vitest'
import { onTrace } from '#runtime/trace.ts'
import { scenarios } from '#test/support/machines/set.ts'
import { trailOf, openEngine } from '#test/support/three-ways.ts'
test('x', async () => {
  const s = scenarios.find((x) => x.name === 'members of a family find each other by system id')!
  onTrace((t) => console.log(JSON.stringify(t)))
  const trail = await trailOf({ machine: s.make(() => {}), steps: s.script.map((one) => ('send' in one ? (one.send as any) : one)) }, (a, b) => openEngine(a, b, false))
  console.log(JSON.stringify(trail.seen.map((x) => x?.value)))
})
