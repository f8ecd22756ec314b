/** Partitions change hands each at its own pace: one change of each at a time, and none waits for another's. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Heartbeat } from '#protocol/heartbeat.ts'
import { Fault } from '#protocol/fault.ts'
import { catchUpMostMs, governorOf } from '#runtime/members/governor.ts'
import { openVirtualClock } from '#runtime/memory/virtual-clock.ts'
import { onTrace, type Trace } from '#runtime/trace.ts'

const partitions = 12
const options = { partitions, standbys: 1, handOversMost: 3, claimsMost: 5, retryMs: 50, deadMs: 1000 }

/** How long each change of a partition takes; some never end, some fail at first. */
type Pace = { readonly ms: number; readonly isStuck: boolean; readonly failures: number }

const steady: Pace = { ms: 10, isStuck: false, failures: 0 }

type Said = Partial<Pick<Heartbeat, 'isCatchingUp' | 'opening'>>

function heartbeat(name: string, owned: Iterable<number>, followed: Iterable<number>, said: Said = {}): Heartbeat {
  return {
    ...{ name, life: name, since: 0, beat: 0, phase: 'ready', capacity: 1, labels: [], kinds: [], release: '' },
    owned: [...owned].map((partition) => [partition, 1, 0, 0]),
    followed: [...followed].map((partition) => [partition, 0, true]),
    load: { cpu: 0, memoryBytes: 0, commitsPerSecond: 0, actors: 0, effects: 0 },
    ...said,
  }
}

/** This node and, if it is there, another one that takes what it is given at once. */
type Other = { readonly isFirst?: boolean; readonly takesMs?: number; readonly says?: () => Said }

function openWorld(paces: readonly Pace[], { isFirst = true, takesMs = 5, says = () => ({}) }: Other = {}) {
  const clock = openVirtualClock({ start: 0 })
  const owned = new Set<number>(isFirst ? [] : Array.from({ length: partitions }, (_, at) => at))
  const theirs = new Set<number>()
  const begun = new Map<number, number>()
  const failed = new Map<number, number>()
  const seen = { overlaps: 0, claims: 0, gifts: 0, mostClaims: 0, mostGifts: 0 }

  async function change(partition: number, kind: 'claims' | 'gifts', done: () => void): Promise<void> {
    if (begun.has(partition)) seen.overlaps++
    begun.set(partition, clock.now())
    seen[kind]++
    seen.mostClaims = Math.max(seen.mostClaims, seen.claims)
    seen.mostGifts = Math.max(seen.mostGifts, seen.gifts)
    try {
      const { ms, isStuck, failures } = paces[partition] ?? steady
      await new Promise<void>((resolve) => (isStuck ? undefined : clock.at(clock.now() + ms, resolve)))
      const count = failed.get(partition) ?? 0
      failed.set(partition, count + 1)
      if (count < failures) throw new Fault('bus.timeout', { value: 'log', ms })
      done()
    } finally {
      begun.delete(partition)
      seen[kind]--
    }
  }

  const governor = governorOf(
    {
      clock,
      view: () => ({
        self: heartbeat('a', owned, []),
        others: isFirst
          ? []
          : [
              heartbeat(
                'b',
                theirs,
                Array.from({ length: partitions }, (_, at) => at),
                says(),
              ),
            ],
      }),
      mayClaim: () => true,
      follow: () => undefined,
      takeOver: (some) => new Map(some.map((one) => [one, change(one, 'claims', () => void owned.add(one))])),
      async release(partition) {
        await change(partition, 'gifts', () => void owned.delete(partition))
        clock.at(clock.now() + takesMs, () => {
          theirs.add(partition)
          governor.consider()
        })
      },
      requirements: () => undefined,
      mayGive: () => true,
    },
    options,
  )
  return { clock, governor, owned, theirs, seen }
}

const paces = fc.array(
  fc.record({ ms: fc.integer({ min: 0, max: 30 }), isStuck: fc.boolean(), failures: fc.integer({ min: 0, max: 2 }) }),
  { minLength: partitions, maxLength: partitions },
)
const freeOf = (some: readonly Pace[]): number[] => some.flatMap(({ isStuck }, at) => (isStuck ? [] : [at]))

test('one change of a partition at a time, as many as are allowed, and a change that never ends holds no other', async () => {
  await fc.assert(
    fc.asyncProperty(paces, async (drawn) => {
      // As many that never end as there is room for would be all that is under way.
      let room = options.claimsMost - 1
      const some = drawn.map((one) => ({ ...one, isStuck: one.isStuck && room-- > 0 }))
      const world = openWorld(some)
      world.governor.begin().catch(() => undefined)
      for (let ms = 0; ms < 2000; ms += 10) {
        await world.clock.advance(10)
        world.governor.consider()
        // A start that failed is the caller's to repeat.
        if (ms % 100 === 0) world.governor.begin().catch(() => undefined)
      }
      expect([...world.owned].toSorted((a, b) => a - b)).toEqual(freeOf(some))
      expect(world.seen).toMatchObject({ overlaps: 0 })
      expect(world.seen.mostClaims).toBeLessThanOrEqual(options.claimsMost)
    }),
    { numRuns: 30 },
  )
})

test('what is given away goes on although one of them never ends, and no more at a time than the other takes', async () => {
  const given = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]
  const world = openWorld(
    given.map((at) => ({ ...steady, isStuck: at === 1 })),
    { isFirst: false, takesMs: 40 },
  )
  const beginning = world.governor.begin()
  await world.clock.advance(1000)
  await beginning
  expect(world.theirs.size).toBeGreaterThanOrEqual(5)
  expect(world.seen.overlaps).toBe(0)
  expect(world.seen.mostGifts).toBeLessThanOrEqual(options.handOversMost)
})

test('the next is not given before the other has taken one', async () => {
  const world = openWorld([], { isFirst: false, takesMs: 200 })
  const beginning = world.governor.begin()
  await world.clock.advance(100)
  expect(partitions - world.owned.size).toBe(options.handOversMost)
  await world.clock.advance(2000)
  await beginning
  expect(world.owned.size).toBe(partitions / 2)
})

test('the next is not given before the other serves what it has taken', async () => {
  let opening: number[] = []
  const world = openWorld([], { isFirst: false, says: () => ({ opening }) })
  opening = Array.from({ length: partitions }, (_, at) => at)
  const beginning = world.governor.begin()
  await world.clock.advance(500)
  expect(world.theirs.size).toBe(options.handOversMost)
  opening = []
  world.governor.consider()
  await world.clock.advance(500)
  await beginning
  expect(world.theirs.size).toBe(partitions / 2)
})

test('who still reads what was before it is given nothing, unless there is no end of it', async () => {
  let isCatchingUp = true
  const world = openWorld([], { isFirst: false, says: () => ({ isCatchingUp }) })
  const beginning = world.governor.begin()
  await world.clock.advance(catchUpMostMs - 10)
  expect(world.theirs.size).toBe(0)
  await world.clock.advance(500)
  expect(world.theirs.size).toBe(partitions / 2)
  await beginning

  const other = openWorld([], { isFirst: false, says: () => ({ isCatchingUp }) })
  const again = other.governor.begin()
  await other.clock.advance(100)
  expect(other.theirs.size).toBe(0)
  isCatchingUp = false
  other.governor.consider()
  await other.clock.advance(500)
  expect(other.theirs.size).toBe(partitions / 2)
  await again
})

test('what was given and nobody takes holds up the next for no longer than a dead node would', async () => {
  const world = openWorld([], { isFirst: false, takesMs: 1e9 })
  const beginning = world.governor.begin()
  await world.clock.advance(options.deadMs + 50)
  await beginning
  expect(partitions - world.owned.size).toBeGreaterThan(options.handOversMost)
})

test('what fails at the start is for whoever starts', async () => {
  const world = openWorld(Array.from({ length: partitions }, () => ({ ...steady, failures: 1 })))
  const beginning = world.governor.begin()
  beginning.catch(() => undefined)
  await world.clock.advance(1000)
  await expect(beginning).rejects.toMatchObject({ code: 'bus.timeout' })
  expect(world.owned.size).toBe(0)
})

test('what fails later is tried again after a pause, and told once for all that failed with it', async () => {
  const some: Pace[] = Array.from({ length: partitions }, () => steady)
  const world = openWorld(some)
  await Promise.all([world.governor.begin(), world.clock.advance(1000)])
  expect(world.owned.size).toBe(partitions)
  const told: Trace[] = []
  const hearing = onTrace((one) => void (one.is === 'duty.failed' && told.push(one)))
  for (let at = 0; at < options.claimsMost; at++) {
    some[at] = { ...steady, failures: 2 }
    world.owned.delete(at)
  }
  world.governor.consider()
  await world.clock.advance(steady.ms + options.retryMs - 1)
  expect(world.owned.size).toBe(partitions - options.claimsMost)
  await world.clock.advance(steady.ms + 1)
  hearing.stop()
  expect(world.owned.size).toBe(partitions)
  expect(told).toHaveLength(1)
})
