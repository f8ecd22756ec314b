/** A restore that dies at any instant: the realm is never half one and half the other. */
import { expect, test } from 'vitest'
import { assign, setup } from 'xstate'
import { actor } from '#protocol/actor.ts'
import type { Generations } from '#runtime/generations.ts'
import { openRestoreRealm, type RestoreRealm } from '#test/support/restore-world.ts'

const counter = actor(
  'counter',
  setup({ types: { context: {} as { n: number }, events: {} as { type: 'ADD' } } }).createMachine({
    context: { n: 0 },
    on: { ADD: { actions: assign({ n: ({ context }) => context.n + 1 }) } },
  }),
)

class Died extends Error {}

/** Everything that it asks of the outside is counted; it dies at one of these, before or after it was done. */
function dying(generations: Generations, at: number): { readonly generations: Generations; calls(): number } {
  let calls = 0

  async function live<T>(act: () => Promise<T>): Promise<T> {
    const call = calls++
    // Whoever is dead does nothing more, whatever its code would do on the way out.
    if (call >= at) throw new Died()
    const done = await act()
    if (call === Math.floor(at)) throw new Died()
    return done
  }

  function wrapped<T extends object>(target: T): T {
    return new Proxy(target, {
      get(from, name, receiver) {
        const value: unknown = Reflect.get(from, name, receiver)
        if (typeof value === 'object' && value !== null && (name === 'blobs' || name === 'notes')) return wrapped(value)
        if (typeof value !== 'function' || name === 'close' || name === Symbol.asyncDispose) return value
        return async (...args: unknown[]) => {
          const result: unknown = await live(() => Promise.resolve(value.apply(from, args) as unknown))
          return name === 'begin' ? wrapped(result as object) : result
        }
      },
    })
  }

  return { generations: wrapped(generations), calls: () => calls }
}

async function openCounted(): Promise<RestoreRealm> {
  const world = await openRestoreRealm([counter], 2)
  await world.start()
  for (let at = 0; at < 6; at++) await world.realm.send(`counter/${at % 3}`, { type: 'ADD' })
  await world.settle()
  return world
}

const counts = async (world: RestoreRealm): Promise<unknown[]> =>
  await Promise.all(
    [0, 1, 2].map(async (key) => {
      const context = (await world.state(`counter/${key}`))?.snapshot.context as { n: number } | undefined
      return context?.n
    }),
  )

test('dead at any of its calls, before or after what it asked for, the next one finishes it', async () => {
  let of = 1
  for (let at = 0; at < of; at += 0.5) {
    await using world = await openCounted()
    const view = await world.take()
    await world.realm.send('counter/0', { type: 'ADD' })
    await world.settle()
    const { generations, calls } = dying(world.log.generations, at)
    const first = await world.restore(view, { replay: () => world.came(view) }, generations).then(
      () => 'done',
      (error: unknown) => (error instanceof Died ? 'died' : error),
    )
    if (at === 0) {
      // How many there are shows when nobody dies.
      await using whole = await openCounted()
      const counted = dying(whole.log.generations, Number.POSITIVE_INFINITY)
      await whole.restore(await whole.take(), {}, counted.generations)
      of = counted.calls()
      expect(of).toBeGreaterThan(10)
    }
    expect([at, first]).toEqual([at, calls() > Math.floor(at) ? 'died' : 'done'])
    const left = await world.log.generations.newest()
    // Nobody serves a half: either nothing was changed, or nobody can, or all of it is there.
    if (left?.state === 'open' && left.realm.generation === 0) {
      expect([at, await counts(world)]).toEqual([at, [3, 2, 2]])
    }
    const isDone = left?.state === 'open' && left.realm.generation > 0
    if (!isDone) await world.restore(view, { replay: () => world.came(view) })
    await world.pass(3000)
    world.reopen()
    await world.start({ name: 'after' })
    expect([at, await counts(world)]).toEqual([at, [3, 2, 2]])
    // Where the restore ends on its log is known as well, for one that comes later.
    expect([at, (await Array.fromAsync(world.came(view))).length]).toEqual([at, 1])
  }
})
