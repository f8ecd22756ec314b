/**
 * Large named values of a fork: its own, and beneath them those of the realm that it was forked
 * from. It serves "data by reference to the parent's cut". Invariant: what is beneath is read and
 * never changed; it is in no list, so nobody sweeps it from here.
 */
import type { Blobs } from './bus.ts'

export function blobsAbove(own: Blobs, beneath: Pick<Blobs, 'get'>): Blobs {
  return { ...own, get: async (name) => (await own.get(name)) ?? (await beneath.get(name)) }
}
