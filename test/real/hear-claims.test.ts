/** Two nodes on a real server: the first rests when the second claims, and lets go without any envelope. */
import { expect, test } from 'vitest'
import { createMachine } from 'xstate'
import { actor } from '#protocol/actor.ts'
import { claimPartition } from '#runtime/partition/claim.ts'
import { systemClock } from '#runtime/clock.ts'
import { onTrace } from '#runtime/trace.ts'
import { openTestNode } from '#test/support/engine.ts'
import { useRealBus } from '#test/support/real-bus.ts'

const real = useRealBus()
const resting = actor('resting', createMachine({ on: { WAKE: {} } }))

function nextLost(count: number): Promise<number[]> {
  const lost: number[] = []
  return new Promise((resolve) => {
    const hearing = onTrace((one) => {
      if (one.is !== 'partition.lost' || lost.push(one.partition) < count) return
      hearing.stop()
      resolve(lost.toSorted((a, b) => a - b))
    })
  })
}

test('the first of two nodes hears the claims of the second, and ends', async () => {
  const bus = await real.open()
  // Far longer than the test: what it hears, it was told.
  const options = { claimLookMs: 600_000 }
  const first = await openTestNode(bus, [resting], { options })
  const lost = nextLost(4)
  await using second = await openTestNode(await real.open(bus.realm.name), [resting], { options })
  expect(await lost).toEqual([0, 1, 2, 3])
  expect(await first.ended).toMatchObject({ code: 'partition.lost' })
  expect([first.health().ready, second.health().owned]).toEqual([false, [0, 1, 2, 3]])
  await bus.close()
})

test('a claim that nobody tells of is found by looking', async () => {
  const bus = await real.open()
  await using node = await openTestNode(bus, [resting], { options: { claimLookMs: 100 } })
  const lost = nextLost(1)
  const other = await real.open(bus.realm.name)
  await claimPartition({ bus: { ...other, tell: () => undefined }, clock: systemClock }, 2, 'other')
  expect(await lost).toEqual([2])
  expect(node.health()).toMatchObject({ ready: true, owned: [0, 1, 3] })
  await other.close()
})
