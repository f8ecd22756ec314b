/** The log by positions, after any number of losses: everything once, in order, and the last one really is the last. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { subjects } from '#protocol/subject.ts'
import type { Bus, LogEntry } from '#runtime/bus.ts'
import { placesOf, tableAfter, untouched } from '#runtime/core/incarnations.ts'
import { encodeMendRow, type MendRow } from '#runtime/core/mend-row.ts'
import { type MemoryLog, openMemoryLog } from '#runtime/memory/memory-bus.ts'
import { openVirtualClock } from '#runtime/memory/virtual-clock.ts'
import { placedLogOf } from '#runtime/mending/placed-log.ts'

const keys = ['a', 'b', 'c']
const report = { from: 0, to: 0, entries: 0, missing: 0, at: 0, node: 'a' }

type World = { readonly log: MemoryLog; readonly bus: Bus; count: number }

function publish(world: World, senders: readonly number[]): void {
  for (const key of senders)
    world.log.publish(`shop.to.list.${keys[key]}`, Buffer.from(JSON.stringify({ n: ++world.count })))
}

type Round = {
  readonly before: readonly number[]
  readonly lost: number
  readonly meanwhile: readonly number[]
  /** Of what was lost, so much is appended again. */
  readonly kept: number
}

async function mend({ log, bus }: World, { lost: most, kept }: Round, then: () => void): Promise<void> {
  const placed = await placedLogOf({ bus, clock: openVirtualClock({ start: 0 }) }, { retryMs: 10 })
  const all = log.entries()
  const lost = Math.min(most, all.length - 1)
  const gone = all
    .slice(all.length - lost)
    .filter(({ subject }) => subject !== subjects.mended(bus.realm))
    .map((entry) => ({ ...entry, seq: placed.places.positionOf(entry.seq) }))
    .toSorted((one, other) => one.seq - other.seq)
    .slice(0, kept)
  const after = (all.at(-1)?.seq ?? 0) - lost
  log.truncate(after)
  then()
  const incarnation = placed.places.incarnation + 1
  const table = tableAfter(placed.table ?? untouched, after, incarnation)
  const row: MendRow = { ...table, lineage: [[incarnation, `m${incarnation}`]], isOpen: false, report }
  const data = encodeMendRow(
    row,
    gone.map(({ seq }) => seq),
  )
  await bus.appendAll([
    { subject: subjects.mended(bus.realm), data },
    ...gone.map(({ subject, data: bytes }) => ({ subject, data: bytes })),
  ])
}

async function readFrom(bus: Bus, filter: string, from: number): Promise<LogEntry[]> {
  const read: LogEntry[] = []
  const reading = await bus.read({ filter, from, onEntry: (entry) => read.push(entry) })
  for (let turn = 0; turn < 5; turn++) await new Promise<void>((resolve) => setImmediate(resolve))
  await reading.stop()
  return read
}

const senders = fc.array(fc.nat(2), { maxLength: 8 })
const rounds = fc.array(
  fc.record({ before: senders, lost: fc.nat(10), meanwhile: fc.array(fc.nat(2), { maxLength: 3 }), kept: fc.nat(12) }),
  { maxLength: 5 },
)

test('what matches is read once and in order, and none that matches has a higher position than the last', async () => {
  await fc.assert(
    fc.asyncProperty(rounds, senders, fc.nat(40), async (losses, later, from) => {
      const clock = openVirtualClock({ start: 0 })
      const log = openMemoryLog({ realm: 'shop', partitions: 1, clock })
      const world: World = { log, bus: log.connect(), count: 0 }
      publish(world, [0, 1, 2, 0, 1, 2])
      for (const round of losses) {
        publish(world, round.before)
        await mend(world, round, () => publish(world, round.meanwhile))
      }
      publish(world, later)
      const { bus, table } = await placedLogOf({ bus: log.connect(), clock }, { retryMs: 10 })
      const { positionOf } = placesOf(table ?? untouched)
      for (const filter of ['shop.>', ...keys.map((key) => `shop.in.*.*.list.${key}`)]) {
        const positions = log
          .entries()
          .filter(({ subject }) => filter === 'shop.>' || subject.endsWith(filter.slice(-7)))
          .map(({ seq }) => positionOf(seq))
          .toSorted((one, other) => one - other)
        expect(await bus.lastMatching(filter)).toBe(positions.at(-1))
        const begin = positions[from % Math.max(1, positions.length)] ?? 0
        const read = await readFrom(bus, filter, begin)
        expect(read.map(({ seq }) => seq)).toEqual(positions.filter((position) => position >= begin))
        for (const { seq, data } of read) expect((await bus.get(seq))?.data).toEqual(data)
      }
    }),
    { numRuns: 150 },
  )
})
