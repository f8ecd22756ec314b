/** Trials of a realm in memory: what one needs of the realm that was cut. */
import type { ActorKind } from '#protocol/actor.ts'
import type { RealmHandle } from '#runtime/client/realm-handle.ts'
import { realmHandleOf } from '#runtime/client/realm-handle.ts'
import type { Invariant } from '#runtime/cuts/reading/invariant.ts'
import type { CutView } from '#runtime/cuts/reading/open-cut.ts'
import type { Came } from '#runtime/cuts/restoring/replay.ts'
import { openJournal } from '#runtime/forks/open-journal.ts'
import { openTrial, type Trial, type TrialWorld } from '#runtime/forks/trial.ts'
import { openPlacedView } from '#runtime/mending/placed-view.ts'
import { baseOfRows, openBaseReader } from '#store/base-blob.ts'
import { openMemoryStore } from '#store/memory-store.ts'
import { nodeOptions, realmOptions } from './engine.ts'
import type { RestoreRealm } from './restore-world.ts'

export async function openTestTrial(
  { log, clock, archive }: RestoreRealm,
  view: CutView,
  {
    name,
    actors,
    invariants = [],
    checked,
  }: {
    name: string
    actors: readonly ActorKind[]
    invariants?: readonly Invariant[]
    checked?: TrialWorld['checked']
  },
): Promise<Trial> {
  const parent = async (): Promise<RealmHandle> =>
    realmHandleOf(
      {
        ...{ bus: await openPlacedView({ bus: log.connect(), clock }, { retryMs: 10 }), clock, archive },
        ...{ generations: () => Promise.resolve(log.generations), readBase: openBaseReader },
      },
      realmOptions,
    )
  return await openTrial(
    {
      ...{ view, archive, baseOf: baseOfRows, readBase: openBaseReader, beneath: log.connect().cuts, checked },
      openStore: (identity) => openMemoryStore({ identity }),
      journal: (fork, own) =>
        openJournal({
          ...{ fork, own, parent },
          async log() {
            const raw = await log.generations.past(fork.generation)
            return raw && (await openPlacedView({ bus: raw, clock }, { retryMs: 10 }))
          },
        }),
    },
    { name, actors, invariants, effects: { is: 'journal' }, node: nodeOptions, client: realmOptions },
  )
}

export async function allCame(world: RestoreRealm, view: CutView): Promise<readonly Came[]> {
  return await Array.fromAsync(world.came(view))
}
