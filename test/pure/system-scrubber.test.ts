/** Any instant between two cuts shows all actors of the realm as they were at that one instant. */
import { expect, test } from 'vitest'
import type { Address } from '#protocol/address.ts'
import { realmHandleOf } from '#runtime/client/realm-handle.ts'
import { openPlacedView } from '#runtime/mending/placed-view.ts'
import { openBaseReader } from '#store/base-blob.ts'
import { openMemoryShelf } from '#store/memory-archive.ts'
import { type CutRealm, openCutRealm } from '#test/support/cuts/cut-realm.ts'
import type { Wallet } from '#test/support/cuts/wallet.ts'
import { wallets } from '#test/support/cuts/wallets.ts'
import { realmOptions } from '#test/support/engine.ts'
import { openPlainArchive } from '#test/support/sim/plain-archive.ts'

const count = 50
const addresses = Array.from({ length: count }, (_, at): Address => `wallet/w${at}`)

async function pastOf({ log, clock, within }: CutRealm) {
  const bus = await within(openPlacedView({ bus: log.connect(), clock }, { retryMs: 10 }))
  const archive = openPlainArchive(openMemoryShelf())
  const generations = () => Promise.resolve(log.generations)
  return realmHandleOf({ bus, clock, archive, generations, readBase: openBaseReader }, realmOptions).past
}

/** Nobody knows more of another than that one has done, nor had more from it than it sent. */
function faultsOf(shown: ReadonlyMap<string, Wallet>): string[] {
  const faults: string[] = []
  for (const [name, { clock, got }] of shown) {
    for (const [other, steps] of Object.entries(clock)) {
      const made = shown.get(other)?.clock[other] ?? 0
      if (steps > made) faults.push(`${name} knows of ${steps} steps of ${other}, which made ${made}`)
    }
    for (const [other, n] of Object.entries(got)) {
      const sent = shown.get(other)?.sent[name] ?? 0
      if (n > sent) faults.push(`${name} had ${n} from ${other}, which sent ${sent}`)
    }
  }
  return faults
}

test('50 actors on 3 nodes are all of the same instant, wherever one looks [U1]', async () => {
  using realm = openCutRealm({ partitions: 6, count })
  const nodes = await realm.join('a', 'b', 'c')
  expect(new Set(realm.owners().flat()).size).toBe(3)
  const paying = realm.pay(150)
  await realm.clock.advance(2000)
  const first = await realm.within(realm.take(nodes[0]!))
  await realm.clock.advance(1500)
  const second = await realm.within(realm.take(nodes[1]!))
  await realm.within(paying)
  const [from, to] = [first, second].map(({ manifest }) =>
    Math.max(...(manifest?.slices ?? []).map((one) => one.commit)),
  )
  const past = await pastOf(realm)
  const [kind] = wallets(count).kinds
  const ways = new Set<string>()
  const seen = new Set<string>()
  for (const share of [0.3, 0.6]) {
    const seq = Math.round(from! + (to! - from!) * share)
    const shown = new Map<string, Wallet>()
    for (const address of addresses) {
      const { state, from: way } = await realm.within(past.at({ seq }, address))
      ways.add(way)
      if (state === undefined) continue
      const wallet = state.snapshot.context as Wallet
      shown.set(address.slice('wallet/'.length), wallet)
      // All that it was given until then, through its machine.
      const steps = await realm.within(Array.fromAsync(past.debug(address, { kind: kind!, until: { seq } })))
      expect(steps.at(-1)?.old?.context, `${address} at ${seq}`).toEqual(wallet)
    }
    expect(faultsOf(shown), `at ${seq}`).toEqual([])
    seen.add(JSON.stringify([...shown]))
  }
  expect(ways).toContain('cut')
  expect(seen.size).toBe(2)
})
