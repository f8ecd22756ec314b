/**
 * A node dies that alone had followed the realm, and one on another machine, which has nothing of
 * it, takes over: from the death to the first event that is processed again. Its process begins
 * with the death, so that its own start is part of it; what finding out takes is not.
 */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { measureBoot } from '#bench/boot.ts'
import { median } from '#bench/figures.ts'
import { sendThrough } from '#bench/flow.ts'
import type { Ground } from '#bench/ground.ts'
import { instantMs } from '#bench/instant.ts'
import { requireEqual, type Work } from '#bench/work.ts'

const bytes = 1000

export const takeover: Work = {
  name: 'takeover',
  title: 'a node dies, and one that never followed it takes over 100,000 actors of 1 KB, to the first event',
  async run({ rounds, quick, openGround, note }) {
    const took: number[] = []
    let boot = 0
    for (let round = 0; round < rounds; round++) {
      await using ground = await openGround()
      took.push(await dieAndTakeOver(ground, quick ? 10_000 : 100_000))
      if (round === 0) boot = await measureBoot(ground.access.dir, rounds)
      note(`  round ${round + 1}: ${took.at(-1)?.toFixed(0)} ms; every actor has what it was sent`)
    }
    return [{ value: median(took), unit: 'ms', better: 'less', target: 5000, raw: { name: 'boot', value: boot } }]
  },
}

async function dieAndTakeOver(ground: Ground, actors: number): Promise<number> {
  const first = await ground.openNode({ flags: { name: 'first' } })
  const sender = await ground.openSender()
  const filling = { events: actors, keys: actors, window: 512, first: 0 }
  await sendThrough(first, (sending) => sender.call('fill', { ...sending, bytes, waitMs: 0 }), filling)
  await first.call('drained', null)
  const dir = join(ground.access.dir, 'second')
  await mkdir(dir)

  const diedAt = instantMs()
  await first.kill()
  const sending = sender.call('fill', { events: 100, keys: actors, first: 0, window: 100, bytes, waitMs: 0 })
  const second = ground.bareNode()
  await second.call('open', { access: { ...ground.access, dir }, flags: { name: 'second' } })
  const { at } = await second.call('steps', 1)
  await sending
  await second.call('drained', null)
  await verifyBoxes(ground, actors, 100)
  const { firstAt } = await second.call('count', null)
  return Math.min(at, firstAt) - diedAt
}

/** Each was filled once, the first ones again. */
export async function verifyBoxes(ground: Ground, actors: number, again: number): Promise<void> {
  await using realm = await ground.openRealm()
  let filled = 0
  let found = 0
  for await (const { state } of realm.operate.list({ kind: 'box' })) {
    const context = state.snapshot.context as { readonly filled: number; readonly text: string }
    requireEqual('bytes of a box', context.text.length, bytes)
    filled += context.filled
    found++
  }
  requireEqual('boxes', found, actors)
  requireEqual('events in all', filled, actors + again)
}
