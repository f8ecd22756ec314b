/**
 * What it adds to W1 that every event's state is on disk, not only on the log: the processor time
 * of a node that folds into LMDB, against one that folds into memory, turn about.
 */
import { spentUntilNow } from '#bench/cpu.ts'
import { median } from '#bench/figures.ts'
import { sendThrough, verifyCounters } from '#bench/flow.ts'
import type { Ground } from '#bench/ground.ts'
import type { NodeSetup } from '#bench/programs/node.ts'
import type { Work } from '#bench/work.ts'

const keys = 1000

export const fold: Work = {
  name: 'fold',
  title: 'processor time that the state on disk adds to each event of W1',
  async run({ rounds, quick, openGround, note }) {
    await using onDisk = await openGround()
    await using inMemory = await openGround()
    const events = quick ? 5_000 : 50_000
    const disk = await openLane(onDisk, 'lmdb', events)
    const memory = await openLane(inMemory, 'memory', events)
    await disk.run()
    await memory.run()
    const added: number[] = []
    for (let round = 0; round < rounds; round++) {
      const without = await memory.run()
      const durable = await disk.run()
      added.push((durable / without - 1) * 100)
      note(`  round ${round + 1}: ${durable.toFixed(1)} us an event, ${without.toFixed(1)} us without the disk`)
    }
    await disk.verify()
    await memory.verify()
    return [{ value: median(added), unit: '%', better: 'less', target: 10 }]
  },
}

/** A node and its sender; `run` gives the microseconds of processor that an event took. */
async function openLane(
  ground: Ground,
  store: NonNullable<NodeSetup['store']>,
  events: number,
): Promise<{ run(): Promise<number>; verify(): Promise<void> }> {
  const node = await ground.openNode({ store })
  const sender = await ground.openSender()
  let sent = 0
  return {
    async run() {
      const before = await spentUntilNow(ground, node)
      await sendThrough(node, (sending) => sender.call('count', sending), { events, keys, window: 512, first: sent })
      await node.call('drained', null)
      sent += events
      return (((await spentUntilNow(ground, node)).nodeMs - before.nodeMs) / events) * 1000
    },
    verify: () => verifyCounters(ground, { keys, events: sent }),
  }
}
