/**
 * Many events through one node, and the same through raw JetStream, turn about on one server, so
 * that whatever else the machine does falls on both. The first turns warm both up and do not count.
 */
import { encodeOutside } from '#protocol/envelope.ts'
import { spentText, spentUntilNow } from './cpu.ts'
import { median } from './figures.ts'
import type { Ground } from './ground.ts'
import type { Program } from './program.ts'
import type { NodeCalls } from './programs/node.ts'
import type { RawCalls } from './programs/raw.ts'
import type { SenderCalls } from './programs/sender.ts'
import { requireEqual } from './work.ts'

export type FlowOptions = {
  readonly events: number
  readonly keys: number
  /** Sends that wait for their acknowledgement at once. */
  readonly window: number
  readonly warmUp: number
  readonly rounds: number
  /** Senders wait for an fsync, so they send a window at a time, as one batch. */
  readonly batches: boolean
  note(line: string): void
}

export type FlowResult = { readonly rate: number; readonly raw: number }

/** As long as what a client writes for such an event. */
export const eventBytes = encodeOutside({ type: 'ADD', by: 123_456 }, { session: 'x'.repeat(22), n: 123_456 }).length

export async function measureFlow(ground: Ground, options: FlowOptions): Promise<FlowResult> {
  const node = await ground.openNode()
  const sender = await ground.openSender()
  const [rawSender, rawReceiver] = await Promise.all([ground.openRaw(), ground.openRaw()])
  await rawSender.call('makeStream', null)

  let sent = 0
  const engineRound = async (events: number): Promise<number> => {
    const { rate } = await sendThrough(node, sender, { ...options, events, first: sent })
    sent += events
    return rate
  }
  await rawRound(rawSender, rawReceiver, { ...options, events: options.warmUp })
  await engineRound(options.warmUp)
  const rates: number[] = []
  const raws: number[] = []
  for (let round = 0; round < options.rounds; round++) {
    raws.push(await rawRound(rawSender, rawReceiver, options))
    const spent = await spentUntilNow(ground, node)
    rates.push(await engineRound(options.events))
    const each = spentText(spent, await spentUntilNow(ground, node), options.events)
    options.note(`  round ${round + 1}: ${Math.round(rates.at(-1) as number)}/s, raw ${Math.round(raws.at(-1) as number)}/s; ${each}`)
  }
  await node.call('drained', null)
  await verifyCounters(ground, { keys: options.keys, events: sent })
  return { rate: median(rates), raw: median(raws) }
}

export type Sent = Pick<FlowOptions, 'events' | 'keys' | 'window'> & { readonly first: number }

/** From the first send to the commit of the last event. */
export async function sendThrough(
  node: Program<NodeCalls>,
  sender: Program<SenderCalls>,
  { events, keys, window, first }: Sent,
): Promise<{ readonly rate: number }> {
  const before = await node.call('count', null)
  const [{ begunAt }, { at }] = await Promise.all([
    sender.call('count', { events, keys, first, window }),
    node.call('steps', before.committed + events),
  ])
  return { rate: (events / (at - begunAt)) * 1000 }
}

async function rawRound(
  sender: Program<RawCalls>,
  receiver: Program<RawCalls>,
  { events, keys, window, batches }: FlowOptions,
): Promise<number> {
  await receiver.call('receive', events)
  const flow = { events, keys, window, bytes: eventBytes }
  const [{ begunAt }, { at }] = await Promise.all([
    batches ? sender.call('sendBatches', flow) : sender.call('send', flow),
    receiver.call('received', null),
  ])
  return (events / (at - begunAt)) * 1000
}

/** Every counter has exactly the events that were sent to it: as many, and those. */
export async function verifyCounters(ground: Ground, { keys, events }: { readonly keys: number; readonly events: number }): Promise<void> {
  await using realm = await ground.openRealm()
  let count = 0
  for await (const { address, state } of realm.operate.list({ kind: 'counter' })) {
    const key = Number(address.slice('counter/'.length))
    const own = Math.floor((events - 1 - key) / keys) + 1
    const context = state.snapshot.context as { readonly count: number; readonly sum: number }
    requireEqual(`events of ${address}`, context.count, own)
    requireEqual(`the sum of ${address}`, context.sum, key * own + (keys * own * (own - 1)) / 2)
    count += context.count
  }
  requireEqual('events in all', count, events)
}

