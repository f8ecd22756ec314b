/** What is told of a realm to one who does not run it is what its nodes go by. */
import { afterEach, expect, test } from 'vitest'
import { counter } from '#test/support/rollout-kinds.ts'
import { openRolloutWorld } from '#test/support/rollout-world.ts'

let world: ReturnType<typeof openRolloutWorld>
const open = (): typeof world => (world = openRolloutWorld())
afterEach(() => world.end())

const orders = counter('order', 1)
const lamps = counter('lamp', 1)

async function look() {
  const looking = world.realm.operate.nodes()
  looking.catch(() => undefined)
  await world.clock.advance(2000)
  return (await looking).places
}

test('a partition whose kind no node carries is told as that, and not as due to a node that may not take it', async () => {
  open()
  const both = await world.join('a', [orders, lamps])
  await world.add('lamp')
  await world.join('b', [orders])
  await world.pass(2000)
  await world.kill(both)
  await world.pass(3000)
  const unowned = (await look()).filter(({ owner }) => owner === undefined)
  expect(unowned.length).toBeGreaterThan(0)
  for (const { why } of unowned) expect(why).toEqual({ is: 'unfit', reason: 'no node that is there carries lamp' })
})
