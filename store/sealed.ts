/**
 * Rows that notice damage: each begins with a checksum of its key and its payload. It serves the
 * clause "LMDB follows the log": a flipped bit becomes `store.corrupt` and a rebuild, never a
 * state that nobody committed.
 */
import { crc32 } from 'node:zlib'
import { Fault } from '#protocol/fault.ts'

export const sealBytes = 4

/** The payload begins at `sealBytes`; fill it, then `seal`. */
export function openRow(payloadBytes: number): Buffer {
  return Buffer.allocUnsafe(sealBytes + payloadBytes)
}

export function seal(key: Uint8Array, row: Buffer): Buffer {
  row.writeUInt32LE(crc32(row.subarray(sealBytes), crc32(key)))
  return row
}

export function sealed(key: Uint8Array, payload: Uint8Array): Buffer {
  const row = openRow(payload.length)
  row.set(payload, sealBytes)
  return seal(key, row)
}

/** `what` may be said late: for a row of very many its words would cost more than the check. */
export function unsealed(key: Uint8Array, row: Buffer, what: string | (() => string)): Buffer {
  const broken = (): Fault => damaged(typeof what === 'string' ? what : what())
  if (row.length < sealBytes) throw broken()
  const payload = row.subarray(sealBytes)
  if (row.readUInt32LE() !== crc32(payload, crc32(key))) throw broken()
  return payload
}

/** Without the directory, which only the store knows: it adds that. */
export function damaged(what: string, cause?: unknown): Fault {
  return new Fault('store.corrupt', { reason: `${what} is damaged` }, { cause })
}
