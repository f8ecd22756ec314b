/**
 * Real processes that are killed, really, at each boundary of an event's way: between receive,
 * step, publish, acknowledgement, fold, effect start and effect end. Whatever was on its way, in
 * the end everything happened once, in order, and the log keeps all its laws.
 */
import { expect, test } from 'vitest'
import { boundaries, type Boundary } from '#test/support/crash/boundaries.ts'
import { openCrashWorld } from '#test/support/crash/crash-world.ts'

/** Early, when little is known to anybody, and later, in the middle of everything. */
const times: Readonly<Partial<Record<Boundary, readonly number[]>>> = {
  claimed: [1, 3],
  'folding the past': [1, 40],
  received: [1, 25],
}

test.each(boundaries.map((at, index) => [at, index] as const))('killed at the boundary "%s"', async (at, index) => {
  await using world = await openCrashWorld(index + 1)
  // So that there is a past to fold, and work that waits for whoever comes next.
  let last = world.start('node')
  await last.line(({ is }) => is === 'node.ready')
  await world.drive(3)
  for (const nth of times[at] ?? [1, 12]) {
    await last.kill()
    // Without a store there is a past to fold, all of it.
    if (at === 'folding the past') await world.loseDisk('node')
    const child = world.start('node', { death: { at, nth } })
    const driving = world.driveWhile(() => child.isAlive)
    expect(await child.exited).toBe('SIGKILL')
    expect(child.lines.at(-1)).toEqual({ died: at, nth })
    // What was sent meanwhile is promised by the server alone; questions wait for an answer.
    last = world.start('node')
    await driving
    await last.line(({ is }) => is === 'node.ready')
  }
  const audit = await world.rest()
  expect(audit.records).toBeGreaterThan(20)
})
