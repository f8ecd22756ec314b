/**
 * Says of a picture of wallets whether it can be of one instant, from the picture alone: neither the
 * log nor the machinery that took it is asked, so that a cut of a realm and one of the textbook
 * are judged by the same. The laws:
 *
 * - no money is made or lost: what lies, waits and is on its way is what there was at first;
 * - of each pair, what was sent is what was had and what is on its way, each once, in order;
 * - nobody knows more of another than that one has done;
 * - what was told was heard or is on its way to whoever follows;
 * - what waits for a timer or an effect has one.
 */
import { firstMoney, type News, type Pay, type Wallet } from './wallet.ts'

export type Pictured = {
  readonly wallet: Wallet
  /** By the ids of the parts that wait. */
  readonly timers: readonly string[]
  readonly effects: readonly string[]
}

export type Picture = {
  readonly wallets: ReadonlyMap<string, Pictured>
  readonly paying: readonly { readonly to: string; readonly event: Pay }[]
  readonly telling: readonly { readonly to: string; readonly event: News }[]
}

export function pictureFaults(picture: Picture): string[] {
  return [...moneyFaults(picture), ...channelFaults(picture), ...causeFaults(picture), ...waitFaults(picture)]
}

function moneyFaults({ wallets, paying }: Picture): string[] {
  const sumOf = (parts: readonly { readonly amount: number }[]): number =>
    parts.reduce((sum, { amount }) => sum + amount, 0)
  let have = sumOf(paying.map(({ event }) => event.part))
  for (const { wallet } of wallets.values()) have += wallet.money + sumOf(wallet.saved) + sumOf(wallet.lent)
  const want = wallets.size * firstMoney
  return have === want ? [] : [`${wallets.size} wallets and what is between them hold ${have} instead of ${want}`]
}

function channelFaults({ wallets, paying, telling }: Picture): string[] {
  const faults: string[] = []
  const expect = (what: string, found: readonly number[], from: number, to: number): void => {
    const want = Array.from({ length: Math.max(0, to - from) }, (_, at) => from + 1 + at)
    if (found.join() !== want.join())
      faults.push(`${what}: ${from} came, ${to} left, and on the way are [${found.join()}]`)
  }
  for (const [name, { wallet }] of wallets) {
    if (wallet.gaps > 0) faults.push(`${name} met ${wallet.gaps} gaps`)
    const names = new Set([...Object.keys(wallet.sent), ...paying.map(({ to }) => to)])
    for (const to of names) {
      const found = paying.filter((one) => one.to === to && one.event.from === name).map(({ event }) => event.n)
      expect(`from ${name} to ${to}`, found, wallets.get(to)?.wallet.got[name] ?? 0, wallet.sent[to] ?? 0)
    }
    for (const [from, n] of Object.entries(wallet.got))
      if (n > (wallets.get(from)?.wallet.sent[name] ?? 0))
        faults.push(`${name} had ${n} from ${from}, which had sent ${wallets.get(from)?.wallet.sent[name] ?? 0}`)
    for (const [of, n] of Object.entries(wallet.heard)) {
      const found = telling.filter((one) => one.to === name && one.event.of === of).map(({ event }) => event.n)
      expect(`news of ${of} for ${name}`, found, n, wallets.get(of)?.wallet.told ?? 0)
    }
  }
  return faults
}

function causeFaults({ wallets, paying, telling }: Picture): string[] {
  const faults: string[] = []
  const know = (who: string, clock: Wallet['clock']): void => {
    for (const [name, count] of Object.entries(clock)) {
      const done = wallets.get(name)?.wallet.clock[name] ?? 0
      if (count > done) faults.push(`${who} knows of ${count} steps of ${name}, which has made ${done}`)
    }
  }
  for (const [name, { wallet }] of wallets) know(name, wallet.clock)
  for (const { event } of paying) know(`an envelope of ${event.from}`, event.clock)
  for (const { event } of telling) know(`the news of ${event.of}`, event.clock)
  return faults
}

function waitFaults({ wallets }: Picture): string[] {
  const faults: string[] = []
  const same = (what: string, want: readonly { readonly id: string }[], have: readonly string[]): void => {
    const [ids, found] = [want.map(({ id }) => id).toSorted(), have.toSorted()]
    if (ids.join() !== found.join()) faults.push(`${what} [${found.join()}] instead of [${ids.join()}]`)
  }
  for (const [name, { wallet, timers, effects }] of wallets) {
    same(`${name} has the timers`, wallet.saved, timers)
    same(`${name} has the effects`, wallet.lent, effects)
  }
  return faults
}
