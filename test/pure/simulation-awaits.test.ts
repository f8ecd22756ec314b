/**
 * Death at every await of the commit path. All that a node waits for is the log and the disk, so
 * it dies at the first of its operations, then in another run at the second, and so on until a
 * run comes to its end alive; each time before the operation happened, and before it heard that
 * it had. A second process goes on, and the outside checkers look. Of what follows the start,
 * every third operation is tried within the minute, and all of them with `npm run test:long`.
 */
import { expect, test } from 'vitest'
import { openMemoryLog } from '#runtime/memory/memory-bus.ts'
import { openVirtualClock } from '#runtime/memory/virtual-clock.ts'
import { openMemoryDisk } from '#store/memory-store.ts'
import { nodeOptions, realmOptions } from '#test/support/engine.ts'
import { rounds } from '#test/support/rounds.ts'
import { auditOf } from '#test/support/sim/audit.ts'
import { mortalOutsideOf } from '#test/support/sim/outside.ts'
import { type Process, startProcess } from '#test/support/sim/process.ts'
import { judge } from '#test/support/sim/world.ts'
import { everything } from '#test/support/workloads/everything.ts'
import { randomOf } from '#test/support/workloads/random.ts'

type Death = { readonly operation: number; readonly when: 'before' | 'after' }

/** What is broken, and whether the process died at all. */
async function run({
  operation,
  when,
}: Death): Promise<{ readonly faults: string[]; readonly died: string | undefined }> {
  const clock = openVirtualClock({
    start: 1e12,
    progress: () =>
      `${first.operations} ${second?.operations} ${first.node?.health().queued} ${second?.node?.health().queued}`,
  })
  const log = openMemoryLog({ realm: 'sim', partitions: 2, clock })
  const all = everything()
  const outside = mortalOutsideOf(log, clock, realmOptions)
  const random = randomOf(5)
  // A fold after each commit or two, and large groups now and then.
  const options = { ...nodeOptions, foldMs: 5, cheapMost: 2, entriesMost: 110 }
  const world = { log, clock, disk: openMemoryDisk(), kinds: all.flatMap((one) => one.kinds), options }
  let died: string | undefined
  const first = startProcess({
    ...world,
    dies(at, what) {
      if (at !== operation) return undefined
      died = what
      return when
    },
  })
  let second: Process | undefined
  // Whoever runs it sees that it is gone, and starts it again on the same disk.
  first.ended.then(
    () => clock.at(clock.now() + 10, () => (second ??= startProcess(world))),
    () => undefined,
  )
  let isDriven = false
  const driving = Promise.all(all.map((one) => one.drive(outside, random.fork(), 4))).then(() => (isDriven = true))
  await clock.advanceUntil(() => isDriven, 600_000)
  await clock.advance(60_000)
  await driving
  const entries = log.entries()
  const audit = auditOf(entries, { atRest: true })
  const reader = { states: audit.states, entries, skewMs: 0 }
  const faults = [...audit.faults, ...judge(all, reader, audit.parked)]
  const last = second ?? first
  if (last.node === undefined) faults.push(`nobody serves at the end: ${String(last.failure)}`)
  last.crash()
  return { faults, died }
}

/** Beginning and claims, of which there are few. */
const startOperations = 24
const stride = rounds(3, 1)

test.each(['before', 'after'] as const)(
  'whoever dies %s an operation was done leaves nothing undone and nothing done twice',
  async (when) => {
    const kinds = new Map<string, number>()
    let operation = 1
    const start = when === 'before' ? startOperations : startOperations + 1
    for (; ; operation += operation < start ? 1 : stride) {
      const { faults, died } = await run({ operation, when })
      expect(faults, `died ${when} operation ${operation} (${died})`).toEqual([])
      if (died === undefined) break
      kinds.set(died, (kinds.get(died) ?? 0) + 1)
    }
    // The path that was cut everywhere has all its parts: claim, fold of the past, read, publish, fold.
    expect([...kinds.keys()].sort()).toEqual(expect.arrayContaining(['append', 'fold', 'last', 'read', 'state']))
    expect(kinds.get('append')).toBeGreaterThan(30 / stride)
    expect(kinds.get('fold')).toBeGreaterThan(10 / stride)
  },
)
