/**
 * The keys of the store's tables: a partition's number first, so that everything of a partition
 * (of an actor, of a client) is one range. They serve the clause "LMDB follows the log".
 * Invariant: byte order is the order that the ranges need, because addresses hold no byte below
 * 0x2d and numbers are big-endian.
 */
import type { Address } from '#protocol/address.ts'

const numberBytes = 2

export function partitionKey(partition: number): Buffer {
  const key = Buffer.allocUnsafe(numberBytes)
  key.writeUInt16BE(partition)
  return key
}

export function actorKey(partition: number, address: Address): Buffer {
  const key = Buffer.allocUnsafe(numberBytes + address.length)
  key.writeUInt16BE(partition)
  key.write(address, numberBytes, 'latin1')
  return key
}

export function addressOfKey(key: Uint8Array): Address {
  return viewOf(key).toString('latin1', numberBytes) as Address
}

/** Where a range over an actor kind begins and ends inside one partition. */
export function kindRange(partition: number, kind: string): { start: Buffer; end: Buffer } {
  return { start: actorKey(partition, `${kind}/`), end: actorKey(partition, `${kind}0` as Address) }
}

export function partitionRange(partition: number): { start: Buffer; end: Buffer } {
  return { start: partitionKey(partition), end: partitionKey(partition + 1) }
}

/** Chunks of a large base, and rows of differences that follow it. */
export type PartKind = 'chunk' | 'tail'

export function partKey(actor: Uint8Array, kind: PartKind, index: number): Buffer {
  const key = Buffer.allocUnsafe(actor.length + 6)
  key.set(actor)
  key[actor.length] = 0
  key[actor.length + 1] = kind === 'chunk' ? 0 : 1
  key.writeUInt32BE(index, actor.length + 2)
  return key
}

export function clientKey(partition: number, name: string): Buffer {
  return Buffer.concat([partitionKey(partition), Buffer.from(name)])
}

export function clientOfKey(key: Uint8Array): string {
  return viewOf(key).toString('utf8', numberBytes)
}

export function historyKey(partition: number, n: number): Buffer {
  const key = Buffer.allocUnsafe(numberBytes + 6)
  key.writeUInt16BE(partition)
  key.writeUIntBE(n, numberBytes, 6)
  return key
}

export function numberOfHistoryKey(key: Uint8Array): number {
  return viewOf(key).readUIntBE(numberBytes, 6)
}

function viewOf(key: Uint8Array): Buffer {
  return Buffer.from(key.buffer, key.byteOffset, key.length)
}
