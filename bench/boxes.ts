/** Boxes of 1 KB, each an actor of its own: a realm is filled with them, cut, and served again, and none is missing. */
import { sendThrough } from './flow.ts'
import type { Access } from './access.ts'
import type { Ground } from './ground.ts'
import type { Program } from './program.ts'
import type { NodeCalls } from './programs/node.ts'
import type { SenderCalls, Timed } from './programs/sender.ts'
import { requireEqual } from './work.ts'

export const boxBytes = 1000
/** So many of the first are filled once more, to see that they are served. */
export const againCount = 100

type Programs = { readonly node: Program<NodeCalls>; readonly sender: Program<SenderCalls> }

/** `waitMs`: each waits for an instant so far off; 0: for none. */
export async function fillBoxes({ node, sender }: Programs, actors: number, waitMs = 0): Promise<void> {
  const filling = { events: actors, keys: actors, window: 512, first: 0 }
  await sendThrough(node, (sending) => sender.call('fill', { ...sending, bytes: boxBytes, waitMs }), filling)
  await node.call('drained', null)
}

export function fillAgain(sender: Program<SenderCalls>, actors: number): Promise<Timed> {
  const sending = { events: againCount, keys: actors, first: 0, window: againCount }
  return sender.call('fill', { ...sending, bytes: boxBytes, waitMs: 0 })
}

type Given = { readonly actors: number; readonly secret: Buffer }

/** The cut is called `all`, and sealed with this secret. */
export async function fillAndCut(ground: Ground, { actors, secret }: Given): Promise<void> {
  const node = await ground.openNode({ cuts: true, secret: secret.toString('hex') })
  await fillBoxes({ node, sender: await ground.openSender() }, actors)
  const cut = await node.call('cut', 'all')
  requireEqual('actors in the cut', cut.actors, actors)
}

/** By a process that stands and waits, in a realm that was made out of such a cut. */
export async function serveAgain(
  ground: Ground,
  node: Program<NodeCalls>,
  { access, actors, secret }: Given & { readonly access: Access },
): Promise<{ readonly firstAt: number; readonly readyAt: number }> {
  const opening = node.call('open', { access, cuts: true, secret: secret.toString('hex') })
  const sending = fillAgain(await ground.openSender(access.realm), actors)
  const { at } = await node.call('steps', 1)
  const { readyAt } = await opening
  await sending
  await node.call('drained', null)
  const { firstAt } = await node.call('count', null)
  return { firstAt: Math.min(at, firstAt), readyAt }
}

/** Each was filled once, and so many once more. */
export async function verifyBoxes(ground: Ground, actors: number, again: number): Promise<void> {
  await using realm = await ground.openRealm()
  let filled = 0
  let found = 0
  for await (const { state } of realm.operate.list({ kind: 'box' })) {
    const context = state.snapshot.context as { readonly filled: number; readonly text: string }
    requireEqual('bytes of a box', context.text.length, boxBytes)
    filled += context.filled
    found++
  }
  requireEqual('boxes', found, actors)
  requireEqual('events in all', filled, actors + again)
}
