/** What came from outside after a cut is delivered again by its restore: in its order, each once, and nothing that was dropped. */
import { expect, test } from 'vitest'
import type { Came } from '#runtime/cuts/restoring/replay.ts'
import { add, afterwards, counter, got } from '#test/support/restore-words.ts'
import { openRestoreRealm } from '#test/support/restore-world.ts'

test.for([4, 7])('what came after the cut is delivered again in its order, into %i partitions', async (partitions) => {
  await using world = await openRestoreRealm([counter])
  await world.start()
  for (const word of ['one', 'two']) await add(world, 'a', word)
  const view = await world.take()
  for (const word of ['three', 'four']) await add(world, 'a', word, `id-${word}`)
  await add(world, 'b', 'five')
  world.log.publish('shop.to.counter.c', Buffer.from(JSON.stringify({ type: 'ADD', word: 'six' })), { id: 'bare' })
  await world.settle()
  const { replayed } = await world.restore(view, { partitions, replay: () => world.came(view) })
  expect(replayed).toBe(4)
  await afterwards(world)
  expect(await got(world, 'a')).toEqual(['one', 'two', 'three', 'four'])
  expect(await got(world, 'b')).toEqual(['five'])
  expect(await got(world, 'c')).toEqual(['six'])
  // An id that was replayed is known: the same send from outside is a copy.
  world.log.publish('shop.to.counter.c', Buffer.from(JSON.stringify({ type: 'ADD', word: 'six' })), { id: 'bare' })
  await world.settle()
  expect(await got(world, 'c')).toEqual(['six'])
})

test('without a replay what came after the cut is as if it had never been sent', async () => {
  await using world = await openRestoreRealm([counter])
  await world.start()
  await add(world, 'a', 'one')
  const view = await world.take()
  await add(world, 'a', 'two')
  await world.restore(view)
  await afterwards(world)
  expect(await got(world, 'a')).toEqual(['one'])
  await add(world, 'a', 'three')
  expect(await got(world, 'a')).toEqual(['one', 'three'])
})

test('an event that is dropped from the replay takes none of its sender with it', async () => {
  await using world = await openRestoreRealm([counter])
  await world.start()
  await add(world, 'a', 'one')
  const view = await world.take()
  // At once, so that each says that those before it may be missing.
  const sends = ['two', 'three', 'four'].map((word) => world.realm.send('counter/a', { type: 'ADD', word }))
  await Promise.all(sends)
  await world.settle()
  await world.restore(view, { replay: () => without(world.came(view), 'two') })
  await afterwards(world)
  expect(await got(world, 'a')).toEqual(['one', 'three', 'four'])
})

async function* without(came: AsyncIterable<Came>, word: string): AsyncGenerator<Came> {
  for await (const one of came) {
    const { content } = one.envelope ?? {}
    if (content?.is !== 'event' || content.event['word'] !== word) yield one
  }
}

test('a copy that a client sent again after the restore is taken once', async () => {
  await using world = await openRestoreRealm([counter])
  await world.start()
  await add(world, 'a', 'one')
  const view = await world.take()
  await add(world, 'a', 'two')
  const stored = world.log.entries().findLast(({ subject }) => subject.includes('.x.counter.'))
  await world.restore(view, { replay: () => world.came(view) })
  await afterwards(world)
  world.log.publish('shop.to.counter.a', stored?.data ?? new Uint8Array())
  await world.settle()
  expect(await got(world, 'a')).toEqual(['one', 'two'])
})

test('a second restore of one cut replays what came since then, and nothing twice', async () => {
  await using world = await openRestoreRealm([counter])
  await world.start()
  await add(world, 'a', 'one')
  const view = await world.take()
  await add(world, 'a', 'two')
  // By somebody who counts nothing and gives no id.
  world.log.publish('shop.to.counter.a', Buffer.from(JSON.stringify({ type: 'ADD', word: 'bare' })))
  await world.settle()
  await world.restore(view, { replay: () => world.came(view) })
  await afterwards(world)
  await add(world, 'a', 'three')
  expect(await got(world, 'a')).toEqual(['one', 'two', 'bare', 'three'])
  await world.restore(view, { replay: () => world.came(view) })
  await world.pass(3000)
  world.reopen()
  await world.start({ name: 'third' })
  expect(await got(world, 'a')).toEqual(['one', 'two', 'bare', 'three'])
})
