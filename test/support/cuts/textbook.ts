/**
 * Chandy and Lamport as the textbook has them, over wallets: processes and a channel for each
 * ordered pair, first in, first out; whoever records its state sends a marker on each of its
 * channels; what comes on a channel between recording and that channel's marker is its state.
 * A dice picks what happens next. It shares nothing with the engine.
 */
import type { Random } from '#test/support/workloads/random.ts'
import type { Picture, Pictured } from './picture.ts'
import {
  emptyWallet,
  type How,
  moved,
  type News,
  type Part,
  type Pay,
  type Wallet,
  type WalletEvent,
} from './wallet.ts'

/** A rule that is left out: the checker must see it. */
export type TextbookPlant = 'records one step late' | 'forgets what is in a channel' | 'goes on recording a channel'

type Message = Pay | News | { readonly type: 'MARKER'; readonly cut: number }

type Recording = {
  readonly wallets: Map<string, Pictured>
  readonly paying: { to: string; event: Pay }[]
  readonly telling: { to: string; event: News }[]
  /** Channels whose marker has not come, by receiver. */
  readonly open: Map<string, Set<string>>
}

export type TextbookOptions = {
  readonly random: Random
  readonly names: readonly string[]
  readonly requests: number
  readonly cuts: number
  readonly plant?: TextbookPlant | undefined
}

export function textbookPictures({ random, names, requests, cuts, plant }: TextbookOptions): Picture[] {
  const wallets = new Map<string, Wallet>(names.map((name) => [name, emptyWallet]))
  const waiting: { readonly name: string; readonly event: WalletEvent }[] = []
  const channels = new Map<string, Message[]>()
  const recordings: Recording[] = []
  const late: (() => void)[] = []
  const channelOf = (from: string, to: string): Message[] => {
    const key = `${from} ${to}`
    const known = channels.get(key) ?? []
    channels.set(key, known)
    return known
  }

  function step(name: string, event: WalletEvent): void {
    const { wallet, doings } = moved(wallets.get(name) as Wallet, name, event)
    wallets.set(name, wallet)
    for (const doing of doings) {
      if (doing.is === 'pay') channelOf(name, doing.to).push(doing.event)
      else if (doing.is === 'tell')
        for (const other of names) if (other !== name) channelOf(name, other).push(doing.event)
      if (doing.is === 'wait') waiting.push({ name, event: { type: 'DUE', id: doing.id } })
      if (doing.is === 'work') waiting.push({ name, event: { type: 'BACK', id: doing.id } })
    }
    for (const record of late.splice(0)) record()
  }

  function record(name: string, cut: number): void {
    const recording = recordings[cut] as Recording
    if (recording.open.has(name)) return
    recording.open.set(name, new Set(names.filter((other) => other !== name)))
    const note = (): void =>
      void recording.wallets.set(name, {
        wallet: wallets.get(name) as Wallet,
        timers: waitsOf(name, 'DUE'),
        effects: waitsOf(name, 'BACK'),
      })
    note()
    // A process is its own neighbour at once: what it sent itself is on its way.
    for (const message of channelOf(name, name)) {
      if (message.type === 'PAY') recording.paying.push({ to: name, event: message })
    }
    // What is noted a step later than the markers left.
    if (plant === 'records one step late') late.push(note)
    for (const other of names) if (other !== name) channelOf(name, other).push({ type: 'MARKER', cut })
  }

  function waitsOf(name: string, type: 'DUE' | 'BACK'): string[] {
    return waiting.flatMap(({ name: one, event }) => (one === name && event.type === type ? [event.id] : []))
  }

  function deliver(from: string, to: string): void {
    const message = channelOf(from, to).shift() as Message
    if (message.type === 'MARKER') {
      record(to, message.cut)
      if (plant !== 'goes on recording a channel') recordings[message.cut]?.open.get(to)?.delete(from)
      return
    }
    for (const recording of recordings) {
      if (recording.open.get(to)?.has(from) !== true || plant === 'forgets what is in a channel') continue
      if (message.type === 'PAY') recording.paying.push({ to, event: message })
      else recording.telling.push({ to, event: message })
    }
    step(to, message)
  }

  /** One thing that can happen now; false when nothing can. */
  function next(mayBegin: boolean): boolean {
    const full = [...channels].filter(([, messages]) => messages.length > 0)
    const count = full.length + waiting.length
    if (count === 0 || (mayBegin && random.chance(0.2))) {
      if (mayBegin) step(random.pick(names), { type: 'GO', part: partOf(random, names, `p${begun++}`) })
      return mayBegin
    }
    const at = random.int(0, count - 1)
    const [channel] = full[at] ?? []
    if (channel !== undefined) {
      const [from = '', to = ''] = channel.split(' ')
      deliver(from, to)
    } else {
      const [{ name, event }] = waiting.splice(at - full.length, 1) as [(typeof waiting)[0]]
      step(name, event)
    }
    return true
  }

  let begun = 0
  while (begun < requests || recordings.length < cuts) {
    if (recordings.length < cuts && random.chance(0.02)) {
      recordings.push({ wallets: new Map(), paying: [], telling: [], open: new Map() })
      record(random.pick(names), recordings.length - 1)
    }
    next(begun < requests)
  }
  while (next(false));
  return recordings
}

const ways: readonly How[] = ['at once', 'at once', 'after a timer', 'after an effect']

/** Money that goes through a few hands. */
export function partOf(random: Random, names: readonly string[], id: string): Part {
  const route = Array.from({ length: random.int(1, 6) }, () => ({ to: random.pick(names), how: random.pick(ways) }))
  return { id, amount: random.int(1, 40), route }
}
