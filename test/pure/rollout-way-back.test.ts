/** Whether states can be taken back is known before anything moves: their owners try it on what they have stored. */
import { afterEach, expect, test } from 'vitest'
import type { ActorState } from '#protocol/state.ts'
import { counter } from '#test/support/rollout-kinds.ts'
import { openRolloutWorld, partitions } from '#test/support/rollout-world.ts'

let world: ReturnType<typeof openRolloutWorld>
const open = (): typeof world => (world = openRolloutWorld())
afterEach(() => world.end())

const v1 = counter('order', 1)

/** Steps down what got fewer than so many, and throws over the rest. */
function fussy(most: number) {
  const down = (state: ActorState): ActorState => {
    const { got } = state.snapshot.context as { readonly got: readonly number[] }
    if (got.length >= most) throw new Error(`${got.length} is too many`)
    // A state that was tried is nobody's: whatever is done to it must not be seen.
    ;(state.snapshot.context as { by: string }).by = 'tried'
    return state
  }
  return counter('order', 2, { 1: { up: (state) => state, down } })
}

async function tryWayBack(): Promise<unknown> {
  const trying = world.realm.operate.tryWayBack(await world.entry('order'))
  trying.catch(() => undefined)
  await world.clock.advance(200)
  return await trying
}

test('an undo is refused with the actors whose step down throws, how many they are, and nothing is changed', async () => {
  open()
  await world.join('a', [v1])
  await world.join('b', [fussy(2)], { rolloutShare: 0.5 })
  await world.pass(2000)
  await world.add('order', 700)
  // The last of each partition in the order of their names, so that no owner finds them at once.
  const late = Array.from({ length: 60 }, (_, at) => `order/c${940 + at}`)
  for (const address of late) for (let twice = 0; twice < 2; twice++) world.send(address)
  await world.pass(50)
  const before = world.log.entries().filter(({ subject }) => subject.includes('.commit.')).length
  const error = await tryWayBack().catch((reason: unknown) => reason)
  const there = world.versions('order')
  const failing: string[] = []
  for (const address of late) if ((await world.state(address)).version === 2) failing.push(address)
  expect(failing.length).toBeGreaterThan(10)
  expect(error).toMatchObject({ code: 'rollout.downFails', details: { count: failing.length, version: 1 } })
  const { message } = error as Error
  const named = failing.filter((address) => message.includes(`${address} (`))
  expect(named).toHaveLength(10)
  expect(message).toContain(`and ${failing.length - 10} more`)
  expect(message).toContain('2 is too many')
  expect(world.versions('order')).toEqual(there)
  expect(world.log.entries().filter(({ subject }) => subject.includes('.commit.'))).toHaveLength(before)
  for (const address of failing.slice(0, 3)) expect(await world.state(address)).toMatchObject({ by: 'v2', version: 2 })
  expect(await world.wrong()).toEqual([])
})

test('an undo that every stored state can take passes, and so does one that needs no step down', async () => {
  open()
  await world.join('a', [v1])
  await world.join('b', [fussy(5)], { rolloutShare: 0.5 })
  await world.pass(2000)
  await world.add('order', 200)
  await expect(tryWayBack()).resolves.toBeUndefined()
  await world.undo('order')
  await world.pass(3000)
  expect(world.versions('order')).toEqual(Array.from({ length: partitions }, () => 1))
  expect(await world.wrong()).toEqual([])
  // It is held now: there is nothing to take back.
  await expect(tryWayBack()).resolves.toBeUndefined()
})

test('what nobody owns cannot be tried, and is not taken for a way back', async () => {
  open()
  await world.join('a', [v1])
  const b = await world.join('b', [fussy(5)], { rolloutShare: 0.5 })
  await world.pass(2000)
  await world.add('order')
  await world.kill(b)
  await world.pass(3000)
  const trying = world.realm.operate.tryWayBack(await world.entry('order'))
  trying.catch(() => undefined)
  await world.clock.advance(5000)
  await expect(trying).rejects.toMatchObject({ code: 'partition.unowned' })
})
