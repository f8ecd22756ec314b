/** A realm in memory that is cut and restored while time stands still: its log, its archive, one node at a time. */
import type { ActorKind } from '#protocol/actor.ts'
import type { ActorState } from '#protocol/state.ts'
import type { Address } from '#protocol/address.ts'
import type { RealmHandle } from '#runtime/client/realm-handle.ts'
import { cutShelfOf } from '#runtime/cuts/reading/cut-shelf.ts'
import type { Invariant } from '#runtime/cuts/reading/invariant.ts'
import { type CutView, openCut } from '#runtime/cuts/reading/open-cut.ts'
import { type Came, cameAfter } from '#runtime/cuts/restoring/replay.ts'
import { restoreCut, type Restored, type RestoreOptions } from '#runtime/cuts/restoring/restore.ts'
import type { Generations } from '#runtime/generations.ts'
import { openMemoryLog } from '#runtime/memory/memory-bus.ts'
import type { Node } from '#runtime/node.ts'
import { baseOfRows } from '#store/base-blob.ts'
import { sealedBaseOf } from '#store/sealed-base.ts'
import { openMemoryArchive } from '#store/memory-archive.ts'
import { openTestNode, openTestRealm } from './engine.ts'
import { during, openManualClock, turn } from './manual-clock.ts'

type Starting = {
  readonly name?: string
  readonly kinds?: readonly ActorKind[]
  readonly invariants?: readonly Invariant[]
}

export type RestoreRealm = Awaited<ReturnType<typeof openRestoreRealm>>

export async function openRestoreRealm(actors: readonly ActorKind[], partitions = 4) {
  const clock = openManualClock()
  const log = openMemoryLog({ realm: 'shop', partitions, clock })
  const archive = openMemoryArchive()
  let realm: RealmHandle = openTestRealm(log.connect(), clock)
  let node: Node | undefined

  /** Nothing moves any more at this instant. */
  async function settle(): Promise<void> {
    for (let still = 0, before = -1; still < 3;) {
      await turn()
      const { queued, staged } = node?.health() ?? { queued: 0, staged: 0 }
      const { lastSeq = 0 } = (await log.generations.newest()) ?? {}
      still = queued + staged === 0 && lastSeq === before ? still + 1 : 0
      before = lastSeq
    }
  }

  const viewOf = (id: string): Promise<CutView> =>
    openCut({ shelf: cutShelfOf({ bus: log.connect(), archive }), archive }, id)

  async function start(options: Starting = {}): Promise<Node> {
    node = await openTestNode(log.connect(), options.kinds ?? actors, {
      archive,
      clock,
      ...(options.invariants === undefined ? {} : { invariants: options.invariants }),
      options: { name: options.name ?? 'test', trimEveryMs: 10 * 365 * 86_400_000, aliveMs: 3_600_000 },
    })
    await settle()
    return node
  }

  const world = { generations: log.generations, clock, retryMs: 10 }
  return {
    clock,
    log,
    archive,
    settle,
    during: <T>(work: Promise<T>): Promise<T> => during(clock, work, settle),
    start,
    world,
    get realm() {
      return realm
    },
    get node(): Node {
      return node as Node
    },
    /** A program that opens the realm anew. */
    reopen(): RealmHandle {
      realm = openTestRealm(log.connect(), clock)
      return realm
    },
    async take(name = 'first'): Promise<CutView> {
      const { id, whole } = (node as Node).cuts!.take({ name, by: 'test' })
      await during(clock, whole, settle)
      return await viewOf(id)
    },
    viewOf,
    restore: (
      view: CutView,
      options: RestoreOptions = {},
      generations: Generations = log.generations,
    ): Promise<Restored> =>
      restoreCut({ generations, clock, baseOf: baseOfRows, sealedBaseOf }, view, options, () => undefined),
    came: (view: CutView): AsyncGenerator<Came> => cameAfter(world, view),
    async pass(ms: number) {
      await clock.advance(ms, settle)
    },
    async state(address: string): Promise<ActorState | undefined> {
      return (await realm.operate.show(address as Address))?.state
    },
    async [Symbol.asyncDispose]() {
      node?.kill()
      await node?.ended
      await realm.close()
    },
  }
}
