/** A real server whose disk is rolled back under its nodes: what was folded is there again, once, in order. */
import { cp, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parseStored } from '#protocol/subject.ts'
import type { LogEntry } from '#runtime/bus.ts'
import { systemClock } from '#runtime/clock.ts'
import { recordIn } from '#runtime/core/mend-plan.ts'
import { placedLogOf } from '#runtime/mending/placed-log.ts'
import { readThrough } from '#runtime/partition/read-through.ts'
import { type CrashWorld, openCrashWorld } from '#test/support/crash/crash-world.ts'

/** By positions: what was lost and appended again stands where it stood. */
async function entriesOf({ bus, entries: seen }: CrashWorld): Promise<LogEntry[]> {
  const placed = await placedLogOf({ bus, clock: systemClock }, { retryMs: 10 })
  // The judges go by when something was asked for, which the copy does not tell.
  const before = new Map(seen.map((entry) => [`${entry.seq} ${entry.subject}`, entry.at]))
  const entries: LogEntry[] = []
  await readThrough(placed.bus, `${bus.realm.name}.>`, (entry) => {
    const at = before.get(`${entry.seq} ${entry.subject}`) ?? entry.at
    if (!entry.subject.endsWith('.commit.mended')) entries.push({ ...entry, at })
    return true
  })
  return entries
}

/** What an outsider was promised by the server alone, before any owner had it, is nobody's to bring back. */
const isForgotten = (fault: string): boolean => fault.endsWith('was done, and came to pass 0 times')

async function rest(world: CrashWorld): Promise<string[]> {
  for (;;) {
    const seen = world.entries.length
    const faults = world.judge(await entriesOf(world))
    if (faults.every(isForgotten)) return [...faults]
    await world.until((entries) => entries.length > seen)
    // Nothing came any more.
    if (world.entries.length === seen) return [...faults]
  }
}

/**
 * Events from outside that stood on the log and were folded by nobody: the acknowledgement of each
 * partition's last record may have died with the server, and without it nobody knows of that one.
 */
function unfoldedIn(entries: readonly LogEntry[]): number {
  const cursors = new Map<number, number[]>()
  for (const entry of entries) {
    const record = recordIn(entry)
    if (record?.is === 'commit')
      cursors.set(record.partition, [...(cursors.get(record.partition) ?? []).slice(-1), record.cursor])
  }
  const cursorOf = (partition: number): number => {
    const [before, last] = cursors.get(partition) ?? []
    return last === undefined ? 0 : (before ?? 0)
  }
  return entries.filter(({ seq, subject }) => {
    const stored = parseStored(subject)
    return stored.is === 'in' && stored.sender === 'x' && seq > cursorOf(stored.partition)
  }).length
}

const members = { beatMs: 100, suspectMs: 500, deadMs: 1500 }

test.each([1, 3])('%i nodes under load, whose server comes back with a disk of two seconds ago', async (count) => {
  await using world = await openCrashWorld(53 + count)
  const { nats, bus } = world
  /** What the server promised and forgot before anybody read it. */
  let promised = 0
  const { append } = bus
  bus.append = async (entry) => {
    const placed = await append(entry)
    promised = Math.max(promised, placed.seq)
    return placed
  }
  const disk = join(nats.dir, 'jetstream')
  const nodes = ['a', 'b', 'c'].slice(0, count).map((name) => world.start(name, { options: count > 1 ? members : {} }))
  await Promise.all(nodes.map((node) => node.line(({ is }) => is === 'node.ready')))
  let isOn = true
  const driving = world.driveWhile(() => isOn)
  driving.catch(() => undefined)
  await world.until((entries) => entries.length > 200)
  // As a snapshot of a disk: of one instant, in the middle of whatever the server does.
  await nats.pause()
  await cp(disk, `${disk}-older`, { recursive: true })
  nats.resume()
  const known = world.entries.length
  const copiedAt = Date.now()
  await world.until((entries) => entries.length > known + 200 && (entries.at(-1)?.at ?? 0) > copiedAt + 2000)

  await nats.kill()
  const lost = [...world.entries]
  const unread = Math.max(0, promised - (lost.at(-1)?.seq ?? 0))
  await rm(disk, { recursive: true })
  await rename(`${disk}-older`, disk)
  await nats.restart()
  const mended = await Promise.race(nodes.map((node) => node.line(({ is }) => is === 'log.mended')))
  expect(mended['entries']).toBeGreaterThan(50)
  const before = world.entries.length
  await world.until((entries) => entries.length > before + 100)
  isOn = false
  await driving
  const faults = await rest(world)
  expect(faults.filter((fault) => !isForgotten(fault))).toEqual([])
  expect(faults.length).toBeLessThanOrEqual(unfoldedIn(lost) + unread)
  // All of them at once: one that is done does not take those that are not for a new loss.
  expect(nodes.flatMap(({ lines }) => lines.filter(({ is }) => is === 'log.mended'))).toHaveLength(1)
  for (const node of nodes) expect(node.lines.filter(({ is }) => is === 'log.forked')).toEqual([])
})
