/**
 * Which partition an address belongs to. The server computes the same number for outsiders
 * (`{{partition(P,1,2)}}` of the stream's subject transform: FNV-1a over the bytes of both
 * tokens), so the two must never differ. A child belongs to its root's partition.
 */
import { type Address, rootOf } from './address.ts'

export function partitionOf(address: Address, partitions: number): number {
  return transformedTo(rootOf(address), partitions)
}

/**
 * Where the server itself puts what is published to an address. It hashes the whole token, so an
 * outsider who publishes to a child lands in a partition that does not hold it.
 */
export function transformedTo(address: Address, partitions: number): number {
  let hash = 0x811c9dc5
  for (let at = 0; at < address.length; at++) {
    const code = address.charCodeAt(at)
    // Addresses are ASCII by construction; the separator is not part of what the server hashes.
    if (code === 47) continue
    hash ^= code
    hash = Math.imul(hash, 0x01000193)
  }
  return (hash >>> 0) % partitions
}
