/** A realm in which time stands still until a test moves it: log, node, client, and what was traced. */
import type { ActorKind } from '#protocol/actor.ts'
import type { Address } from '#protocol/address.ts'
import type { AnyEvent } from '#protocol/envelope.ts'
import type { ActorState } from '#protocol/state.ts'
import { emittedOf } from '#runtime/core/emitted.ts'
import { openMemoryLog } from '#runtime/memory/memory-bus.ts'
import type { Node, NodeOptions } from '#runtime/node.ts'
import { onTrace, type Trace } from '#runtime/trace.ts'
import { openTestNode, openTestRealm, openTestStore } from './engine.ts'
import { openManualClock, turn } from './manual-clock.ts'

/** For worlds in which hours pass: looking around every second would be most of what happens there. */
export const overHours = { options: { aliveMs: 1_800_000, claimLookMs: 1_800_000 } }

export type StillWorld = Awaited<ReturnType<typeof openStillWorld>>

export async function openStillWorld(
  actors: readonly ActorKind[],
  given: { readonly partitions?: number; readonly options?: Partial<NodeOptions> } = {},
) {
  const clock = openManualClock()
  const log = openMemoryLog({ realm: 'shop', partitions: given.partitions ?? 4, clock })
  const store = await openTestStore(log.connect())
  const traces: Trace[] = []
  const hearing = onTrace((one) => traces.push(one))
  const realm = openTestRealm(log.connect(), clock)
  let kinds = actors
  const begin = (): Promise<Node> =>
    openTestNode(log.connect(), kinds, {
      store,
      clock,
      options: { trimEveryMs: 10 * 365 * 86_400_000, ...given.options },
    })
  let node: Node | undefined = await begin()

  /** Nothing moves any more at this instant. */
  async function settle(): Promise<void> {
    for (let still = 0, before = -1; still < 3;) {
      await turn()
      const { queued, staged } = node?.health() ?? { queued: 0, staged: 0 }
      const { lastSeq } = await realm.bus.logState()
      still = queued + staged === 0 && lastSeq === before ? still + 1 : 0
      before = lastSeq
    }
  }

  return {
    clock,
    log,
    store,
    realm,
    traces,
    settle,
    get node(): Node {
      return node as Node
    },
    traced: <T extends Trace['is']>(is: T) => traces.filter((one): one is Extract<Trace, { is: T }> => one.is === is),
    async send(address: string, event: AnyEvent, options: { readonly id?: string } = {}) {
      await realm.send(address, event, options)
      await settle()
    },
    async pass(ms: number) {
      await clock.advance(ms, settle)
    },
    /** The node dies as in a crash; what its store lacks is on the log. */
    async crash() {
      node?.kill()
      await node?.ended
      node = undefined
    },
    /** Whether the node has died of what it did. */
    async isDown(): Promise<boolean> {
      await settle()
      return node === undefined
    },
    async start(others: readonly ActorKind[] = kinds) {
      kinds = others
      node = await begin()
      await settle()
    },
    async state(address: string): Promise<ActorState | undefined> {
      return (await realm.operate.show(address as Address))?.state
    },
    /** What stands at `ev.>`, as [address, type] in the order of the log. */
    emitted: () =>
      log.entries().flatMap((entry) => {
        const [, area, kind, token] = entry.subject.split('.')
        return area === 'ev' ? [{ seq: entry.seq, address: `${kind}/${token}`, event: emittedOf(entry.data) }] : []
      }),
    async [Symbol.asyncDispose]() {
      hearing.stop()
      node?.kill()
      await node?.ended
      await realm.close()
    },
  }
}
