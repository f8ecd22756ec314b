/** What a program may do with the cuts of a realm: verify, compare, take out and in, remove. */
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { assign, setup } from 'xstate'
import { actor } from '#protocol/actor.ts'
import { cutNames } from '#protocol/cut.ts'
import { realmHandleOf } from '#runtime/client/realm-handle.ts'
import { openMemoryLog } from '#runtime/memory/memory-bus.ts'
import type { Node } from '#runtime/node.ts'
import type { Archive } from '#store/archive.ts'
import { openMemoryShelf } from '#store/memory-archive.ts'
import { openTestNode, realmOptions } from '#test/support/engine.ts'
import { during, openManualClock } from '#test/support/manual-clock.ts'
import { openPlainArchive } from '#test/support/sim/plain-archive.ts'
import { openTempDir } from '#test/support/temp-dir.ts'

const counter = actor(
  'counter',
  setup({ types: { context: {} as { n: number }, events: {} as { type: 'ADD' } } }).createMachine({
    context: { n: 0 },
    on: { ADD: { actions: assign({ n: ({ context }) => context.n + 1 }) } },
  }),
  { version: 1 },
)

async function openWorld() {
  const clock = openManualClock()
  const log = openMemoryLog({ realm: 'shop', partitions: 3, clock })
  const archiveOf = () => openPlainArchive(openMemoryShelf())
  const within = <T>(work: Promise<T>): Promise<T> => during(clock, work)
  const join = (name: string, archive?: Archive): Promise<Node> =>
    within(openTestNode(log.connect(), [counter], { archive, clock, options: { name, beatMs: 50 } }))
  const node = await join('test', archiveOf())
  const realm = realmHandleOf({ bus: log.connect(), clock, archive: archiveOf() }, realmOptions)
  const add = async (key: string): Promise<void> => {
    await within(realm.ref(counter, key).send({ type: 'ADD' }))
    await within(node.settle())
  }
  const take = async (name: string) => await within((await within(realm.cuts.take({ name }))).whole)
  for (let at = 0; at < 20; at++) await add(String(at))
  const cut = await take('first')
  return {
    ...{ cuts: realm.cuts, cut, bus: log.connect(), within, join, add, take },
    async [Symbol.asyncDispose]() {
      await realm.close()
      await within(node.stop())
    },
  }
}

test('what the object store lost and a node still has is said to be there, by its name', async () => {
  await using world = await openWorld()
  const { cuts, bus, within } = world
  expect(await within(cuts.verify('first'))).toMatchObject({ flawed: 0, actors: 20 })
  const { layers } = await (await cuts.open('first')).slice(0)
  await bus.cuts.remove(cutNames.segment(layers[0]?.[0]?.id ?? ''))
  await bus.cuts.remove(cutNames.slice(world.cut.id, 1))
  const { flaws } = await within(cuts.verify('first'))
  expect(flaws.map(({ what, heldBy, fault }) => [what, heldBy, fault.code])).toEqual(
    expect.arrayContaining([
      ['slice', ['test'], 'cut.missing'],
      ['segment', ['test'], 'cut.missing'],
    ]),
  )
})

test('a node without the key is named', async () => {
  await using world = await openWorld()
  const { cuts, within } = world
  expect(await within(cuts.absent())).toEqual([])
  const other = await world.join('other')
  expect(other.cuts).toBeUndefined()
  expect(await within(cuts.absent())).toEqual(['other'])
  await within(other.stop())
})

test('two cuts are compared, and it is said whether anything happened since one', async () => {
  await using world = await openWorld()
  const { cuts, within } = world
  expect(await within(cuts.isBehind(world.cut.id))).toBe(false)
  await world.add('7')
  expect(await within(cuts.isBehind(world.cut.id))).toBe(true)
  const second = await world.take('second')
  const found = await within(Array.fromAsync(cuts.diff('first', 'second')))
  expect(found.map(({ is, address }) => [is, address])).toEqual([['changed', 'counter/7']])
  expect(found[0]?.paths).toContainEqual({ path: 'context.n', before: 1, after: 2 })
  expect(second.added).toBeLessThan(world.cut.added)
})

test('a cut goes out into a file, out of the realm, and in again', async () => {
  await using dir = await openTempDir()
  await using world = await openWorld()
  const { cuts, within } = world
  const path = join(dir.path, 'first.cut')
  await within(cuts.exportTo('first', path))
  await within(cuts.remove('first'))
  expect(await within(cuts.list())).toEqual([])
  await expect(within(cuts.open(world.cut.id))).rejects.toMatchObject({ code: 'cut.unknown' })
  await expect(within(cuts.verify('last'))).rejects.toMatchObject({ code: 'cut.unknown' })
  await expect(within(cuts.remove('first'))).rejects.toMatchObject({ code: 'cut.unknown' })
  expect(await within(cuts.importFrom(path))).toMatchObject({ id: world.cut.id, state: 'whole', actors: 20 })
  const view = await cuts.open('first')
  expect((await view.ref(counter, '3'))?.getSnapshot().context).toEqual({ n: 1 })
})

test('a slice is built on no cut that was removed', async () => {
  await using world = await openWorld()
  await world.within(world.cuts.remove('first'))
  await world.add('7')
  const { id } = await world.take('second')
  const view = await world.within(world.cuts.open(id))
  const gone = new Set((await world.bus.cuts.names()).filter((name) => name.startsWith(`cut.${world.cut.id}`)))
  expect(gone.size).toBeGreaterThan(0)
  for (const partition of [0, 1, 2]) expect((await view.slice(partition)).layers).toHaveLength(1)
})
