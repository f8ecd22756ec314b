/** A realm in which so many counters exist, each with one event, and no node runs. */
import { sendThrough } from './flow.ts'
import type { Ground } from './ground.ts'

export async function populate(ground: Ground, actors: number): Promise<void> {
  await using node = await ground.openNode()
  await using sender = await ground.openSender()
  await sendThrough(node, (sending) => sender.call('count', sending), {
    events: actors,
    keys: actors,
    window: 512,
    first: 0,
  })
  await node.call('drained', null)
}

/** Bytes of resident memory, once nothing has moved for a while. */
export const restMs = 3_000
