/** How late timers ring on an idle node, and that armed ones cost it nothing while they wait. */
import { quantile } from '#bench/figures.ts'
import type { Ground } from '#bench/ground.ts'
import { pause, requireEqual, type Work } from '#bench/work.ts'

const watchMs = 10_000
const dayMs = 86_400_000

export const timers: Work = {
  name: 'timers',
  title: 'how late timers ring, and what 100,000 armed ones cost an idle node',
  async run({ quick, openGround, note }) {
    await using ground = await openGround()
    const late = await lateness(ground, quick ? 200 : 2_000)
    note(`  late: p50 ${quantile(late, 0.5)} ms, p99 ${quantile(late, 0.99)} ms, at most ${Math.max(...late)} ms`)
    const before = await idleUse(ground)
    const armed = quick ? 5_000 : 100_000
    await arm(ground, armed)
    const after = await idleUse(ground)
    note(
      `  in ${watchMs / 1000} s at rest: ${before.loops} turns of the loop and ${before.cpuMs.toFixed(0)} ms of processor, with ${armed} armed ${after.loops} and ${after.cpuMs.toFixed(0)} ms`,
    )
    return [
      { value: quantile(late, 0.99), unit: 'ms p99', better: 'less', target: 5 },
      // One turn more or less is the phase of the measurement.
      {
        part: 'extra',
        value: Math.max(0, after.loops - before.loops),
        unit: 'turns',
        better: 'less',
        target: 0.05 * before.loops,
      },
    ]
  },
}

/** Armed over a second, due over four, read back from the states: when each was armed and when it stepped. */
async function lateness(ground: Ground, count: number): Promise<number[]> {
  await using node = await ground.openNode()
  await using sender = await ground.openSender()
  await using realm = await ground.openRealm()
  const ms = Array.from({ length: count }, (_, at) => 1_000 + ((at * 1_597) % 4_001))
  await sender.call('arm', { prefix: 'soon', ms, window: 32 })
  await node.call('steps', 2 * count)
  await node.call('drained', null)
  const late: number[] = []
  for await (const { address, state } of realm.operate.list({ kind: 'alarm' })) {
    const own = (state.snapshot.context as { readonly ms: number }).ms
    if (state.snapshot.value !== 'rung') throw new Error(`${address} has not rung`)
    late.push(state.steppedAt - state.bornAt - own)
  }
  requireEqual('timers that rang', late.length, count)
  return late
}

async function arm(ground: Ground, count: number): Promise<void> {
  await using node = await ground.openNode()
  await using sender = await ground.openSender()
  await sender.call('arm', { prefix: 'later', ms: Array.from({ length: count }, (_, at) => dayMs + at), window: 512 })
  await node.call('steps', count)
  await node.call('drained', null)
}

/** Of a node that has just started, so that nothing but what is stored is in it. */
async function idleUse(ground: Ground): Promise<{ readonly loops: number; readonly cpuMs: number }> {
  await using node = await ground.openNode()
  await pause(3_000)
  const before = await node.call('usage', null)
  await pause(watchMs)
  const after = await node.call('usage', null)
  return { loops: after.loops - before.loops, cpuMs: after.cpuMs - before.cpuMs }
}
