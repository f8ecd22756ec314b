/** Large named values in memory, as another part of the memory bus: it serves tests in virtual time. */
import type { Blobs } from '#runtime/bus.ts'

type Call = <T>(what: string, atLog: () => T) => Promise<T>

export function blobsOver(kept: Map<string, Uint8Array>, call: Call): Blobs {
  const put: Blobs['put'] = (name, bytes) => call('blobs.put', () => void kept.set(name, copyOf(bytes)))
  return {
    put,
    add: put,
    get: (name) =>
      call('blobs.get', () => {
        const found = kept.get(name)
        return found && copyOf(found)
      }),
    remove: (name) => call('blobs.remove', () => void kept.delete(name)),
    names: () => call('blobs.names', () => [...kept.keys()].sort()),
  }
}

/** `slice` of a buffer would be the same memory. */
function copyOf(bytes: Uint8Array): Uint8Array {
  return Buffer.from(bytes)
}
