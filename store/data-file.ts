/**
 * What can be said about LMDB's file before LMDB maps it into memory: where a page is missing
 * the process would be killed instead of told. It serves the clause "LMDB follows the log":
 * what is damaged is said to be damaged, and rebuilt.
 */
import { closeSync, fstatSync, ftruncateSync, mkdirSync, openSync, readdirSync, readSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { Fault } from '#protocol/fault.ts'

const dataFile = 'data.mdb'
const magic = 0xbeefc0de
const metaFlag = 8
const dataVersion = 2
const metaBytes = 176

export function prepareDir(dir: string): void {
  mkdirSync(dir, { recursive: true })
}

/** Removes the store's own files and leaves anything else in the directory alone. The lock goes with its holder. */
export function removeStore(dir: string): void {
  rmSync(join(dir, dataFile), { force: true })
  for (const name of ['lock.mdb', 'opening']) rmSync(join(dir, name), { force: true })
  try {
    if (readdirSync(dir).length === 0) rmSync(dir, { recursive: true, force: true })
  } catch {
    // There was none.
  }
}

/**
 * Throws `store.corrupt` when the file is none of LMDB's. A file that ends early is filled up
 * with empty pages: LMDB reports those, while reading behind the end would kill the process.
 */
export function checkDataFile(dir: string): void {
  let file: number
  try {
    file = openSync(join(dir, dataFile), 'r+')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return
    throw new Fault('store.unusable', { value: dir, reason: (cause as Error).message }, { cause })
  }
  try {
    const { size } = fstatSync(file)
    if (size === 0) return
    const first = metaAt(file, 0)
    const second = first === undefined ? undefined : metaAt(file, first.pageBytes)
    if (first === undefined || second === undefined || second.pageBytes !== first.pageBytes) {
      throw new Fault('store.corrupt', { value: dir, reason: `${dataFile} does not begin as it should` })
    }
    const { lastPage } = second.txn > first.txn ? second : first
    const whole = (lastPage + 1) * first.pageBytes
    if (whole > size) ftruncateSync(file, whole)
  } finally {
    closeSync(file)
  }
}

type Meta = { readonly pageBytes: number; readonly lastPage: number; readonly txn: bigint }

function metaAt(file: number, position: number): Meta | undefined {
  const bytes = Buffer.alloc(metaBytes)
  if (readSync(file, bytes, 0, metaBytes, position) < metaBytes) return undefined
  const isMeta = bytes.readUInt16LE(18) === metaFlag && bytes.readUInt32LE(24) === magic
  if (!isMeta || bytes.readUInt32LE(28) !== dataVersion) return undefined
  const pageBytes = bytes.readUInt32LE(48)
  const lastPage = bytes.readBigUInt64LE(144)
  if (pageBytes < 512 || pageBytes > 65_536 || (pageBytes & (pageBytes - 1)) !== 0 || lastPage > 1n << 36n)
    return undefined
  return { pageBytes, lastPage: Number(lastPage), txn: bytes.readBigUInt64LE(152) }
}
