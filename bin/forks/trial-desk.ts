/**
 * Trials, put together from a configuration: the cut, what came after it, the journal, the settings
 * of a node. It serves `perdure diff-run`. Nothing is made on any server.
 */
import type { Config } from '#config/open-config.ts'
import { clientOptionsOf, keyPlaceOf, nodeOptionsOf } from '#config/options.ts'
import type { CutCheck } from '#protocol/cut-check.ts'
import { isFault } from '#protocol/fault.ts'
import type { ForkEffects } from '#protocol/fork.ts'
import { baseOfRows, openBaseReader } from '#store/base-blob.ts'
import { openMemoryArchive } from '#store/memory-archive.ts'
import { openMemoryStore } from '#store/memory-store.ts'
import type { Bus } from '#runtime/bus.ts'
import { readCutKey } from '#runtime/cuts/reading/cut-key.ts'
import type { CutView } from '#runtime/cuts/reading/open-cut.ts'
import { openJournal } from '#runtime/forks/open-journal.ts'
import { openTrial, type Trial } from '#runtime/forks/trial.ts'
import { type ActorKind, type Invariant, type RealmHandle, systemClock } from '#runtime/index.ts'
import { openPlacedView } from '#runtime/mending/placed-view.ts'
import { openGenerations } from '#runtime/nats/generations.ts'
import { openedTogether } from '#runtime/opened.ts'
import { openConfiguredRealm, reachOf } from '#runtime/wiring.ts'

export type TrialDesk = AsyncDisposable & {
  open(view: CutView, options: Trying): Promise<Trial>
}

export type Trying = {
  readonly name: string
  readonly actors: readonly ActorKind[]
  readonly invariants: readonly Invariant[]
  readonly effects: ForkEffects
}

export async function openTrialDesk(config: Config): Promise<TrialDesk> {
  const opened = openedTogether()
  const secret = await readCutKey(keyPlaceOf(config))
  const retryMs = config.node['bus.retryMs']
  const parent = await openParent(config)
  if (parent !== undefined) opened.use(parent)

  async function log(generation: number): Promise<Bus | undefined> {
    const generations = opened.use(await openGenerations(await reachOf(config)))
    const raw = await generations.past(generation)
    return raw && opened.use(await openPlacedView({ bus: raw, clock: systemClock }, { retryMs }))
  }

  return {
    async open(view, options) {
      const trial = await openTrial(
        {
          ...{ view, baseOf: baseOfRows, readBase: openBaseReader, archive: openMemoryArchive(undefined, secret) },
          openStore: (identity) => openMemoryStore({ identity }),
          beneath: parent?.bus.cuts ?? { get: () => Promise.resolve(undefined) },
          checked: () => foundIn(parent, view.manifest.id),
          journal:
            parent &&
            ((fork, own) =>
              openJournal({ fork, own, parent: () => Promise.resolve(parent), log: () => log(fork.generation) })),
        },
        { ...options, node: nodeOptionsOf(config), client: { ...clientOptionsOf(config), client: undefined } },
      )
      return opened.use(trial)
    },
    [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
  }
}

/** A cut out of a file may be one that the realm does not have, or not any more. */
async function foundIn(parent: RealmHandle | undefined, cut: string): Promise<CutCheck | undefined> {
  try {
    return await parent?.cuts.checked(cut)
  } catch (error) {
    if (isFault(error, 'cut.unknown') || isFault(error, 'cut.unready')) return undefined
    throw error
  }
}

/** A cut out of a file needs no realm; then nothing is answered. */
async function openParent(config: Config): Promise<RealmHandle | undefined> {
  try {
    return await openConfiguredRealm(config, {})
  } catch (error) {
    if (isFault(error, 'realm.missing')) return undefined
    throw error
  }
}
