/**
 * Many events through one node, and the same through raw JetStream, turn about on one server, so
 * that whatever else the machine does falls on both. The first turns warm both up and do not count.
 */
import { spentText, spentUntilNow } from './cpu.ts'
import { median } from './figures.ts'
import type { Ground } from './ground.ts'
import type { Program } from './program.ts'
import type { NodeCalls } from './programs/node.ts'
import { requireEqual } from './work.ts'

export type Sending = {
  readonly events: number
  readonly keys: number
  readonly first: number
  readonly window: number
}

/** Sends so many events, each acknowledged. */
export type Senders = (sending: Sending) => Promise<{ readonly begunAt: number }>

export type FlowOptions = Omit<Sending, 'first'> & {
  readonly rounds: number
  /** Programs of ours, or a plain NATS client that publishes JSON. */
  readonly senders: 'client' | 'bare'
  note(line: string): void
}

export type FlowResult = { readonly rate: number; readonly raw: number }

/** The realm in which no node runs: the same stream, the same senders, one bare consumer. */
const bareRealm = 'raw'

export async function measureFlow(ground: Ground, options: FlowOptions): Promise<FlowResult> {
  const { events, rounds, note } = options
  const node = await ground.openNode()
  const toNode = await sendersTo(ground, options.senders, ground.access.realm)
  const toNobody = await sendersTo(ground, options.senders, bareRealm)
  const receiver = await ground.openRaw()

  let sent = 0
  const rawRound = async (): Promise<number> => {
    await receiver.call('receive', { stream: bareRealm, filter: `${bareRealm}.in.>`, events })
    const [{ begunAt }, { at }] = await Promise.all([
      toNobody({ ...options, first: 0 }),
      receiver.call('received', null),
    ])
    return (events / (at - begunAt)) * 1000
  }
  const engineRound = async (): Promise<number> => {
    const { rate } = await sendThrough(node, toNode, { ...options, first: sent })
    sent += events
    return rate
  }
  await rawRound()
  await engineRound()
  const rates: number[] = []
  const raws: number[] = []
  for (let round = 0; round < rounds; round++) {
    raws.push(await rawRound())
    const spent = await spentUntilNow(ground, node)
    rates.push(await engineRound())
    const each = spentText(spent, await spentUntilNow(ground, node), events)
    note(
      `  round ${round + 1}: ${Math.round(rates.at(-1) as number)}/s, raw ${Math.round(raws.at(-1) as number)}/s; ${each}`,
    )
  }
  await node.call('drained', null)
  await verifyCounters(ground, { keys: options.keys, events: sent })
  return { rate: median(rates), raw: median(raws) }
}

async function sendersTo(ground: Ground, senders: FlowOptions['senders'], realm: string): Promise<Senders> {
  const client = await ground.openSender(realm)
  if (senders === 'client')
    return ({ events, keys, first, window }) => client.call('count', { events, keys, first, window })
  const bare = await ground.openRaw()
  return ({ events, keys, first, window }) => bare.call('send', { realm, events, keys, first, window })
}

/** From the first send to the commit of the last event. */
export async function sendThrough(
  node: Program<NodeCalls>,
  senders: Senders,
  sending: Sending,
): Promise<{ readonly rate: number }> {
  const before = await node.call('count', null)
  const [{ begunAt }, { at }] = await Promise.all([
    senders(sending),
    node.call('steps', before.committed + sending.events),
  ])
  return { rate: (sending.events / (at - begunAt)) * 1000 }
}

/** Every counter has exactly the events that were sent to it: as many, and those. */
export async function verifyCounters(
  ground: Ground,
  { keys, events }: { readonly keys: number; readonly events: number },
): Promise<void> {
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
