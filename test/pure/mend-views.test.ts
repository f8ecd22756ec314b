/** Behind a mending everything that names a place on the log still finds it: clients, trimming, bases, subscriptions. */
import { afterEach, expect, test } from 'vitest'
import { decodeOutside } from '#protocol/outside.ts'
import { subjects } from '#protocol/subject.ts'
import type { RealmHandle } from '#runtime/client/realm-handle.ts'
import type { NodeOptions } from '#runtime/node.ts'
import { onTrace } from '#runtime/trace.ts'
import { newestBases, uploadBase } from '#runtime/trimming/bases.ts'
import { type Joined, type MendWorld, openMendWorld, partitions } from '#test/support/mend-world.ts'

const worlds: MendWorld[] = []
afterEach(() => {
  for (const world of worlds.splice(0)) world.close()
})

async function openWorld(names: readonly string[], options: Partial<NodeOptions> = {}): Promise<MendWorld> {
  const world = await openMendWorld(names, options)
  worlds.push(world)
  await world.clock.advance(names.length > 1 ? 3000 : 0)
  return world
}

async function mend(world: MendWorld, missing: number): Promise<void> {
  const before = world.mended().length
  world.log.truncate(world.end() - missing)
  await world.clock.advance(1)
  world.bare(5000 + before)
  await world.clock.advance(5000)
  expect(world.mended()).toHaveLength(before + 1)
}

/** Bases are made beside the time of the world; a round ends when all of them are there. */
function trimmed(): Promise<void> {
  return new Promise((resolve) => {
    const hearing = onTrace((one) => {
      if (one.is !== 'trimmed') return
      hearing.stop()
      resolve()
    })
  })
}

/** The numbers of the events that led to an actor's steps, as the log has them where its history says. */
async function pastOf({ during }: MendWorld, view: RealmHandle, key: string): Promise<number[]> {
  const lines = await during(view.operate.history(`list/${key}`, { limit: 200 }))
  const places = lines.toReversed().flatMap(({ steps }) => steps.map(({ seq }) => seq))
  const entries = await during(Promise.all(places.map((place) => view.bus.get(place))))
  return entries.map((entry) => {
    expect(entry?.subject).toMatch(new RegExp(`list\\.${key}$`))
    const { content } = decodeOutside({ to: `list/${key}`, at: 0, bytes: entry?.data ?? new Uint8Array() })
    return content.is === 'event' ? (content.event as unknown as { n: number }).n : Number.NaN
  })
}

async function lagOf({ during }: MendWorld, view: RealmHandle): Promise<number> {
  let late = 0
  for (let partition = 0; partition < partitions; partition++) {
    const { cursor } = await during(view.operate.partition(partition))
    const last = await during(view.bus.lastMatching(subjects.mailbox(view.bus.realm, partition)))
    if ((last ?? 0) > cursor) late++
  }
  return late
}

test('a client finds the events of a history that was mended, whether it was there before or came later', async () => {
  const world = await openWorld(['a'])
  const early = await world.view()
  await world.note(40)
  await mend(world, 25)
  await world.note(20)
  await mend(world, 10)
  await world.note(20)
  for (const view of [early, await world.view()]) {
    for (const key of ['l1', 'l4', 'bare']) {
      const sent = world.sent.filter(([address]) => address === `list/${key}`).map(([, n]) => n)
      expect(await pastOf(world, view, key)).toEqual(sent)
    }
    expect(await lagOf(world, view)).toBe(0)
  }
})

test('a topic that is read by a client goes on over a mending, and tells everything once', async () => {
  const world = await openWorld(['a'])
  const view = await world.view()
  const told: unknown[] = []
  await world.during(view.topic('bell.*.RUNG', ({ event }) => told.push(event['n'])))
  await world.ring(20)
  await mend(world, 15)
  await world.ring(20)
  expect(told.toSorted((a, b) => Number(a) - Number(b))).toEqual(Array.from({ length: 40 }, (_, at) => at + 1))
})

test('subscriptions hear everything once over mendings, also with an owner that comes later', async () => {
  const world = await openWorld(['a', 'b', 'c'])
  await world.listen()
  await world.ring(20)
  await mend(world, 30)
  await world.ring(20)
  const [first] = world.all
  await world.kill(first as Joined)
  await world.clock.advance(5000)
  await mend(world, 20)
  await world.ring(20)
  for (const heard of await world.heard()) {
    expect(heard.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 60 }, (_, at) => at + 1))
  }
})

test('the window of history is as long as it was: what is younger stays, what is older goes', async () => {
  const world = await openWorld(['a'], { trimEveryMs: 1000, historyMs: 30_000 })
  await world.note(40)
  const first = world.log.entries().length
  await world.clock.advance(20_000)
  await mend(world, 25)
  await world.note(20)
  const young = (): number => world.log.entries().filter(({ at }) => at > world.clock.now() - 29_000).length
  const all = young()
  expect(all).toBeGreaterThan(first)
  let round = trimmed()
  await world.clock.advance(15_000)
  await round
  // What stood in front of the mending is gone, and nothing that it appended again.
  expect(world.log.entries().length).toBeLessThan(all)
  const mended = world.log.entries().find(({ subject }) => subject.endsWith('.mended'))?.seq ?? 0
  expect(world.log.entries().filter(({ seq }) => seq >= mended)).toHaveLength(world.end() - mended + 1)
  round = trimmed()
  await world.clock.advance(40_000)
  await round
  expect(world.log.entries().length).toBeLessThan(30)
  await world.note(20)
  await world.audit()
})

test('whoever begins from bases that were made before and after a mending has what all have', async () => {
  const options = { trimEveryMs: 1000, historyMs: 5000, baseEveryBytes: 1 }
  const world = await openWorld(['a', 'b'], options)
  await world.note(40)
  let round = trimmed()
  await world.clock.advance(10_000)
  await round
  await world.note(10)
  await mend(world, 8)
  await world.note(10)
  round = trimmed()
  await world.clock.advance(20_000)
  await round
  // Two new ones without disks, then none of the old ones.
  await world.join('c')
  await world.join('d')
  await world.clock.advance(5000)
  for (const one of world.all.slice(0, 2)) {
    await world.kill(one)
    await world.clock.advance(8000)
  }
  expect(world.owners().every((names) => names.length === 1)).toBe(true)
  await world.note(20)
  await world.audit()
})

/** To lists alone, so that no partition has something of another. */
async function some(world: MendWorld, from: number): Promise<void> {
  for (let n = from; n < from + 20; n++) world.bare(n, `l${n % 7}`)
  await world.clock.advance(2000)
}

test('a base of records that were lost with the one who made it is not taken for the truth', async () => {
  const world = await openWorld(['a', 'b'], { standbys: 0 })
  await some(world, 100)
  const kept = world.end()
  await some(world, 200)
  const lost = new Set(Array.from({ length: 20 }, (_, at) => 200 + at))
  const a = world.all[0] as Joined
  const owned = a.node.partitions.map(({ partition }) => partition)
  for (const partition of owned) await uploadBase({ bus: a.bus, store: a.node.store }, partition)
  const disk = await world.kill(a)
  world.log.truncate(kept)
  await world.clock.advance(10_000)
  expect(world.mended()).toHaveLength(1)
  expect([...(await newestBases(world.realm.bus)).keys()].filter((one) => owned.includes(one))).toEqual([])
  await some(world, 300)
  // Nobody has anything but the log and the bases.
  await world.join('c')
  await world.clock.advance(5000)
  await world.kill(world.all[0] as Joined)
  await world.clock.advance(10_000)
  expect(world.owners()).toEqual(Array.from({ length: partitions }, () => ['c']))
  await world.audit(lost)
  // The one that had them comes too late; what it drops no later mending brings back.
  await world.join('a', disk)
  await world.clock.advance(5000)
  expect(world.traces.filter(({ is }) => is === 'log.forked').length).toBeGreaterThan(0)
  await some(world, 400)
  await mend(world, 15)
  await some(world, 500)
  await world.audit(lost)
})

test('who took something of what nobody holds any more stops, and nothing is written', async () => {
  const world = await openWorld(['a', 'b'], { standbys: 0 })
  await world.note(20)
  const kept = world.end()
  await world.note(20)
  await world.kill(world.all[0] as Joined)
  world.log.truncate(kept)
  await world.clock.advance(10_000)
  expect(world.mended()).toEqual([])
  expect(await world.all[0]?.node.ended).toMatchObject({ code: 'log.shorter' })
  expect(world.end()).toBe(kept)
})

test('of two mendings under one number, the one that the log forgot is dropped with all that rests on it', async () => {
  const world = await openWorld(['a', 'b'], { standbys: 0 })
  await some(world, 100)
  const b = world.all[1] as Joined
  const [kept, older] = [world.end(), await world.kill(b)]
  await world.clock.advance(3000)
  await mend(world, 5)
  await some(world, 200)
  const newer = await world.kill(world.all[0] as Joined)
  // Both are away when the log forgets the mending of the one; the other knows nothing of it.
  world.log.truncate(kept - 3)
  await world.join('b', older)
  await world.clock.advance(10_000)
  expect(world.mended()).toHaveLength(2)
  await some(world, 300)
  await world.join('a', newer)
  await world.clock.advance(10_000)
  await mend(world, 45)
  await some(world, 400)
  const lost = Array.from({ length: 20 }, (_, at) => 200 + at)
  await world.audit(new Set([5000, 5001, 5002, ...lost]))
})
