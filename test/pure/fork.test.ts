/** A fork is a second realm from the instant of a cut; the first one goes on as if nothing were. */
import { expect, test } from 'vitest'
import { Fault } from '#protocol/fault.ts'
import { forkText, parseFork, parseForkEffects } from '#protocol/fork.ts'
import { decodeCutNote, encodeCutNote } from '#protocol/cut.ts'
import { type RealmForks, realmForksOf } from '#runtime/client/forks.ts'
import { cutShelfOf } from '#runtime/cuts/reading/cut-shelf.ts'
import { holdCut, letCutsGo } from '#runtime/cuts/keeping/hold-cut.ts'
import { removeCut } from '#runtime/cuts/keeping/remove-cut.ts'
import { bySchedule, expiredOf } from '#runtime/cuts/keeping/retention.ts'
import { forkMetadata } from '#runtime/nats/realm-stream.ts'
import { baseOfRows } from '#store/base-blob.ts'
import { sealedBaseOf } from '#store/sealed-base.ts'
import { openFork } from '#test/support/fork-world.ts'
import { type MemoryRealms, memoryRealms } from '#test/support/memory-realms.ts'
import { add, counter, got } from '#test/support/restore-words.ts'
import { openRestoreRealm, type RestoreRealm } from '#test/support/restore-world.ts'

function forksOf(world: RestoreRealm, realms: MemoryRealms): RealmForks {
  const { clock, log, archive } = world
  return realmForksOf({
    ...{ realm: 'shop', clock, baseOf: baseOfRows, sealedBaseOf },
    realms: () => Promise.resolve(realms),
    bus: () => Promise.resolve(log.connect()),
    archive: () => archive,
    open: (cut) => world.viewOf(cut),
  })
}

async function cutWorld() {
  const world = await openRestoreRealm([counter])
  await world.start()
  await add(world, 'a', 'one')
  const view = await world.take()
  const realms = memoryRealms(world.clock, world.log, world.log.connect().cuts)
  const shelf = cutShelfOf({ bus: world.log.connect(), archive: world.archive })
  return { world, view, realms, shelf, forks: forksOf(world, realms) }
}

test.for([4, 3])('a fork of %i partitions goes on from the cut, its realm stays as it is [U2]', async (partitions) => {
  await using world = await openRestoreRealm([counter])
  await world.start()
  for (const key of ['a', 'b', 'c', 'd', 'e']) await add(world, key, 'one')
  const view = await world.take()
  for (const key of ['a', 'b']) await add(world, key, 'two')
  const written = (): unknown[] =>
    world.log.entries().map(({ seq, subject, data }) => [seq, subject, Buffer.from(data).toString('hex')])
  const before = written()
  await using fork = await openFork(world, view, { partitions })
  await fork.start([counter])
  const inFork = async (key: string): Promise<unknown> =>
    ((await fork.state(`counter/${key}`))?.snapshot.context as { got: string[] } | undefined)?.got
  expect(fork.realm.partitions).toBe(partitions)
  for (const key of ['a', 'b', 'c', 'd', 'e']) expect(await inFork(key)).toEqual(['one'])
  await fork.realm.send('counter/a', { type: 'ADD', word: 'there' })
  await fork.pass(10)
  expect(await inFork('a')).toEqual(['one', 'there'])
  expect(written()).toEqual(before)
  await add(world, 'a', 'three')
  expect(await got(world, 'a')).toEqual(['one', 'two', 'three'])
  expect(await inFork('a')).toEqual(['one', 'there'])
})

test('a node of the realm and a node of its fork take cuts of their own', async () => {
  await using world = await openRestoreRealm([counter])
  await world.start()
  await add(world, 'a', 'one')
  const view = await world.take()
  await using fork = await openFork(world, view)
  const node = await fork.start([counter])
  const taken = node.cuts!.take({ name: 'in fork', by: 'test' })
  await fork.during(taken.whole)
  const notes = await cutShelfOf({ bus: fork.log.connect(), archive: world.archive }).notes()
  expect(notes).toMatchObject([{ name: 'in fork', state: 'whole', actors: 1 }])
})

test('a cut that a fork needs is not removed, neither by hand nor by the schedule, until the fork is', async () => {
  const { world, view, shelf, forks } = await cutWorld()
  const { id } = view.manifest
  await forks.make(id, { as: 'copy' })
  await expect(removeCut(shelf, id, { realm: 'shop', at: 1 })).rejects.toMatchObject({ code: 'cut.held' })
  const note = { ...(await shelf.note(id))!, by: bySchedule }
  const newer = { ...note, id: 'newer', heldBy: undefined, begunAt: note.begunAt + 1 }
  expect(expiredOf([note, newer], { last: 1, hourly: 0, daily: 0 })).toEqual([])
  expect(expiredOf([{ ...note, heldBy: [] }, newer], { last: 1, hourly: 0, daily: 0 })).toEqual([id])
  expect(await forks.list()).toMatchObject([{ name: 'copy', state: 'open', fork: { cut: id, timers: 'frozen' } }])
  await world.during(forks.remove('copy'))
  expect(await forks.list()).toEqual([])
  expect(await removeCut(shelf, id, { realm: 'shop', at: 1 })).toMatchObject({ state: 'removed' })
  await world[Symbol.asyncDispose]()
})

test('of a removal and a fork of the same cut one is refused', async () => {
  const { world, view, shelf } = await cutWorld()
  const { id } = view.manifest
  await removeCut(shelf, id, { realm: 'shop', at: 1 })
  await expect(holdCut(shelf, id, { fork: 'copy', realm: 'shop' })).rejects.toMatchObject({ code: 'cut.unknown' })
  await world[Symbol.asyncDispose]()
})

test('two forks hold a cut, and one that goes lets only itself go', async () => {
  const { world, view, shelf } = await cutWorld()
  const { id } = view.manifest
  for (const fork of ['one', 'two']) await holdCut(shelf, id, { fork, realm: 'shop' })
  expect(await letCutsGo(shelf, 'one')).toEqual([id])
  expect(decodeCutNote(encodeCutNote((await shelf.note(id))!)).heldBy).toEqual(['two'])
  await expect(removeCut(shelf, id, { realm: 'shop', at: 1 })).rejects.toMatchObject({ details: { forks: 'two' } })
  await world[Symbol.asyncDispose]()
})

test('a fork that died while it was made is made again, and its name is for no other cut', async () => {
  const { world, view, realms, forks } = await cutWorld()
  const generations = await realms.generations('copy')
  const dying = {
    ...realms,
    generations: () => Promise.resolve({ ...generations, open: () => Promise.reject(new Fault('bus.closed')) }),
  }
  await expect(forksOf(world, { ...dying, log: realms.log }).makeOf(view, { as: 'copy' })).rejects.toMatchObject({
    code: 'bus.closed',
  })
  expect(await generations.newest()).toMatchObject({ state: 'restoring' })
  const other = await world.take('other')
  await expect(forks.makeOf(other, { as: 'copy' })).rejects.toMatchObject({ code: 'fork.taken' })
  expect(await forks.makeOf(view, { as: 'copy' })).toMatchObject({ actors: 1 })
  await expect(forks.makeOf(view, { as: 'copy' })).rejects.toMatchObject({ code: 'fork.taken' })
  await expect(forks.makeOf(view, { as: 'shop' })).rejects.toMatchObject({ code: 'fork.sameName' })
  await expect(world.during(forks.remove('shop'))).rejects.toMatchObject({ code: 'fork.notFork' })
  await expect(world.during(forks.remove('nowhere'))).rejects.toMatchObject({ code: 'fork.unknown' })
  await world[Symbol.asyncDispose]()
})

test('a fork that is forked itself stays until the fork of it is removed', async () => {
  const { world, view, realms, forks } = await cutWorld()
  await forks.makeOf(view, { as: 'copy' })
  const other = { ...view, manifest: { ...view.manifest, realm: 'copy' } }
  await forks.makeOf(other, { as: 'copy-of-copy' })
  await expect(world.during(forks.remove('copy'))).rejects.toMatchObject({ code: 'fork.needed' })
  await world.during(forks.remove('copy-of-copy'))
  await world.during(forks.remove('copy'))
  expect(await realms.forks()).toEqual([])
  await world[Symbol.asyncDispose]()
})

test('what a fork is of cannot be misread: anything unknown is a fault, and never "no fork"', async () => {
  await using world = await openRestoreRealm([counter])
  await world.start()
  const view = await world.take()
  await using fork = await openFork(world, view, { effects: parseForkEffects('allow:a, b.c') })
  const { fork: made } = fork.made
  expect(parseFork(forkText(made))).toEqual(made)
  const later = forkText(made).replace('"format":1', '"format":2')
  for (const text of ['', '{}', later, forkText({ ...made, effects: { is: 'all' } as never })])
    expect(() => parseFork(text)).toThrow(expect.objectContaining({ code: 'fork.unreadable' }) as Error)
  // A release that knows no forks must refuse to serve one: it reads formats up to 1.
  expect(forkMetadata(made)).toMatchObject({ 'perdure-format': '2' })
  expect(forkMetadata(undefined)).toEqual({})
  for (const text of ['', 'all', 'allow', 'allow:', 'allow:a,', 'allow:a b'])
    expect(() => parseForkEffects(text)).toThrow(expect.objectContaining({ code: 'fork.effects' }) as Error)
})
