/**
 * Gives back the memory of large bytes at once. Left to the collector, what a cut passes on makes it go
 * over all of the process's objects, every few hundred segments. Whoever calls it is the only one who has
 * them: they are empty afterwards.
 */

/** What is smaller may share its memory with others, and what it would give back is little. */
export const leastBytes = 64 * 1024

export function letGo({ buffer, byteLength }: Uint8Array): void {
  if (byteLength >= leastBytes && buffer instanceof ArrayBuffer) buffer.transfer(0)
}
