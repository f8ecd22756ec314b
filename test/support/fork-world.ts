/** A realm in memory beside the one of a restore world: a fork of it, with a node and a journal of its own. */
import type { ActorKind } from '#protocol/actor.ts'
import type { Address } from '#protocol/address.ts'
import type { ForkEffects, ForkTimers } from '#protocol/fork.ts'
import type { ActorState } from '#protocol/state.ts'
import type { Archive } from '#store/archive.ts'
import type { Clock } from '#runtime/clock.ts'
import { realmHandleOf, type RealmHandle } from '#runtime/client/realm-handle.ts'
import type { CutView } from '#runtime/cuts/reading/open-cut.ts'
import { emptyGenerations } from './memory-realms.ts'
import type { Journal } from '#runtime/forks/firewall.ts'
import { makeFork } from '#runtime/forks/make-fork.ts'
import { openJournal } from '#runtime/forks/open-journal.ts'
import type { Generations } from '#runtime/generations.ts'
import { sealedBaseOf } from '#store/sealed-base.ts'
import { openMemoryLog, type MemoryLog } from '#runtime/memory/memory-bus.ts'
import { openPlacedView } from '#runtime/mending/placed-view.ts'
import type { Node, NodeOptions } from '#runtime/node.ts'
import type { ReadBase } from '#runtime/past/anchors.ts'
import { baseOfRows, openBaseReader } from '#store/base-blob.ts'
import { openTestNode, realmOptions } from './engine.ts'
import { during, turn } from './manual-clock.ts'
import type { RestoreRealm } from './restore-world.ts'

type Forking = {
  readonly effects?: ForkEffects
  readonly timers?: ForkTimers
  readonly partitions?: number
  readonly as?: string
}

type Serving = { readonly name?: string; readonly options?: Partial<NodeOptions> }

export type ForkRealm = Awaited<ReturnType<typeof openFork>>

export async function openFork(
  world: RestoreRealm,
  view: CutView,
  { effects = { is: 'journal' }, timers = 'free', partitions, as = 'copy' }: Forking = {},
) {
  const { clock, log: parentLog } = world
  const log = openMemoryLog({ realm: as, partitions: 1, clock, beneath: parentLog.connect().cuts })
  const made = await makeFork(
    {
      clock,
      baseOf: baseOfRows,
      generations: emptyGenerations(log),
      kinds: parentLog.connect().registry,
      sealedBaseOf,
      hold: () => Promise.resolve(true),
    },
    view,
    { as, effects, timers, partitions },
    () => undefined,
  )
  const nodes: Node[] = []
  const handles: RealmHandle[] = []
  /** Answers that are looked for. */
  let looking = 0

  async function handleOn(of: MemoryLog, archive: Archive): Promise<RealmHandle> {
    const handle = await openPastHandle(of, { archive, clock })
    handles.push(handle)
    return handle
  }

  const realm = await handleOn(log, world.archive)

  async function settle(): Promise<void> {
    for (let still = 0, before = ''; still < 5;) {
      await turn()
      const busy = nodes.map((one) => one.health()).reduce((sum, { queued, staged }) => sum + queued + staged, 0)
      const ends = await Promise.all([log, parentLog].map(async (one) => (await one.generations.newest())?.lastSeq))
      still = busy + looking === 0 && String(ends) === before ? still + 1 : 0
      before = String(ends)
    }
  }

  function counted({ of }: Journal): Journal {
    return {
      async of(address, effect) {
        looking++
        try {
          return await of(address, effect)
        } finally {
          looking--
        }
      },
    }
  }

  return {
    made,
    log,
    realm,
    settle,
    during: <T>(work: Promise<T>): Promise<T> => during(clock, work),
    async start(kinds: readonly ActorKind[], { name = 'forked', options = {} }: Serving = {}): Promise<Node> {
      const { fork } = made
      const journal = openJournal({
        fork,
        parent: () => handleOn(parentLog, world.archive),
        own: () => handleOn(log, world.archive),
        async log() {
          const raw = await parentLog.generations.past(fork.generation)
          return raw && (await openPlacedView({ bus: raw, clock }, { retryMs: 10 }))
        },
      })
      const given = { trimEveryMs: 10 * 365 * 86_400_000, aliveMs: 3_600_000, name, ...options }
      const node = await during(
        clock,
        openTestNode(log.connect(), kinds, {
          ...{ clock, journal: counted(journal), archive: world.archive, options: given },
        }),
      )
      nodes.push(node)
      await settle()
      return node
    },
    async pass(ms: number) {
      await clock.advance(ms, settle)
    },
    async state(address: string): Promise<ActorState | undefined> {
      return (await realm.operate.show(address as Address))?.state
    },
    async [Symbol.asyncDispose]() {
      for (const node of nodes) {
        node.kill()
        await node.ended
      }
      for (const handle of handles) await handle.close()
    },
  }
}

/** A handle that can look back over generations and cuts. */
async function openPastHandle(
  log: MemoryLog,
  { archive, clock }: { readonly archive: Archive; readonly clock: Clock },
): Promise<RealmHandle> {
  const bus = await openPlacedView({ bus: log.connect(), clock }, { retryMs: 10 })
  const generations = (): Promise<Generations> => Promise.resolve(log.generations)
  return realmHandleOf({ bus, clock, archive, generations, readBase: readBaseWith(archive) }, realmOptions)
}

/** Also one that is still as a cut left it. */
export function readBaseWith({ unsealed: unseal }: Archive): ReadBase {
  return (bytes, ours, beside) => openBaseReader(bytes, ours, { unseal, ...beside })
}
