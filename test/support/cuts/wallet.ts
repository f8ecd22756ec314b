/**
 * What the cuts of a realm and of a textbook are compared by: wallets that hand money on, at once,
 * after a timer or after an effect, tell what they did, and hear each other. Each counts what it
 * sent to whom and had from whom, and keeps a vector clock, so that a picture of them says by
 * itself whether it is consistent. Pure: both worlds step the same function.
 */
export type How = 'at once' | 'after a timer' | 'after an effect'

export type Hop = { readonly to: string; readonly how: How }

/** Money that waits for a timer or an effect before it goes on. */
export type Part = { readonly id: string; readonly amount: number; readonly route: readonly Hop[] }

type Counts = Readonly<Record<string, number>>

export type Wallet = {
  readonly money: number
  readonly saved: readonly Part[]
  readonly lent: readonly Part[]
  readonly sent: Counts
  readonly got: Counts
  readonly told: number
  readonly heard: Counts
  readonly clock: Counts
  /** How often something came that was not the next of its sender. */
  readonly gaps: number
}

export type Pay = {
  readonly type: 'PAY'
  readonly from: string
  readonly n: number
  readonly clock: Counts
  readonly part: Part
}
export type News = { readonly type: 'NEWS'; readonly of: string; readonly n: number; readonly clock: Counts }
export type WalletEvent =
  | { readonly type: 'GO'; readonly part: Part; readonly follow?: string | undefined }
  | { readonly type: 'DUE'; readonly id: string }
  | { readonly type: 'BACK'; readonly id: string }
  | Pay
  | News

export type Doing =
  | { readonly is: 'pay'; readonly to: string; readonly event: Pay }
  | { readonly is: 'wait'; readonly id: string; readonly ms: number }
  | { readonly is: 'work'; readonly id: string }
  | { readonly is: 'tell'; readonly event: News }
  | { readonly is: 'follow'; readonly whom: string }

export const firstMoney = 100

export const emptyWallet: Wallet = {
  money: firstMoney,
  saved: [],
  lent: [],
  sent: {},
  got: {},
  told: 0,
  heard: {},
  clock: {},
  gaps: 0,
}

const waitsMost = 900

export type Moved = { readonly wallet: Wallet; readonly doings: readonly Doing[] }

export function moved(before: Wallet, self: string, event: WalletEvent): Moved {
  const now = { ...before, clock: { ...before.clock, [self]: (before.clock[self] ?? 0) + 1 } }
  switch (event.type) {
    case 'GO': {
      const following: Doing[] = event.follow === undefined ? [] : [{ is: 'follow', whom: event.follow }]
      const { amount } = event.part
      if (now.money < amount) return { wallet: now, doings: following }
      const { wallet, doings } = passed({ ...now, money: now.money - amount }, self, event.part)
      return { wallet, doings: [...following, ...doings] }
    }
    case 'PAY': {
      const { from, n, part } = event
      const isNext = n === (now.got[from] ?? 0) + 1
      const got = { ...heardOf(now, event.clock), got: { ...now.got, [from]: n }, gaps: now.gaps + (isNext ? 0 : 1) }
      return passed(got, self, part)
    }
    case 'NEWS': {
      const { of, n } = event
      const last = now.heard[of]
      const gaps = now.gaps + (last === undefined || n === last + 1 ? 0 : 1)
      return { wallet: { ...heardOf(now, event.clock), heard: { ...now.heard, [of]: n }, gaps }, doings: [] }
    }
    case 'DUE': {
      const part = now.saved.find(({ id }) => id === event.id)
      return part === undefined
        ? { wallet: now, doings: [] }
        : paid({ ...now, saved: now.saved.filter((one) => one !== part) }, self, part)
    }
    case 'BACK': {
      const part = now.lent.find(({ id }) => id === event.id)
      return part === undefined
        ? { wallet: now, doings: [] }
        : paid({ ...now, lent: now.lent.filter((one) => one !== part) }, self, part)
    }
  }
}

/** By what the next hop says: kept when there is none. */
function passed(wallet: Wallet, self: string, part: Part): Moved {
  const { id, amount, route } = part
  const [hop] = route
  if (hop === undefined) return told({ ...wallet, money: wallet.money + amount }, self, [])
  if (hop.how === 'at once') return paid(wallet, self, part)
  if (hop.how === 'after an effect')
    return told({ ...wallet, lent: [...wallet.lent, part] }, self, [{ is: 'work', id }])
  const ms = 1 + ((amount * 131 + route.length * 57) % waitsMost)
  return told({ ...wallet, saved: [...wallet.saved, part] }, self, [{ is: 'wait', id, ms }])
}

function paid(wallet: Wallet, self: string, { id, amount, route: [hop, ...route] }: Part): Moved {
  const { to } = hop as Hop
  const n = (wallet.sent[to] ?? 0) + 1
  const event: Pay = { type: 'PAY', from: self, n, clock: wallet.clock, part: { id, amount, route } }
  return told({ ...wallet, sent: { ...wallet.sent, [to]: n } }, self, [{ is: 'pay', to, event }])
}

/** Every other step is told to whoever follows. */
function told(wallet: Wallet, self: string, doings: readonly Doing[]): Moved {
  if ((wallet.clock[self] ?? 0) % 2 === 1) return { wallet, doings }
  const event: News = { type: 'NEWS', of: self, n: wallet.told + 1, clock: wallet.clock }
  return { wallet: { ...wallet, told: event.n }, doings: [...doings, { is: 'tell', event }] }
}

function heardOf(wallet: Wallet, clock: Counts): Wallet {
  const merged: Record<string, number> = { ...wallet.clock }
  for (const [name, count] of Object.entries(clock)) merged[name] = Math.max(merged[name] ?? 0, count)
  return { ...wallet, clock: merged }
}
