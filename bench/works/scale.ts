/** Scale: the events of W1 with one node, with three, and with one again, on one server and the same cores. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { median } from '#bench/figures.ts'
import { verifyCounters } from '#bench/flow.ts'
import type { Ground } from '#bench/ground.ts'
import { instantMs } from '#bench/instant.ts'
import type { Program } from '#bench/program.ts'
import type { NodeCalls } from '#bench/programs/node.ts'
import { pause, type Work } from '#bench/work.ts'

const keys = 1000
const lookMs = 5
const patienceMs = 30_000
/** Until the code of a new process is as fast as it gets. */
const warmFlows = 3

type Nodes = Map<string, Program<NodeCalls>>

export const scale: Work = {
  name: 'scale',
  title: 'events with one node, with three that share its cores, and with one again',
  async run({ rounds, quick, openGround, note }) {
    const events = quick ? 5_000 : 50_000
    const ratios: number[] = []
    const gone: number[] = []
    await using ground = await openGround()
    const sender = await ground.openSender()
    const nodes: Nodes = new Map()
    let sent = 0
    let ended = 0

    /** From the first send to the commit of the last event. */
    async function flow(): Promise<number> {
      const before = (await committed(nodes)) + ended
      const sending = sender.call('count', { events, keys, first: sent, window: 512 })
      sent += events
      const { begunAt } = await sending
      await until(async () => (await committed(nodes)) + ended >= before + events)
      return (events * 1000) / (instantMs() - begunAt)
    }

    await joinAs(ground, nodes, 'one')
    // Both the sender and the node are warm before anything counts.
    await flow()
    for (let round = 0; round < rounds; round++) {
      const one = await flow()
      for (const name of ['two', 'three']) await joinAs(ground, nodes, name)
      await shared(nodes)
      // A new process is slow at what it does for the first time, however many there are.
      const first = await flow()
      for (let flows = 1; flows < warmFlows; flows++) await flow()
      const three = await flow()
      for (const name of ['two', 'three']) {
        const node = nodes.get(name) as Program<NodeCalls>
        const begunAt = instantMs()
        ended += (await node.call('leave', null)).committed
        nodes.delete(name)
        await node.stop()
        gone.push(instantMs() - begunAt)
      }
      await shared(nodes)
      const again = await flow()
      ratios.push((2 * three) / (one + again))
      const [before, joined, shares, after] = [one, first, three, again].map(Math.round)
      note(
        `  round ${round + 1}: one ${before}/s, three ${shares}/s (the first ${events} events ${joined}/s), one again ${after}/s; a node left in ${gone.at(-1)?.toFixed(0)} ms`,
      )
    }
    await verifyCounters(ground, { keys, events: sent })
    return [{ value: median(ratios), unit: 'of one', better: 'more', target: 0.8 }]
  },
}

async function joinAs(ground: Ground, nodes: Nodes, name: string): Promise<void> {
  const dir = join(ground.access.dir, name)
  await mkdir(dir, { recursive: true })
  const node = ground.bareNode()
  await node.call('open', { access: { ...ground.access, dir }, flags: { name, capacity: '1' } })
  nodes.set(name, node)
}

async function committed(nodes: Nodes): Promise<number> {
  const counts = await Promise.all([...nodes.values()].map((node) => node.call('count', null)))
  return counts.reduce((sum, count) => sum + count.committed, 0)
}

/** Each has what is meant for it, and nothing is on its way. */
async function shared(nodes: Nodes): Promise<void> {
  await until(async () => {
    const owned = await Promise.all([...nodes.values()].map((node) => node.call('owned', null)))
    const counts = owned.map(({ partitions }) => partitions)
    const of = owned[0]?.of ?? 0
    return counts.reduce((sum, one) => sum + one, 0) === of && Math.max(...counts) <= Math.ceil(of / nodes.size)
  })
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  const deadline = instantMs() + patienceMs
  while (!(await isSo())) {
    if (instantMs() > deadline) throw new Error(`it did not come to pass within ${patienceMs} ms`)
    await pause(lookMs)
  }
}
