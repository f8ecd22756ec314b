/** What was on its way when the cut was taken goes on after its restore: each exactly once. */
import { expect, test } from 'vitest'
import { decodeState } from '#protocol/state.ts'
import { cutShelfOf } from '#runtime/cuts/reading/cut-shelf.ts'
import { openCut } from '#runtime/cuts/reading/open-cut.ts'
import { restoreCut } from '#runtime/cuts/restoring/restore.ts'
import { openMemoryShelf } from '#store/memory-archive.ts'
import { openCutRealm } from '#test/support/cuts/cut-realm.ts'
import { firstMoney, type Wallet } from '#test/support/cuts/wallet.ts'
import { rounds } from '#test/support/rounds.ts'
import { parseStored } from '#protocol/subject.ts'
import { openPlacedView } from '#runtime/mending/placed-view.ts'
import { openPlainArchive } from '#test/support/sim/plain-archive.ts'
import { plainBaseOfRows } from '#test/support/sim/plain-base.ts'

const walletsOf = (states: readonly (readonly [string, Uint8Array | null, ...unknown[]])[]): readonly Wallet[] =>
  states.flatMap(([address, bytes]) =>
    bytes === null || address.includes('~') ? [] : [decodeState(bytes).snapshot.context as Wallet],
  )

const sumOf = (wallets: readonly Wallet[]): number => wallets.reduce((sum, { money }) => sum + money, 0)

const cases = [
  [7, 4],
  [4, 1],
  [3, 3],
  [4, 2],
] as const

test.for(cases.slice(0, rounds(2, 4)))(
  'into %i partitions, with dice %i, no money is lost, no word heard twice [N23]',
  async ([partitions, seed]) => {
    using realm = openCutRealm({ seed })
    const [a] = await realm.join('a', 'b')
    const paying = realm.pay(150)
    // Until there is one with something on its way between actors: otherwise nothing is shown by this.
    let id = ''
    let between = 0
    let told = 0
    for (let tries = 0; tries < 200 && (between < 1 || told < 1); tries++) {
      await realm.clock.advance(61)
      const taken = await realm.within(realm.take(a!))
      id = taken.id
      const channels = taken.manifest?.channels ?? []
      const countOf = (isWanted: (from: string) => boolean): number =>
        channels.reduce((sum, [from, , count]) => sum + (isWanted(from) ? count : 0), 0)
      between = countOf((from) => /^\d+$/.test(from))
      told = countOf((from) => from === 'ev')
    }
    await realm.within(paying)
    const before = await realm.develop(id)
    expect([between, told].every((count) => count > 0)).toBe(true)
    expect(sumOf(walletsOf(before.states))).toBeLessThan(before.states.length * firstMoney)

    const archive = openPlainArchive(openMemoryShelf())
    const view = await realm.within(openCut({ shelf: cutShelfOf({ bus: realm.bus, archive }), archive }, id))
    const world = { generations: realm.log.generations, clock: realm.clock, baseOf: plainBaseOfRows }
    const restored = await realm.within(restoreCut(world, view, { partitions }, () => undefined))
    expect(restored.envelopes).toBe(before.flights.length)
    await realm.clock.advance(5000)
    expect(realm.owners().flat()).toEqual([])

    // What was emitted stands where its subscribers remember it, also of those that had heard it.
    const placed = await realm.within(openPlacedView({ bus: realm.log.connect(), clock: realm.clock }, { retryMs: 10 }))
    for (const [position, subject] of before.flights.filter((one) => parseStored(one[1]).is === 'ev'))
      expect((await realm.within(placed.get(position)))?.subject).toBe(subject)

    const [c] = await realm.join('c', 'd')
    await realm.clock.advance(60_000)
    // Also those that followed first: each base says where on the log it goes on from.
    expect(new Set(realm.owners().flat())).toEqual(new Set(['c', 'd']))
    const after = await realm.within(realm.take(c!))
    const states = walletsOf((await realm.develop(after.id)).states)
    expect(sumOf(states)).toBe(states.length * firstMoney)
    expect(states.map(({ gaps }) => gaps)).toEqual(states.map(() => 0))
    expect(states.flatMap(({ saved, lent }) => [...saved, ...lent])).toEqual([])
  },
)
