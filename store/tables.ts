/**
 * LMDB as the store sees it: a few tables with binary keys and values, consistent views, and
 * one way to write: all of a fold in one transaction. It serves the clause "LMDB follows the
 * log". Invariants:
 *
 * - All writes of one call are one batch, which LMDB commits in one transaction; nothing here
 *   writes synchronously, because that would split the batch of another.
 * - Batching by turns of the event loop is off: when its transaction fails it leaves a rejected
 *   promise that nobody can catch, which ends the process.
 * - No commitDelay (it crashes the process), no noSync and no writemap (they can corrupt).
 * - Nothing given to `write` is changed before it resolves: LMDB keeps pointers until then.
 */
import { type Database, open, type RootDatabase } from 'lmdb'
import { damaged } from './sealed.ts'
import { storeFaultOf } from './store-fault.ts'
import { walkedTable } from './walked.ts'

export type Table = Database<Buffer, Buffer>

/** A consistent view; end it soon, or the file grows by all that is rewritten meanwhile. */
export type View = ReturnType<RootDatabase['useReadTransaction']>

export type Op = { readonly table: Table; readonly key: Buffer; readonly value: Buffer | undefined }

export const tableNames = [
  'meta',
  'partitions',
  'clients',
  'actors',
  'parts',
  'needs',
  'history',
  'ended',
  'recents',
  'changed',
  'layers',
] as const

/** Those that a cut walks through from end to end. */
const walkedNames = ['actors', 'changed'] as const

export type Tables = Readonly<Record<(typeof tableNames)[number], Table>> & {
  /** To be walked, and not written. */
  readonly walked: Readonly<Record<(typeof walkedNames)[number], Table>>
  view(): View
  /** Resolved when it is on disk. */
  write(ops: readonly Op[]): Promise<void>
  /** Bytes in pages that hold something. */
  used(): number
  /** Of the file, as far as it was ever written. */
  extent(): number
  close(): Promise<void>
}

/** Chunks that fill their pages exactly; LMDB's own page header is 24 bytes. */
export const pageBytes = 8192
export const pageHeaderBytes = 24

/** A key that is never there. */
const nothing = Buffer.from([0])

export type TablesOptions = { readonly dir: string; readonly mapBytes: number }

export async function openTables({ dir, mapBytes }: TablesOptions): Promise<Tables> {
  const binary = { encoding: 'binary', keyEncoding: 'binary' } as const
  const root = open<Buffer, Buffer>({
    path: dir,
    noSubdir: false,
    pageSize: pageBytes,
    mapSize: mapBytes,
    maxDbs: tableNames.length + 4,
    maxReaders: 512,
    eventTurnBatching: false,
    ...binary,
  })
  let tables: Record<(typeof tableNames)[number], Table>
  let walked: Tables['walked']
  try {
    // All of them before anything is written: opening a table is a synchronous transaction.
    tables = Object.fromEntries(
      tableNames.map((name) => [name, root.openDB<Buffer, Buffer>({ name, ...binary })]),
    ) as typeof tables
    walked = Object.fromEntries(walkedNames.map((name) => [name, walkedTable(root, name)])) as typeof walked
    // A damaged name leaves its table behind under another one, and an empty table in its place.
    if (entriesOf(root) !== tableNames.length) throw damaged('the list of its tables')
  } catch (error) {
    // Left open, its mapping would be handed to the next that opens this path in this process.
    await root.close()
    throw error
  }

  async function write(ops: readonly Op[]): Promise<void> {
    try {
      await root.batch(() => {
        for (const { table, key, value } of ops) void (value === undefined ? table.remove(key) : table.put(key, value))
      })
    } catch (error) {
      const reason = await reasonOf(error)
      // Closing waits for the flush of the last transaction, and one that failed has none.
      await root.batch(() => void tables.meta.remove(nothing)).catch(() => undefined)
      throw storeFaultOf(reason, dir, mapBytes)
    }
    await root.flushed
  }

  return {
    ...tables,
    walked,
    view: () => root.useReadTransaction(),
    write,
    used() {
      let pages = 0
      for (const name of tableNames) pages += pagesOf(tables[name].getStats() as TreeStats)
      return pages * pageBytes
    },
    extent: () => ((root.getStats() as { readonly lastPageNumber: number }).lastPageNumber + 1) * pageBytes,
    close: () => root.close(),
  }
}

type TreeStats = {
  readonly treeBranchPageCount: number
  readonly treeLeafPageCount: number
  readonly overflowPages: number
}

function pagesOf(stats: TreeStats): number {
  return stats.treeBranchPageCount + stats.treeLeafPageCount + stats.overflowPages
}

/** In whole pages. */
export function bytesOf(table: Table): number {
  return pagesOf(table.getStats() as TreeStats) * pageBytes
}

export function entriesOf(table: Table): number {
  return (table.getStats() as { entryCount: number }).entryCount
}

/** LMDB says that a commit failed in one place, and why in another. */
async function reasonOf(error: unknown): Promise<unknown> {
  try {
    await (error as { commitError?: Promise<unknown> }).commitError
    return error
  } catch (reason) {
    return reason
  }
}
