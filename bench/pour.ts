/**
 * Events of W1 without an end, until it is enough: the node always has some waiting, and never more
 * than it takes in a moment, so that what is measured beside them is not a queue that grows.
 */
import type { Program } from './program.ts'
import type { NodeCalls } from './programs/node.ts'
import type { SenderCalls } from './programs/sender.ts'

export type Pouring = {
  /** Resolves with how many events there were, all of them committed. */
  stop(): Promise<number>
}

const portion = 2000

export async function pour(
  { node, sender }: { readonly node: Program<NodeCalls>; readonly sender: Program<SenderCalls> },
  keys: number,
): Promise<Pouring> {
  const { committed: before } = await node.call('count', null)
  let isOver = false
  let sent = 0

  async function run(): Promise<void> {
    while (!isOver) {
      const sending = sender.call('count', { events: portion, keys, first: sent, window: 512 })
      // What was sent before it is through when this is sent.
      await Promise.all([sending, node.call('steps', before + sent)])
      sent += portion
    }
    await node.call('steps', before + sent)
  }

  const running = run()
  running.catch(() => undefined)
  return {
    async stop() {
      isOver = true
      await running
      return sent
    },
  }
}
