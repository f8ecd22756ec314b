/** A log under cuts that are kept: as far back as something still needs it, and no further. */
import { pause } from '#runtime/clock.ts'
import { expect, test } from 'vitest'
import { openCutRealm } from '#test/support/cuts/cut-realm.ts'

const partitions = 2
const trimming = { trimEveryMs: 500, trimAnswerMs: 100, historyMs: 0 }

test('a log stays as short as it was while cuts become more, and all are whole [U20]', async () => {
  using realm = openCutRealm({ partitions })
  const a = realm.launch('a', { options: trimming })
  await realm.clock.advance(3000)
  const lengths: number[] = []
  const written: number[] = []
  const seen: unknown[] = []
  const ids: string[] = []
  for (let round = 0; round < 8; round++) {
    await realm.within(realm.pay(30))
    const { id } = await realm.within(realm.take(a))
    ids.push(id)
    seen.push((await realm.develop(id)).states)
    await realm.clock.advance(30_000)
    lengths.push(realm.log.entries().length)
    written.push(realm.entries.length)
  }
  // Of each partition the last commit stays for ever.
  expect(Math.max(...lengths)).toBe(partitions)
  expect(written.at(-1)).toBeGreaterThan(5 * written[0]!)
  for (const [at, id] of ids.entries()) expect((await realm.develop(id)).states).toEqual(seen[at])
})

test('what a cut that is being made refers to stays, and goes once it is whole [U20]', async () => {
  using realm = openCutRealm({ partitions })
  let isHeld = true
  const a = realm.launch('a', {
    options: { ...trimming, cutDeadlineMs: 300_000 },
    mutation: {
      bus: (bus, clock) => ({
        ...bus,
        cuts: {
          ...bus.cuts,
          async put(name, bytes) {
            while (isHeld) await pause(clock, 100)
            await bus.cuts.put(name, bytes)
          },
        },
      }),
    },
  })
  await realm.clock.advance(3000)
  await realm.within(realm.pay(30))
  await realm.clock.advance(10_000)
  expect(realm.log.entries()).toHaveLength(partitions)
  const taking = realm.take(a)
  await realm.clock.advance(1000)
  const then = realm.log.entries()
  const isThere = (seq: number): boolean => realm.log.entries().some((one) => one.seq === seq)
  const left = (): number => then.filter(({ seq }) => isThere(seq)).length
  await realm.within(realm.pay(60))
  await realm.clock.advance(60_000)
  expect(left()).toBe(then.length)
  isHeld = false
  expect((await realm.within(taking)).error).toBeUndefined()
  await realm.clock.advance(10_000)
  expect([left(), realm.log.entries().length]).toEqual([0, partitions])
})
