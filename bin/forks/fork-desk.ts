/**
 * Forking, put together from a configuration: where cuts are read from, and the realms beside each
 * other. It serves `perdure fork`, also on servers that never had the realm that a file is of.
 */
import type { Config } from '#config/open-config.ts'
import { keyPlaceOf } from '#config/options.ts'
import { baseOfRows } from '#store/base-blob.ts'
import { openMemoryArchive } from '#store/memory-archive.ts'
import { sealedBaseOf } from '#store/sealed-base.ts'
import { type RealmForks, realmForksOf } from '#runtime/client/forks.ts'
import { readCutKey } from '#runtime/cuts/reading/cut-key.ts'
import type { Bus } from '#runtime/bus.ts'
import type { CutView } from '#runtime/cuts/reading/open-cut.ts'
import { systemClock } from '#runtime/index.ts'
import { openGenerations } from '#runtime/nats/generations.ts'
import { openRealms } from '#runtime/nats/realms.ts'
import { openRestoreDesk } from '#bin/restore/restore-desk.ts'
import { reachOf } from '#runtime/wiring.ts'

export type ForkDesk = AsyncDisposable &
  RealmForks & {
    openStored(cut: string): Promise<CutView>
    openFile(path: string): Promise<CutView>
  }

export async function openForkDesk(config: Config): Promise<ForkDesk> {
  const opened = new AsyncDisposableStack()
  try {
    const options = await reachOf(config)
    const cuts = opened.use(await openRestoreDesk(config))
    const generations = opened.use(await openGenerations(options))
    const secret = await readCutKey(keyPlaceOf(config))
    let parent: Promise<Bus | undefined> | undefined

    async function openParent(): Promise<Bus | undefined> {
      const present = await generations.newest()
      const bus = present && (await generations.past(present.realm.generation))
      return bus && opened.use(bus)
    }

    const forks = realmForksOf({
      ...{ realm: options.realm, clock: systemClock, baseOf: baseOfRows, sealedBaseOf },
      realms: () => openRealms(options),
      open: cuts.openStored,
      bus: () => (parent ??= openParent()),
      archive: () => openMemoryArchive(undefined, secret),
    })
    return {
      ...forks,
      openStored: cuts.openStored,
      openFile: cuts.openFile,
      [Symbol.asyncDispose]: () => opened.disposeAsync(),
    }
  } catch (error) {
    await opened.disposeAsync()
    throw error
  }
}
