/** What was in flight at the instant of a cut is taken after its restore once, by whatever number its sender counted it. */
import { expect, test } from 'vitest'
import type { FlightRow } from '#protocol/cut.ts'
import { encodeEnvelope } from '#protocol/envelope.ts'
import { encodeOutside, type OutsideNote } from '#protocol/outside.ts'
import { partitionOf } from '#protocol/partition.ts'
import { subjects } from '#protocol/subject.ts'
import type { CutView } from '#runtime/cuts/reading/open-cut.ts'
import { add, afterwards, counter, got } from '#test/support/restore-words.ts'
import { openRestoreRealm, type RestoreRealm } from '#test/support/restore-world.ts'

const partitions = 4
const lives = (key: string, of: number): number => partitionOf(`counter/${key}`, of)
/** Two that live apart, and together when there are three partitions. */
const first = 'k0'
const second =
  Array.from({ length: 500 }, (_, at) => `k${at}`).find(
    (key) => lives(key, 3) === lives(first, 3) && lives(key, partitions) !== lives(first, partitions),
  ) ?? ''

/** As it would have stood in the mailbox before the marker. */
async function withFlights(
  view: CutView,
  rows: readonly (readonly [key: string, bytes: Uint8Array, id?: string | undefined, from?: number])[],
) {
  const { position } = await view.slice(0)
  async function* flights(): AsyncGenerator<FlightRow> {
    for (const [at, [key, bytes, id, from]] of rows.entries()) {
      const address = `counter/${key}` as const
      const subject = subjects.in(
        { name: 'shop', generation: 0, partitions },
        lives(key, partitions),
        from ?? 'x',
        address,
      )
      yield id === undefined
        ? [position.seq + 100 + at, subject, bytes, position.at]
        : [position.seq + 100 + at, subject, bytes, position.at, id]
    }
  }
  return { ...view, flights }
}

const word = (text: string, note: OutsideNote): Uint8Array => encodeOutside({ type: 'ADD', word: text }, note)

/** A realm in which the session "s" was taken up to 3 in the partition of the first, and to 1 in that of the second. */
async function counted(world: RestoreRealm): Promise<void> {
  await world.start()
  for (const n of [1, 2, 3]) world.log.publish(`shop.to.counter.${first}`, word(`a${n}`, { session: 's', n, floor: n }))
  world.log.publish(`shop.to.counter.${second}`, word('b1', { session: 's', n: 1, floor: 1 }))
  await world.settle()
}

test.for([4, 3])(
  'what a session sent to one partition is no copy of what it sent to another, into %i',
  async (into) => {
    await using world = await openRestoreRealm([counter], partitions)
    await counted(world)
    const view = await withFlights(await world.take(), [
      [second, word('b2', { session: 's', n: 2, floor: 2 })],
      // Sent again, because its answer was lost; and one that was taken before the cut.
      [second, word('b2', { session: 's', n: 2, floor: 2, again: true })],
      [first, word('a3', { session: 's', n: 3, floor: 3, again: true })],
      [second, word('b3', { session: 's', n: 3, floor: 3 })],
    ])
    await world.restore(view, { partitions: into })
    await afterwards(world)
    expect(await got(world, first)).toEqual(['a1', 'a2', 'a3'])
    expect(await got(world, second)).toEqual(['b1', 'b2', 'b3'])
  },
)

const heard = (from: string, text: string, index: number): Uint8Array =>
  encodeEnvelope({
    to: 'counter/heard',
    content: { is: 'event', event: { type: 'ADD', word: text } },
    from: `counter/${from}`,
    ...{ at: 0, id: undefined, n: 7, index, generation: 0, cause: undefined },
    ...{ ask: undefined, deadline: undefined, traceparent: undefined },
  })

test.for([4, 3])(
  'what two partitions sent under one number is no copy where its senders live together, into %i',
  async (into) => {
    await using world = await openRestoreRealm([counter], partitions)
    await world.start()
    await add(world, 'heard', 'one')
    const [one, other] = [lives(first, partitions), lives(second, partitions)]
    const view = await withFlights(await world.take(), [
      ['heard', heard(first, 'two', 0), undefined, one],
      ['heard', heard(second, 'three', 0), undefined, other],
      ['heard', heard(first, 'four', 1), undefined, one],
      ['heard', heard(second, 'five', 1), undefined, other],
    ])
    await world.restore(view, { partitions: into })
    await afterwards(world)
    expect(await got(world, 'heard')).toEqual(['one', 'two', 'three', 'four', 'five'])
  },
)

test.for([4, 3])('what fills an entry to its end is parked whole, and hinders no restore, into %i', async (into) => {
  await using world = await openRestoreRealm([counter], partitions)
  await world.start()
  await add(world, first, 'one')
  const { maxPayload } = world.log.connect()
  const head = JSON.stringify({ type: 'ADD', word: '' }).length
  const large = Buffer.from(JSON.stringify({ type: 'ADD', word: 'x'.repeat(maxPayload - head) }))
  expect(large.length).toBe(maxPayload)
  const view = await withFlights(await world.take(), [[first, large]])
  world.log.publish(`shop.to.counter.${second}`, large)
  await world.settle()
  await world.restore(view, { partitions: into, replay: () => world.came(view) })
  await afterwards(world)
  expect(await got(world, first)).toEqual(['one'])
  const list = await world.realm.parked.list()
  expect(new Map(list.map(({ address, fault }) => [address, fault.code]))).toEqual(
    new Map([first, second].map((key) => [`counter/${key}`, 'event.tooBig'])),
  )
  for (const { place } of list)
    expect((await world.realm.parked.get(place)).raw?.length).toBeGreaterThan(maxPayload - 100)
})

test.for([4, 3])('an id that a bare publisher gave goes with what was in flight, into %i', async (into) => {
  await using world = await openRestoreRealm([counter], partitions)
  await world.start()
  await add(world, first, 'one')
  const bare = Buffer.from(JSON.stringify({ type: 'ADD', word: 'two' }))
  const view = await withFlights(await world.take(), [[first, bare, 'bare']])
  await world.restore(view, { partitions: into })
  await afterwards(world)
  world.log.publish(`shop.to.counter.${first}`, bare, { id: 'bare' })
  await world.settle()
  expect(await got(world, first)).toEqual(['one', 'two'])
})
