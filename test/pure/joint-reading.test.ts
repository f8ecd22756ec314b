/** Mailboxes that are read together: every partition gets its entries in order, each once, however they come. */
import { expect, test } from 'vitest'
import type { LogEntry, Reading, ReadOptions } from '#runtime/bus.ts'
import { openJointReading } from '#runtime/nats/joint-reading.ts'
import { rounds } from '#test/support/rounds.ts'
import { type Random, randomOf } from '#test/support/workloads/random.ts'

const prefix = 'shop.in.'
const nothing = new Uint8Array(10)

type Open = { readonly asked: ReadOptions; next: number; isPaused: boolean; isStopped: boolean }

/** A log of mailboxes, each of whose readings brings something only when it is told to. */
function logOf(random: Random, partitions: number) {
  let slowness = 0
  const entries: LogEntry[] = []
  const readings: Open[] = []
  /** How often one for all mailboxes was opened. */
  let together = 0
  let failures = 0
  const slow: (() => void)[] = []
  const isOf = (filter: string, subject: string): boolean => subject.startsWith(filter.slice(0, -1))

  function append(mailbox: number): void {
    entries.push({
      seq: entries.length + 1,
      subject: `${prefix}${mailbox}.x.order.${entries.length}`,
      data: nothing,
      at: 0,
    })
  }

  return {
    entries,
    readings,
    together: () => together,
    slowDown: (chance: number) => void (slowness = chance),
    append,
    appendSome(count: number): void {
      for (let at = 0; at < count; at++) append(random.int(0, partitions - 1))
    },
    failNext(count: number): void {
      failures = count
    },
    /** Those that were opened are told so. */
    answer(): void {
      for (const tell of slow.splice(0)) tell()
    },
    async open(asked: ReadOptions): Promise<Reading> {
      await Promise.resolve()
      if (failures > 0) {
        failures--
        throw new Error('not now')
      }
      if (asked.filter === `${prefix}>`) together++
      const one: Open = { asked, next: asked.from, isPaused: false, isStopped: false }
      readings.push(one)
      // What it reads may come before the word that it is open.
      if (random.chance(slowness)) await new Promise<void>((resolve) => slow.push(resolve))
      return {
        pause: () => void (one.isPaused = true),
        resume: () => void (one.isPaused = false),
        async stop() {
          one.isStopped = true
        },
      }
    },
    /** Hands on the next ones that match; what was on the wire comes although it is paused. */
    bring(one: Open, count: number): void {
      for (let left = count; left > 0 && !one.isStopped; one.next++) {
        const entry = entries[one.next - 1]
        if (entry === undefined) return
        if (!isOf(one.asked.filter, entry.subject)) continue
        left--
        one.asked.onEntry(entry)
      }
    },
    living: (): Open[] => readings.filter(({ isStopped }) => !isStopped),
    of: (mailbox: number, from: number): number[] =>
      entries.filter(({ seq, subject }) => seq >= from && isOf(`${prefix}${mailbox}.>`, subject)).map(({ seq }) => seq),
  }
}

/** Until nothing of what was begun goes on: no promise here waits for more than a few turns. */
async function settle(): Promise<void> {
  for (let at = 0; at < 20; at++) await Promise.resolve()
}

type Seen = { readonly mailbox: number; readonly from: number; readonly seqs: number[]; reading: Reading | undefined }

function worldOf(random: Random, partitions: number) {
  const log = logOf(random, partitions)
  let now = 0
  const joint = openJointReading({
    prefix,
    partitions,
    open: log.open,
    now: () => now,
    pause: async () => await Promise.resolve(),
  })
  const all: Seen[] = []
  const living: Seen[] = []
  async function begin(mailbox: number, from: number): Promise<void> {
    const seen: Seen = { mailbox, from, seqs: [], reading: undefined }
    all.push(seen)
    living.push(seen)
    const onEntry = ({ seq }: LogEntry): void => void seen.seqs.push(seq)
    seen.reading = await joint.read({ filter: `${prefix}${mailbox}.>`, from, onEntry })
  }
  return {
    log,
    joint,
    all,
    living,
    begin,
    later: (ms: number) => void (now += ms),
    /** Its successor reads on from behind the last that it got, as the next owner does. */
    async replace(seen: Seen): Promise<void> {
      living.splice(living.indexOf(seen), 1)
      await seen.reading?.stop()
      // What fails at once is the caller's to try again.
      log.failNext(0)
      log.slowDown(0)
      await begin(seen.mailbox, (seen.seqs.at(-1) ?? seen.from - 1) + 1)
    },
    async bringAll(): Promise<void> {
      const before = (): number => all.reduce((sum, { seqs }) => sum + seqs.length, 0)
      for (let had = -1; had !== before();) {
        had = before()
        for (const one of log.living()) log.bring(one, Infinity)
        await settle()
      }
    },
  }
}

const seeds = Array.from({ length: rounds(5, 60) }, (_, seed) => seed)
/** Of these worlds; in some every attempt fails. */
let together = 0

test.each(seeds)('whatever happens meanwhile, everybody gets everything in order, each once (%i)', async (seed) => {
  const random = randomOf(seed)
  const partitions = random.pick([4, 8, 16])
  const world = worldOf(random, partitions)
  const { log, living } = world
  for (let mailbox = 0; mailbox < partitions; mailbox++) await world.begin(mailbox, 1)
  for (let step = 0; step < 200; step++) {
    log.appendSome(random.int(0, random.int(0, 9) === 0 ? 1500 : 60))
    for (const one of log.living()) {
      if (!one.isPaused || random.int(0, 3) === 0) log.bring(one, random.int(0, random.int(0, 4) === 0 ? 2000 : 40))
    }
    const one = random.pick(living)
    const what = random.int(0, 60)
    if (what < 10) one.reading?.pause()
    else if (what < 24) one.reading?.resume()
    else if (what < 27) await world.replace(one)
    else if (what < 30) log.failNext(random.int(1, 3))
    world.later(random.int(0, 400))
    log.slowDown(0.5)
    if (random.chance(0.7)) log.answer()
    await settle()
  }
  log.slowDown(0)
  log.failNext(0)
  for (const { reading } of living) reading?.resume()
  log.answer()
  await settle()
  await world.bringAll()
  for (const { mailbox, from, seqs } of living) expect(seqs).toEqual(log.of(mailbox, from))
  for (const { mailbox, from, seqs } of world.all) expect(seqs).toEqual(log.of(mailbox, from).slice(0, seqs.length))
  if (log.together() > 0) together++
  // One entry more for each, and whoever still reads alone meets the others, if they are read together.
  for (let mailbox = 0; mailbox < partitions; mailbox++) log.append(mailbox)
  await world.bringAll()
  const filters = log.living().map(({ asked }) => asked.filter)
  if (filters.includes(`${prefix}>`)) expect(filters).toEqual([`${prefix}>`])
  else expect(filters).toHaveLength(partitions)
  await world.joint.close()
  expect(log.living()).toEqual([])
})

test('most of these worlds came to read together', () => {
  expect(together).toBeGreaterThan(seeds.length / 2)
})

async function joined(partitions: number) {
  const world = worldOf(randomOf(1), partitions)
  for (let mailbox = 0; mailbox < partitions; mailbox++) await world.begin(mailbox, 1)
  world.later(10_000)
  for (let at = 0; at < 3; at++) {
    for (let mailbox = 0; mailbox < partitions; mailbox++) {
      for (let count = 0; count < 600; count++) world.log.append(mailbox)
    }
    await world.bringAll()
  }
  return world
}

test('a node that reads all mailboxes comes to read them with one consumer', async () => {
  const { log, joint } = await joined(8)
  expect(log.living().map(({ asked }) => asked.filter)).toEqual([`${prefix}>`])
  await joint.close()
})

test('nobody waits for a member that is paused, and it gets all that it missed', async () => {
  const { log, joint, living, bringAll } = await joined(8)
  const [slow, quick] = living as [Seen, Seen]
  slow.reading?.pause()
  const had = slow.seqs.length
  for (let count = 0; count < 5000; count++) {
    log.append(slow.mailbox)
    log.append(quick.mailbox)
  }
  await bringAll()
  expect(slow.seqs).toHaveLength(had)
  expect(quick.seqs).toEqual(log.of(quick.mailbox, 1))
  slow.reading?.resume()
  await settle()
  await bringAll()
  expect(slow.seqs).toEqual(log.of(slow.mailbox, 1))
  await joint.close()
})

test('one that meets the others before it is told that it is open keeps no reading of its own', async () => {
  const { log, joint, living, bringAll } = await joined(8)
  const [slow] = living as [Seen]
  slow.reading?.pause()
  for (let count = 0; count < 1500; count++) log.append(slow.mailbox)
  await bringAll()
  log.slowDown(1)
  slow.reading?.resume()
  await settle()
  log.append(slow.mailbox)
  await bringAll()
  log.answer()
  await settle()
  expect(log.living().map(({ asked }) => asked.filter)).toEqual([`${prefix}>`])
  expect(slow.seqs).toEqual(log.of(slow.mailbox, 1))
  await joint.close()
})

test('a node that gave most of its partitions away reads each of the rest alone', async () => {
  const { log, joint, living, bringAll } = await joined(8)
  for (const one of living.splice(3)) await one.reading?.stop()
  await settle()
  expect(
    log
      .living()
      .map(({ asked }) => asked.filter)
      .toSorted(),
  ).toEqual([0, 1, 2].map((mailbox) => `${prefix}${mailbox}.>`))
  log.appendSome(100)
  await bringAll()
  for (const { mailbox, seqs } of living) expect(seqs).toEqual(log.of(mailbox, 1))
  await joint.close()
})

test('an entry that its member cannot take ends that reading alone', async () => {
  const world = await joined(8)
  const { log, joint, living, bringAll } = world
  const thrown: unknown[] = []
  const before = process.listeners('uncaughtException')
  process.removeAllListeners('uncaughtException')
  process.once('uncaughtException', (error) => thrown.push(error))
  const [bad, good] = living as [Seen, Seen]
  bad.seqs.push = () => {
    throw new Error('no')
  }
  log.append(bad.mailbox)
  log.append(good.mailbox)
  await bringAll()
  await new Promise(setImmediate)
  for (const listener of before) process.on('uncaughtException', listener)
  expect(thrown).toEqual([new Error('no')])
  expect(good.seqs).toEqual(log.of(good.mailbox, 1))
  await joint.close()
})

test('whoever closes opens nothing more', async () => {
  const { log, joint } = await joined(8)
  const opened = log.readings.length
  await joint.close()
  await settle()
  expect([log.readings.length, log.living()]).toEqual([opened, []])
})

test('what is no mailbox is none of its business', () => {
  const { joint } = worldOf(randomOf(1), 8)
  const asked = { from: 1, onEntry: () => undefined }
  for (const filter of ['shop.>', 'shop.in.>', 'shop.in.*.3.>', 'shop.commit.1', 'shop.in.3.x.>'])
    expect(joint.read({ ...asked, filter })).toBeUndefined()
})
