/**
 * A log whose server came back with an older disk: what any living node had folded stands there
 * again, once, where it stood. Only what outsiders were promised and nobody had folded may be
 * missing, and no more than that.
 */
import { cp, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { CommitRecord } from '#protocol/record.ts'
import { parseStored } from '#protocol/subject.ts'
import type { LogEntry } from '#runtime/bus.ts'
import { recordIn } from '#runtime/core/mend-plan.ts'
import type { TestNats } from '#test/support/nats.ts'
import type { NemesisWorld } from './world.ts'

export type Rollback = {
  /** What the server had told the outside before it died, by positions. */
  readonly before: readonly LogEntry[]
  /** By partition the highest record that any living node had folded then. */
  readonly folded: readonly number[]
  /** The same of its owner, who alone holds what came from outside. */
  readonly owned: readonly number[]
}

/** What was acknowledged in the last instant, and had not come to those who look on. */
const unseenMost = 50

/** The server dies, and its disk is the one of so many milliseconds ago; it is not started again. */
export async function rollBack(world: NemesisWorld, server: TestNats, backMs: number): Promise<Rollback> {
  const disk = join(server.dir, 'jetstream')
  // As a snapshot of a disk: of one instant, in the middle of whatever the server does.
  await server.pause()
  await cp(disk, `${disk}-older`, { recursive: true })
  server.resume()
  await pause(backMs)
  await server.kill()
  const { folded, owned } = await foldedNow(world)
  const before = [...world.log.entries]
  await rm(disk, { recursive: true })
  await rename(`${disk}-older`, disk)
  return { before, folded, owned }
}

async function foldedNow(world: NemesisWorld): Promise<Pick<Rollback, 'folded' | 'owned'>> {
  const { members, partitions } = world
  const all = new Map<string, readonly number[]>()
  await Promise.all([...members.values()].map(async (one) => all.set(one.name, await one.positions())))
  const numbers = Array.from({ length: partitions }, (_, partition) => partition)
  return {
    folded: numbers.map((at) => Math.max(0, ...[...all.values()].map((one) => one[at] ?? 0))),
    owned: numbers.map((at) => all.get(world.ownerOf(at) ?? '')?.[at] ?? 0),
  }
}

/** What is missing or was changed of what must stand, in sentences. */
export function rollbackFaults(rollbacks: readonly Rollback[], now: readonly LogEntry[]): readonly string[] {
  const standing = new Map<number, LogEntry>()
  const faults: string[] = []
  for (const entry of now) {
    if (standing.has(entry.seq)) faults.push(`rollback: position ${entry.seq} is read twice`)
    standing.set(entry.seq, entry)
  }
  for (const one of rollbacks)
    for (const entry of mustStand(one)) {
      const found = standing.get(entry.seq)
      if (found?.subject === entry.subject && Buffer.compare(found.data, entry.data) === 0) continue
      const what = found === undefined ? 'is gone' : `is ${found.subject} now`
      faults.push(`rollback: ${entry.subject} at ${entry.seq} was folded and ${what}`)
    }
  return faults
}

/** Records that somebody folded, and the events that those took; copies of an event may be gone. */
function mustStand({ before, folded, owned }: Rollback): readonly LogEntry[] {
  const records = new Set<number>()
  const taken = new Set<number>()
  for (const entry of before) {
    const record = foldedIn(entry, folded)
    if (record === undefined) continue
    records.add(entry.seq)
    if (record.n <= (owned[record.partition] ?? 0)) for (const { seq } of record.steps) taken.add(seq)
  }
  return before.filter(({ seq }) => records.has(seq) || taken.has(seq))
}

function foldedIn(entry: LogEntry, folded: readonly number[]): CommitRecord | undefined {
  const record = recordIn(entry)
  return record?.is === 'commit' && record.n <= (folded[record.partition] ?? 0) ? record : undefined
}

function cursorsOf({ before, folded }: Rollback): ReadonlyMap<number, number> {
  const cursors = new Map<number, number>()
  for (const entry of before) {
    const record = foldedIn(entry, folded)
    if (record !== undefined) cursors.set(record.partition, Math.max(cursors.get(record.partition) ?? 0, record.cursor))
  }
  return cursors
}

/** Events from outside that stood on the log and that nobody had folded. */
function unfoldedIn(one: Rollback): number {
  const cursors = cursorsOf(one)
  return one.before.filter(({ seq, subject }) => {
    const stored = parseStored(subject)
    return stored.is === 'in' && stored.sender === 'x' && seq > (cursors.get(stored.partition) ?? 0)
  }).length
}

/** What judges say of events that the server alone had promised is no fault, up to the number of those events. */
export function withoutForgotten(faults: readonly string[], rollbacks: readonly Rollback[]): readonly string[] {
  if (rollbacks.length === 0) return faults
  const counts = new Map(faults.map((fault) => [fault, forgottenIn(fault)]))
  const forgotten = [...counts.values()].reduce((sum, count) => sum + count, 0)
  const most = rollbacks.reduce((sum, one) => sum + unfoldedIn(one) + unseenMost, 0)
  const others = faults.filter((fault) => counts.get(fault) === 0)
  if (forgotten <= most) return others
  return [...others, `rollback: ${forgotten} acknowledged events are gone, and ${most} at most were folded by nobody`]
}

function forgottenIn(fault: string): number {
  if (fault.endsWith('was done, and came to pass 0 times')) return 1
  const counted = /^pulse: lost: \S+ counts (\d+), and (\d+) were acknowledged$/.exec(fault)
  return counted === null ? 0 : Number(counted[2]) - Number(counted[1])
}
