/** Tokens around a ring of actors, and raw entries that are each published when one was delivered, turn about. */
import { encodeEnvelope } from '#protocol/envelope.ts'
import { spentText, spentUntilNow } from './cpu.ts'
import { median } from './figures.ts'
import type { Ground } from './ground.ts'
import { requireEqual } from './work.ts'

export type HopOptions = {
  readonly tokens: number
  readonly hops: number
  readonly rounds: number
  note(line: string): void
}

export type HopRound = {
  readonly p50: number
  readonly rate: number
  readonly rawP50: number
  readonly rawRate: number
}

const actors = 100

/** As long as what a partition writes for one hop, without the record inside. */
export const hopBytes = encodeEnvelope({
  to: 'ring/10',
  content: { is: 'event', event: { type: 'TOKEN', at: 10, of: actors, left: 1000 } },
  from: 'ring/9',
  at: 1_700_000_000_000,
  id: undefined,
  n: 1000,
  index: 0,
  generation: 0,
  cause: '100000',
  ask: undefined,
  deadline: undefined,
  traceparent: undefined,
}).length

export async function measureHops(ground: Ground, { tokens, hops, rounds, note }: HopOptions): Promise<HopRound[]> {
  const node = await ground.openNode({ times: tokens === 1 })
  const sender = await ground.openSender()
  const raw = await ground.openRaw()
  await raw.call('makeStream', null)

  const rawRound = async (): Promise<{ p50: number; rate: number }> => {
    const { took, rate } = await raw.call('hops', { count: tokens * hops, flight: tokens, bytes: hopBytes })
    return { p50: median(took), rate }
  }
  const engineRound = async (): Promise<{ p50: number; rate: number }> => {
    const before = await node.call('count', null)
    await node.call('times', null)
    // The last step of each token only says that it has arrived.
    const steps = tokens * (hops + 1)
    const spent = await spentUntilNow(ground, node)
    const [{ begunAt }, { at }] = await Promise.all([
      sender.call('tokens', { tokens, of: actors, hops }),
      node.call('steps', before.committed + steps),
    ])
    const times = await node.call('times', null)
    const { forms } = await node.call('count', null)
    const share = (form: 'record' | 'cheap' | 'batch'): number => forms[form] - before.forms[form]
    note(
      `  commits: ${share('cheap')} cheap, ${share('batch')} batches, ${share('record')} records; ${spentText(spent, await spentUntilNow(ground, node), steps)}`,
    )
    return { p50: median(gapsOf(times)), rate: (steps / (at - begunAt)) * 1000 }
  }

  await rawRound()
  await engineRound()
  const measured: HopRound[] = []
  for (let round = 0; round < rounds; round++) {
    const bare = await rawRound()
    const ours = await engineRound()
    measured.push({ p50: ours.p50, rate: ours.rate, rawP50: bare.p50, rawRate: bare.rate })
    const [p50, rate] = tokens === 1 ? [ours.p50, bare.p50] : [ours.rate, bare.rate]
    note(`  round ${round + 1}: ${p50.toFixed(3)}, raw ${rate.toFixed(3)}`)
  }
  await node.call('drained', null)
  await verifyRing(ground, { tokens: tokens * (rounds + 1), hops })
  return measured
}

function gapsOf(times: readonly number[]): number[] {
  return times.slice(1).map((time, at) => time - (times[at] as number))
}

/** Every hop was made once, and every token arrived. */
async function verifyRing(
  ground: Ground,
  { tokens, hops }: { readonly tokens: number; readonly hops: number },
): Promise<void> {
  await using realm = await ground.openRealm()
  let made = 0
  let ended = 0
  for await (const { state } of realm.operate.list({ kind: 'ring' })) {
    const context = state.snapshot.context as { readonly hops: number; readonly ended: number }
    made += context.hops
    ended += context.ended
  }
  requireEqual('hops', made, tokens * hops)
  requireEqual('tokens that arrived', ended, tokens)
}
