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
import { systemClock } from '#runtime/index.ts'
import { openRealms } from '#runtime/nats/realms.ts'
import { openRestoreDesk, type RestoreDesk } from '#bin/restore/restore-desk.ts'
import { reachOf } from '#runtime/wiring.ts'

export type ForkDesk = AsyncDisposable & RealmForks & Pick<RestoreDesk, 'open'>

export async function openForkDesk(config: Config): Promise<ForkDesk> {
  const options = await reachOf(config)
  const secret = await readCutKey(keyPlaceOf(config))
  const cuts = await openRestoreDesk(config)
  const forks = realmForksOf({
    ...{ realm: options.realm, clock: systemClock, baseOf: baseOfRows, sealedBaseOf },
    realms: () => openRealms(options),
    open: cuts.openStored,
    bus: cuts.bus,
    archive: () => openMemoryArchive(undefined, secret),
  })
  return { ...forks, open: cuts.open, [Symbol.asyncDispose]: () => cuts[Symbol.asyncDispose]() }
}
