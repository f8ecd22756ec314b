/**
 * The archive on disk: an LMDB environment of its own, so that streaming a slice out never waits
 * for a fold, nor a fold for it. It serves "LMDB is the archive of cuts". Invariants: one process
 * writes; what does not fit is refused with `archive.full` before anything is written.
 */
import { type Database, open } from 'lmdb'
import { Fault } from '#protocol/fault.ts'
import type { Archive, Shelf } from './archive.ts'
import { acquireDirLock } from './dir-lock.ts'
import { prepareDir } from './data-file.ts'
import { archiveOf } from './open-archive.ts'
import { sealingThreadOf } from './sealing-thread.ts'
import { storeFaultOf } from './store-fault.ts'

export type LmdbArchiveOptions = {
  readonly dir: string
  readonly mapBytes: number
  /** What segments are sealed with; without one they lie open. */
  readonly secret: Uint8Array | undefined
}

const tables = ['segments', 'documents'] as const
const pageBytes = 4096

type Stats = {
  readonly treeBranchPageCount: number
  readonly treeLeafPageCount: number
  readonly overflowPages: number
}

export function openLmdbArchive({ dir, mapBytes, secret }: LmdbArchiveOptions): Archive {
  prepareDir(dir)
  const lock = acquireDirLock(dir)
  try {
    const root = open<Buffer, string>({
      path: dir,
      noSubdir: false,
      pageSize: pageBytes,
      mapSize: mapBytes,
      maxDbs: 4,
      encoding: 'binary',
      eventTurnBatching: false,
    })
    const databases = Object.fromEntries(
      tables.map((name) => [name, root.openDB<Buffer, string>({ name, encoding: 'binary' })]),
    ) as Record<(typeof tables)[number], Database<Buffer, string>>

    const used = (): number =>
      tables.reduce((sum, name) => {
        const stats = databases[name].getStats() as Stats
        return sum + (stats.treeBranchPageCount + stats.treeLeafPageCount + stats.overflowPages) * pageBytes
      }, 0)

    /** At least what is used. */
    let reckoned = used()

    async function change(work: () => void): Promise<void> {
      try {
        await root.batch(work)
        await root.flushed
      } catch (cause) {
        throw storeFaultOf(cause, dir, mapBytes)
      }
    }

    const sealer = sealingThreadOf({ value: dir, secret })
    const shelf: Shelf = {
      get: (table, name) => databases[table].get(name),
      names: (table) => databases[table].getKeys(),
      async put(table, name, bytes) {
        const added = bytes.length + 2 * pageBytes
        // Asking LMDB for each of very many would cost more than the writing.
        if ((reckoned += added) > mapBytes) reckoned = used() + added
        if (reckoned > mapBytes) throw new Fault('archive.full', { value: dir, limit: mapBytes })
        await change(() => void databases[table].put(name, bufferOf(bytes)))
      },
      remove: (table, names) =>
        change(() => {
          for (const name of names) void databases[table].remove(name)
        }),
      size: () => ({ bytes: used(), limit: mapBytes }),
      async close() {
        await sealer.close()
        await root.close()
        lock.release()
      },
    }
    return archiveOf(shelf, sealer)
  } catch (error) {
    lock.release()
    throw storeFaultOf(error, dir, mapBytes)
  }
}

/** Nobody changes what is put. */
function bufferOf({ buffer, byteOffset, length }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, length)
}
