/**
 * What LMDB and the disk say, as faults. It serves the clause "LMDB follows the log": only what is
 * damaged is called corrupt, because what is corrupt is removed and made again.
 */
import { statfsSync } from 'node:fs'
import { Fault } from '#protocol/fault.ts'

export function storeFaultOf(cause: unknown, dir: string, limit: number): Fault {
  if (cause instanceof Fault) {
    const isUnplaced = cause.code === 'store.corrupt' && cause.details['value'] === undefined
    return isUnplaced ? new Fault('store.corrupt', { ...cause.details, value: dir }, { cause: cause.cause }) : cause
  }
  const reason = cause instanceof Error ? cause.message : String(cause)
  if (reason.includes('MDB_MAP_FULL')) return new Fault('store.full', { value: dir, limit }, { cause })
  // A page that was written in part is all that LMDB tells of a full disk.
  if (/ENOSPC|EDQUOT|No space left|quota/i.test(reason) || (isIo(reason) && isDiskFull(dir))) {
    return new Fault('store.diskFull', { value: dir }, { cause })
  }
  if (
    isIo(reason) ||
    /EACCES|EPERM|EROFS|EMFILE|ENFILE|ENOMEM|Permission denied|READERS_FULL|Read-only/i.test(reason)
  ) {
    return new Fault('store.unusable', { value: dir, reason }, { cause })
  }
  return new Fault('store.corrupt', { value: dir, reason }, { cause })
}

function isIo(reason: string): boolean {
  return /EIO|Input\/output error/i.test(reason)
}

function isDiskFull(dir: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(dir)
    return bavail * bsize < 1 << 20
  } catch {
    return false
  }
}
