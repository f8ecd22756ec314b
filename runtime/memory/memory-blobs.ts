/** Large named values in memory, as another part of the memory bus: it serves tests in virtual time. */
import type { Blobs } from '#runtime/bus.ts'

type Call = <T>(what: string, atLog: () => T) => Promise<T>

export function blobsOver(kept: Map<string, Uint8Array>, call: Call): Blobs {
  return {
    put: (name, bytes) => call('blobs.put', () => void kept.set(name, bytes.slice())),
    get: (name) => call('blobs.get', () => kept.get(name)?.slice()),
    remove: (name) => call('blobs.remove', () => void kept.delete(name)),
    names: () => call('blobs.names', () => [...kept.keys()].sort()),
  }
}
