/** What a program may do with the cuts of a realm: verify, compare, take out and in, remove. */
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { assign, setup } from 'xstate'
import { actor } from '#protocol/actor.ts'
import { cutNames } from '#protocol/cut.ts'
import { realmHandleOf } from '#runtime/client/realm-handle.ts'
import { systemClock } from '#runtime/clock.ts'
import { openMemoryLog } from '#runtime/memory/memory-bus.ts'
import { openMemoryArchive } from '#store/memory-archive.ts'
import { openTestNode, realmOptions } from '#test/support/engine.ts'
import { openTempDir } from '#test/support/temp-dir.ts'

const counter = actor(
  'counter',
  setup({ types: { context: {} as { n: number }, events: {} as { type: 'ADD' } } }).createMachine({
    context: { n: 0 },
    on: { ADD: { actions: assign({ n: ({ context }) => context.n + 1 }) } },
  }),
  { version: 1 },
)

const secret = Buffer.alloc(32, 7)
const archiveOf = () => openMemoryArchive(undefined, secret)

async function openWorld() {
  const log = openMemoryLog({ realm: 'shop', partitions: 3, clock: systemClock })
  const node = await openTestNode(log.connect(), [counter], { archive: archiveOf(), options: { beatMs: 50 } })
  const realm = realmHandleOf({ bus: log.connect(), clock: systemClock, archive: archiveOf() }, realmOptions)
  for (let at = 0; at < 20; at++) await realm.ref(counter, String(at)).send({ type: 'ADD' })
  await node.settle()
  const cut = await (await realm.cuts.take({ name: 'first' })).whole
  return {
    ...{ log, node, realm, cut, bus: log.connect() },
    async [Symbol.asyncDispose]() {
      await realm.close()
      await node.stop()
    },
  }
}

test('what the object store lost and a node still has is said to be there, by its name', async () => {
  await using world = await openWorld()
  const { realm, bus } = world
  expect(await realm.cuts.verify('first')).toMatchObject({ flawed: 0, actors: 20 })
  const { layers } = await (await realm.cuts.open('first')).slice(0)
  await bus.cuts.remove(cutNames.segment(layers[0]?.[0]?.id ?? ''))
  await bus.cuts.remove(cutNames.slice(world.cut.id, 1))
  const { flaws } = await realm.cuts.verify('first')
  expect(flaws.map(({ what, heldBy, fault }) => [what, heldBy, fault.code])).toEqual(
    expect.arrayContaining([
      ['slice', ['test'], 'cut.missing'],
      ['segment', ['test'], 'cut.missing'],
    ]),
  )
})

test('a node without the key is named', async () => {
  await using world = await openWorld()
  expect(await world.realm.cuts.absent()).toEqual([])
  await using other = await openTestNode(world.log.connect(), [counter], { options: { name: 'other', beatMs: 50 } })
  expect(other.cuts).toBeUndefined()
  expect(await world.realm.cuts.absent()).toEqual(['other'])
})

test('two cuts are compared, and it is said whether anything happened since one', async () => {
  await using world = await openWorld()
  const { realm, node } = world
  expect(await realm.cuts.isBehind(world.cut.id)).toBe(false)
  await realm.ref(counter, '7').send({ type: 'ADD' })
  await node.settle()
  expect(await realm.cuts.isBehind(world.cut.id)).toBe(true)
  const second = await (await realm.cuts.take({ name: 'second' })).whole
  const found = await Array.fromAsync(realm.cuts.diff('first', 'second'))
  expect(found.map(({ is, address }) => [is, address])).toEqual([['changed', 'counter/7']])
  expect(found[0]?.paths).toContainEqual({ path: 'context.n', before: 1, after: 2 })
  expect(second.added).toBeLessThan(world.cut.added)
})

test('a cut goes out into a file, out of the realm, and in again', async () => {
  await using dir = await openTempDir()
  await using world = await openWorld()
  const { cuts } = world.realm
  const path = join(dir.path, 'first.cut')
  await cuts.exportTo('first', path)
  await cuts.remove('first')
  expect(await cuts.list()).toEqual([])
  await expect(cuts.open(world.cut.id)).rejects.toMatchObject({ code: 'cut.unknown' })
  await expect(cuts.verify('last')).rejects.toMatchObject({ code: 'cut.unknown' })
  await expect(cuts.remove('first')).rejects.toMatchObject({ code: 'cut.unknown' })
  expect(await cuts.importFrom(path)).toMatchObject({ id: world.cut.id, state: 'whole', actors: 20 })
  const view = await cuts.open('first')
  expect((await view.ref(counter, '3'))?.getSnapshot().context).toEqual({ n: 1 })
})

test('a slice is built on no cut that was removed', async () => {
  await using world = await openWorld()
  const { realm, node } = world
  await realm.cuts.remove('first')
  await realm.ref(counter, '7').send({ type: 'ADD' })
  await node.settle()
  const { id } = await (await realm.cuts.take({ name: 'second' })).whole
  const view = await realm.cuts.open(id)
  const gone = new Set((await world.bus.cuts.names()).filter((name) => name.startsWith(`cut.${world.cut.id}`)))
  expect(gone.size).toBeGreaterThan(0)
  for (const partition of [0, 1, 2]) expect((await view.slice(partition)).layers).toHaveLength(1)
})
