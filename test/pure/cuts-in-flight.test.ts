/** What was in flight is handed on as it is read: bounded, in order, and no more at once than is allowed. */
import { expect, test } from 'vitest'
import type { FlightRow, SegmentRef } from '#protocol/cut.ts'
import { flightsInOrder } from '#runtime/cuts/reading/flights-in-order.ts'
import { inOrder } from '#runtime/cuts/reading/in-order.ts'
import { portionsOf } from '#runtime/cuts/taking/read-portions.ts'
import { turnsOf } from '#runtime/turns.ts'
import { systemClock } from '#runtime/clock.ts'
import { openMemoryLog } from '#runtime/memory/memory-bus.ts'
import { randomOf } from '#test/support/workloads/random.ts'

const entries = 30_000

async function logOf(count: number) {
  const log = openMemoryLog({ realm: 'shop', partitions: 1, clock: systemClock })
  const bus = log.connect()
  const subject = 'shop.in.0.x.order.1'
  for (let at = 0; at < count; at += 1000)
    await bus.appendAll(Array.from({ length: 1000 }, () => ({ subject, data: new Uint8Array(8) })))
  return bus
}

test('a reading stands still while what it brought is not taken, and goes on from there', async () => {
  const bus = await logOf(entries)
  let waiting = 0
  let most = 0
  let pauses = 0
  const watched = {
    ...bus,
    async read(options: Parameters<typeof bus.read>[0]) {
      const reading = await bus.read({
        ...options,
        onEntry(entry) {
          most = Math.max(most, ++waiting)
          options.onEntry(entry)
        },
      })
      return {
        ...reading,
        pause() {
          pauses++
          reading.pause()
        },
      }
    },
  }
  const seen: number[] = []
  const range = { filter: 'shop.in.>', from: 101, to: entries - 100 }
  for await (const portion of portionsOf(watched, range, new AbortController().signal)) {
    seen.push(...portion.map(({ seq }) => seq))
    waiting -= portion.length
    await new Promise<void>((resolve) => setImmediate(resolve))
  }
  expect(seen).toEqual(Array.from({ length: entries - 200 }, (_, at) => 101 + at))
  expect(pauses).toBeGreaterThan(0)
  expect(most).toBeLessThan(12_000)
})

test('a reading that is given up ends, also when nothing comes any more', async () => {
  const bus = await logOf(1000)
  const giving = new AbortController()
  // The last entry is told of, and never comes.
  const deaf = { ...bus, read: () => bus.read({ filter: 'shop.commit.>', from: 1, onEntry: () => undefined }) }
  const reading = Array.fromAsync(portionsOf(deaf, { filter: 'shop.in.>', from: 1, to: 1000 }, giving.signal))
  reading.catch(() => undefined)
  await new Promise<void>((resolve) => setImmediate(resolve))
  giving.abort(new Error('enough'))
  await expect(reading).rejects.toThrow('enough')
})

test('two readings become one in the order of positions, with one segment of each in memory', async () => {
  const random = randomOf(3)
  const positions = Array.from({ length: 500 }, (_, at) => at + 1)
  const [mailboxes, topics] = [positions.filter(() => random.chance(0.6)), [] as number[]]
  for (const one of positions) if (!mailboxes.includes(one)) topics.push(one)
  const segments = new Map<string, readonly number[]>()
  const layer = [mailboxes, topics].flatMap((run) => {
    const refs: SegmentRef[] = []
    for (let at = 0; at < run.length; at += 20) {
      const rows = run.slice(at, at + 20)
      const id = `${segments.size}`
      segments.set(id, rows)
      refs.push({ id, bytes: 1, rows: rows.length, first: String(rows[0]), last: String(rows.at(-1)) })
    }
    return refs
  })
  let opened = 0
  let most = 0
  async function* rowsOf(refs: readonly SegmentRef[]): AsyncGenerator<FlightRow> {
    for (const { id } of refs) {
      most = Math.max(most, ++opened)
      for (const position of segments.get(id) ?? []) yield [position, 'shop.in.0.x.order.1', new Uint8Array(), 0]
      opened--
    }
  }
  const found = await Array.fromAsync(flightsInOrder(layer, rowsOf))
  expect(found.map(([position]) => position)).toEqual(positions)
  expect(most).toBe(2)
  expect(await Array.fromAsync(flightsInOrder([], rowsOf))).toEqual([])
})

test('so many at once and no more, with results in order, and the first failure ends it', async () => {
  let running = 0
  let most = 0
  let begun = 0
  const work = async (at: number): Promise<number> => {
    begun++
    most = Math.max(most, ++running)
    for (let turn = 0; turn < (at * 7) % 5; turn++) await new Promise<void>((resolve) => setImmediate(resolve))
    running--
    if (at === 40) throw new Error('forty')
    return at * 2
  }
  const numbers = Array.from({ length: 30 }, (_, at) => at)
  expect(await inOrder(numbers, work, 3)).toEqual(numbers.map((at) => at * 2))
  expect(most).toBe(3)
  begun = 0
  await expect(
    inOrder(
      Array.from({ length: 100 }, (_, at) => at),
      work,
      3,
    ),
  ).rejects.toThrow('forty')
  expect(begun).toBeLessThan(45)
  while (running > 0) await new Promise<void>((resolve) => setImmediate(resolve))
  most = 0
  const turns = turnsOf(2)
  await Promise.all(numbers.map((at) => turns(() => work(at))))
  expect(most).toBe(2)
})
