/** Cuts while things go wrong: whole or abandoned with the reason, and the next one is not disturbed. */
import { pause } from '#runtime/clock.ts'
import { expect, test } from 'vitest'
import { decodeCutNote } from '#protocol/cut.ts'
import { isFault } from '#protocol/fault.ts'
import { parseStored } from '#protocol/subject.ts'
import { openCutRealm } from '#test/support/cuts/cut-realm.ts'
import { slowMailboxes } from '#test/support/cuts/plants.ts'
import { rounds } from '#test/support/rounds.ts'
import { randomOf } from '#test/support/workloads/random.ts'

test('nothing in flight is trimmed before it is copied, though its taker sleeps [U5]', async () => {
  using realm = openCutRealm({ partitions: 2, count: 8 })
  const trimming = { trimEveryMs: 100, trimAnswerMs: 100, historyMs: 0 }
  const looker = realm.launch('looker', {
    options: { ...trimming, capacity: 0 },
    mutation: {
      bus: (bus, clock) => ({
        ...bus,
        serve: (subject, answer) =>
          bus.serve(subject, subject.includes('.trim.') ? () => new Promise<never>(() => undefined) : answer),
        async lastMatching(filter) {
          if (filter === 'shop.in.>') await pause(clock, 4000)
          return await bus.lastMatching(filter)
        },
      }),
    },
  })
  // Its mailboxes are behind, and it is told of the cut: much is in flight.
  realm.launch('b', {
    options: trimming,
    mutation: { bus: (bus, clock) => slowMailboxes(randomOf(1)).bus?.({ ...bus, hear: bus.hear }, clock) ?? bus },
  })
  await realm.clock.advance(3000)
  const paying = realm.pay(300)
  for (let round = 0; round < 4; round++) {
    await realm.clock.advance(700)
    expect((await realm.within(realm.take(looker))).error).toBeUndefined()
  }
  await realm.within(paying)
  expect(realm.traced('trimmed').length).toBeGreaterThan(0)
  expect(await realm.faults()).toEqual([])
})

test('a cut of partitions that nobody owns is abandoned at its deadline, names them, and harms nothing', async () => {
  using realm = openCutRealm()
  const looker = realm.launch('looker', { options: { capacity: 0 } })
  const owner = realm.launch('b')
  await realm.clock.advance(3000)
  expect(realm.owners()).toEqual([['b'], ['b'], ['b'], ['b']])
  owner.crash()
  const begunAt = realm.clock.now()
  const { id, error } = await realm.within(realm.take(looker))
  expect(isFault(error, 'cut.abandoned') && error.message).toMatch(/partitions 0, 1, 2, 3/)
  expect(realm.clock.now() - begunAt).toBeGreaterThanOrEqual(10_000)
  expect(realm.clock.now() - begunAt).toBeLessThan(11_000)
  const note = (await realm.notes()).find((one) => one.id === id)
  expect(note).toMatchObject({ state: 'abandoned', reason: expect.stringMatching(/nobody owns them/) as string })
  realm.launch('b')
  await realm.clock.advance(3000)
  await realm.within(realm.pay(10))
  expect((await realm.within(realm.take(looker))).manifest).toBeDefined()
  expect(await realm.faults()).toEqual([])
})

test('a node without an archive makes cuts impossible while it owns something, and says so by the deadline', async () => {
  using realm = openCutRealm()
  const [a] = await realm.join('a')
  const blind = realm.launch('blind', { hasArchive: false })
  await realm.clock.advance(3000)
  const theirs = realm.owners().flatMap(([name], number) => (name === 'blind' ? [number] : []))
  expect(theirs.length).toBeGreaterThan(0)
  const { error } = await realm.within(realm.take(a!))
  expect(isFault(error, 'cut.abandoned') && error.message).toContain(`partitions ${theirs.join(', ')} are missing`)
  blind.crash()
  await realm.clock.advance(5000)
  expect((await realm.within(realm.take(a!))).manifest).toBeDefined()
  expect(await realm.faults()).toEqual([])
})

test.each([
  ['what it is written to never answers', 'hangs', /took longer than 10000 ms/],
  ['the store runs out of room', 'full', /the store has reached \d+ of 100 bytes/],
] as const)('a view is not held when %s: the cut is given up, and all views are closed', async (_, trouble, reason) => {
  using realm = openCutRealm()
  const a = realm.launch('a')
  let isTroubled = true
  let open = 0
  let pinned = 0
  realm.launch('b', {
    mutation: {
      bus: (bus) => ({
        ...bus,
        cuts: {
          ...bus.cuts,
          put: (name, bytes) =>
            isTroubled && trouble === 'hangs' ? new Promise<never>(() => undefined) : bus.cuts.put(name, bytes),
        },
      }),
      store: (store) => ({
        ...store,
        size: () =>
          isTroubled && trouble === 'full' ? { bytes: 90, held: 0, limit: 100, file: (pinned += 6) } : store.size(),
        slice(partition) {
          const slice = store.slice(partition)
          open++
          return { ...slice, close: () => void open-- }
        },
      }),
    },
  })
  await realm.clock.advance(3000)
  await realm.within(realm.pay(30))
  const { id, error } = await realm.within(realm.take(a))
  expect(isFault(error, 'cut.abandoned')).toBe(true)
  await realm.clock.advance(1000)
  expect(open).toBe(0)
  const failed = realm.traced('cut.failed').filter(({ cut }) => cut === id)
  expect(failed.length).toBeGreaterThan(0)
  for (const { fault } of failed) expect(fault.message).toMatch(reason)
  isTroubled = false
  await realm.clock.advance(3000)
  expect((await realm.within(realm.take(a))).manifest).toBeDefined()
  expect(open).toBe(0)
  expect(await realm.faults()).toEqual([])
})

test('markers of which nobody knows whether they were stored end the cut, and nothing comes of them', async () => {
  using realm = openCutRealm()
  const [a] = await realm.join('a')
  const paying = realm.pay(40)
  await realm.clock.advance(500)
  a?.connection.disturb((op) =>
    op.is === 'append' && op.entries.some(({ subject }) => parseStored(subject).is === 'cut') ? 'lose-ack' : 'ok',
  )
  const { id, error } = await realm.within(realm.take(a!))
  expect(isFault(error) && error.verdict).toBe('retry')
  a?.connection.disturb(undefined)
  await realm.within(paying)
  // They are consumed like any others, and recorded for nobody.
  expect(realm.entries.some(({ subject }) => subject.endsWith(`.m.cut.${id}`))).toBe(true)
  expect((await realm.notes()).find((one) => one.id === id)?.state).toBe('abandoned')
  expect((await realm.within(realm.take(a!))).manifest).toBeDefined()
  expect(await realm.faults()).toEqual([])
})

test.each([20, 1, 0, 2, 5, 60].slice(0, rounds(2, 6)))(
  'partitions that move %i ms after it began leave a cut whole or abandoned',
  async (ms) => {
    using realm = openCutRealm({ partitions: 8 })
    const [a] = await realm.join('a')
    const paying = realm.pay(120)
    await realm.clock.advance(1000)
    realm.launch('b')
    await realm.clock.advanceUntil(() => realm.traced('partition.released').length > 0, 10_000)
    await realm.clock.advance(ms)
    const { manifest, error } = await realm.within(realm.take(a!))
    expect(manifest !== undefined || isFault(error, 'cut.abandoned')).toBe(true)
    await realm.within(paying)
    expect((await realm.within(realm.take(a!))).manifest).toBeDefined()
    expect(await realm.faults()).toEqual([])
  },
)

test.each([4, 1, 12, 2, 3, 6, 8, 30].slice(0, rounds(3, 8)))(
  'an owner that is lost %i ms after a cut began disturbs the next one not',
  async (ms) => {
    using realm = openCutRealm({ partitions: 8 })
    const [a, b] = await realm.join('a', 'b')
    const paying = realm.pay(120)
    await realm.clock.advance(1000)
    const taking = realm.take(a!)
    await realm.clock.advance(ms)
    b?.crash('lost')
    const { manifest, error } = await realm.within(taking)
    expect(manifest !== undefined || isFault(error, 'cut.abandoned')).toBe(true)
    await realm.within(paying)
    expect((await realm.within(realm.take(a!))).manifest).toBeDefined()
    expect(await realm.faults()).toEqual([])
  },
)

const losses = [
  [5, 30],
  [12, 120],
  [1, 10],
  [3, 10],
  [8, 60],
] as const

test.each(losses.slice(0, rounds(2, 5)))(
  'a log that loses its end %i ms after a cut began, %i entries, and is mended: whole and right, or abandoned',
  async (ms, missing) => {
    using realm = openCutRealm({ partitions: 4, seed: missing })
    const [a, b] = await realm.join('a', 'b')
    const paying = realm.pay(80)
    await realm.clock.advance(3000)
    const takings = [realm.take(a!), realm.take(b!)]
    await realm.clock.advance(ms)
    realm.log.truncate((realm.log.entries().at(-1)?.seq ?? 0) - missing)
    const ended = await realm.within(Promise.all(takings))
    for (const { manifest, error } of ended) expect(manifest !== undefined || isFault(error)).toBe(true)
    await realm.clock.advanceUntil(() => realm.owners().every((names) => names.length === 1), 60_000)
    await realm.within(paying)
    await realm.clock.advance(5000)
    expect((await realm.within(realm.take(a!))).error).toBeUndefined()
    expect(await realm.faults({ isLogWhole: false })).toEqual([])
  },
)

test('a cut of a log that was mended before what was in flight was read is abandoned', async () => {
  using realm = openCutRealm()
  let isMended = false
  const a = realm.launch('a', {
    mutation: {
      bus: (bus) => ({
        ...bus,
        async logState() {
          const state = await bus.logState()
          return isMended ? { ...state, lastSeq: state.lastSeq + 2 ** 40 } : state
        },
        notes: {
          ...bus.notes,
          // What is written when all have recorded.
          async put(key, value, revision) {
            isMended ||= key.startsWith('cut.') && decodeCutNote(value).state === 'recorded'
            return await bus.notes.put(key, value, revision)
          },
        },
      }),
    },
  })
  await realm.clock.advance(3000)
  const { error } = await realm.within(realm.take(a))
  expect(isFault(error, 'cut.abandoned') && error.message).toMatch(/the log lost its end meanwhile/)
})
