/**
 * Restoring, put together from a configuration: where cuts are read from, what came after one, and
 * the restore itself. It serves the clause of the cut. It works on a realm that runs,
 * on one that somebody began to restore, and on servers that never had one.
 */
import { existsSync } from 'node:fs'
import type { Config } from '#config/open-config.ts'
import { keyPlaceOf } from '#config/options.ts'
import type { CutSlice } from '#protocol/cut.ts'
import { Fault } from '#protocol/fault.ts'
import { baseOfRows } from '#store/base-blob.ts'
import { openMemoryArchive } from '#store/memory-archive.ts'
import { sealerOf } from '#store/seal.ts'
import { sealedBaseOf } from '#store/sealed-base.ts'
import type { Bus } from '#runtime/bus.ts'
import { type Clock, systemClock } from '#runtime/clock.ts'
import { openCutFile } from '#runtime/cuts/reading/cut-file.ts'
import { cutKeyNameIn, ensureCutKey, type KeyPlace, readCutKey } from '#runtime/cuts/reading/cut-key.ts'
import { cutShelfOf } from '#runtime/cuts/reading/cut-shelf.ts'
import { readingOf, storedSource } from '#runtime/cuts/reading/cut-source.ts'
import { findCut } from '#runtime/cuts/reading/find-cut.ts'
import { type CutView, openCut } from '#runtime/cuts/reading/open-cut.ts'
import { checkTable } from '#runtime/cuts/restoring/check-table.ts'
import { type Came, cameAfter } from '#runtime/cuts/restoring/replay.ts'
import {
  type OnProgress,
  restoreCut,
  type Restored,
  type RestoreOptions,
  verified,
} from '#runtime/cuts/restoring/restore.ts'
import type { Generation, Generations } from '#runtime/generations.ts'
import { openGenerations } from '#runtime/nats/generations.ts'
import { type Opened, openedTogether } from '#runtime/opened.ts'
import { reachOf } from '#runtime/wiring.ts'

export interface RestoreDesk extends AsyncDisposable {
  readonly realm: string
  /** What the realm is now; nothing on servers that never had it. */
  present(): Promise<Generation | undefined>
  /** Where its cuts are found; nothing where the realm was never made. */
  bus(): Promise<Bus | undefined>
  /** A file, or one of the realm's own as `openStored` knows them. */
  open(named: string): Promise<CutView>
  /** By its id, its name, or `last`. */
  openStored(cut: string): Promise<CutView>
  /** What came from outside after the cut, in its order. */
  came(view: CutView): AsyncGenerator<Came>
  /** All of it is looked at, and nothing changed: what restoring it would be refused for is thrown. */
  verify(view: CutView, onProgress: OnProgress): Promise<readonly CutSlice[]>
  restore(view: CutView, options: RestoreOptions, onProgress: OnProgress): Promise<Restored>
  /** The realm serves again as it was sealed; throws when nobody restores it. */
  giveUp(): Promise<Generation>
}

export async function openRestoreDesk(config: Config, clock: Clock = systemClock): Promise<RestoreDesk> {
  const opened = openedTogether()
  try {
    const options = await reachOf(config)
    const generations = opened.use(await openGenerations(options))
    const key = keyPlaceOf(config)
    const retryMs = config.node['bus.retryMs']
    return deskOf({ generations, clock, opened }, { realm: options.realm, key, retryMs })
  } catch (error) {
    await opened[Symbol.asyncDispose]()
    throw error
  }
}

type World = {
  readonly generations: Generations
  readonly clock: Clock
  readonly opened: Opened
}

type DeskOptions = { readonly realm: string; readonly key: KeyPlace; readonly retryMs: number }

function deskOf({ generations, clock, opened }: World, { realm, key, retryMs }: DeskOptions): RestoreDesk {
  const secret = readCutKey(key)
  secret.catch(() => undefined)
  let found: Promise<Bus | undefined> | undefined

  /** Cuts lie beside all generations: any of them leads there, also a sealed one. */
  async function openBus(): Promise<Bus | undefined> {
    const present = await generations.newest()
    const one = present && (await generations.past(present.realm.generation))
    return one && opened.use(one)
  }

  const bus: RestoreDesk['bus'] = () => (found ??= openBus())

  async function knownBus(): Promise<Bus> {
    const one = await bus()
    if (one === undefined) throw new Fault('realm.missing', { value: realm })
    return one
  }

  async function openStored(cut: string): Promise<CutView> {
    const from = await knownBus()
    const archive = openMemoryArchive(undefined, await secret)
    const { id, state } = findCut(await cutShelfOf({ bus: from, archive }).notes(), cut, realm)
    if (state !== 'whole') throw new Fault('cut.unready', { value: id, state })
    return await openCut({ shelf: readingOf(storedSource(from.cuts), archive, realm), archive }, id)
  }

  async function openFile(path: string): Promise<CutView> {
    const file = opened.use(await openCutFile(path))
    const view = await file.view(openMemoryArchive(undefined, await secret))
    const { id, realm: have } = view.manifest
    if (have !== realm) throw new Fault('restore.otherRealm', { value: id, have, want: realm })
    return view
  }

  /** Before anything is changed: nodes that cannot unpack it would serve nothing. */
  async function checkKey({ manifest: { id } }: CutView): Promise<void> {
    const want = await cutKeyNameIn((await knownBus()).notes)
    const have = sealerOf(await secret).keyName ?? 'none'
    if (want !== undefined && want !== have) throw new Fault('restore.lazyKey', { value: id, have, want })
  }

  return {
    realm,
    present: () => generations.newest(),
    bus,
    open: (named) => (isFile(named) ? openFile(named) : openStored(named)),
    openStored,
    came: (view) => cameAfter({ generations, clock, retryMs }, view),
    async verify(view, onProgress) {
      const slices = await verified(view, onProgress)
      await checkTable(view, generations.maxPayload)
      return slices
    },
    async restore(view, options, onProgress) {
      const isNew = (await generations.newest()) === undefined
      if (options.isLazy === true && !isNew) await checkKey(view)
      // Its nodes shall seal their cuts with the key that this one was sealed with; the first would make another.
      const beforeOpen = async ({ notes }: Bus): Promise<void> => {
        if (isNew || options.isLazy === true) await ensureCutKey(notes, key, (one) => sealerOf(one).keyName ?? '')
      }
      const world = { generations, clock, baseOf: baseOfRows, sealedBaseOf, beforeOpen }
      return await restoreCut(world, view, options, onProgress)
    },
    async giveUp() {
      const present = await generations.unseal()
      if (present === undefined) throw new Fault('restore.notSealed', { value: realm })
      return present
    },
    [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
  }
}

/** A cut's id and name have no slash in them. */
function isFile(named: string): boolean {
  return named.includes('/') || existsSync(named)
}
