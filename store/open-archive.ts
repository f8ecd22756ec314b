/** The archive over a shelf: packing, sealing and checking are the same wherever the bytes lie. */
import { decode } from '#protocol/codec.ts'
import { Fault } from '#protocol/fault.ts'
import type { Archive, Shelf } from './archive.ts'
import { letGo } from './let-go.ts'
import { hashOf, type Sealer } from './seal.ts'

export function archiveOf(shelf: Shelf, sealer: Sealer): Archive {
  const archive: Archive = {
    keyName: sealer.keyName,
    signer: sealer.signer,
    hashOf,
    sign: sealer.sign,
    isSigned: sealer.isSigned,
    async pack({ plain, rows, first, last, quiet }) {
      const { id, bytes } = await sealer.seal(plain)
      letGo(plain)
      const ref = { id, bytes: bytes.length, rows, first, last, ...(quiet === true ? { quiet } : {}) }
      return { ref, bytes, keep: () => shelf.put('segments', id, bytes), letGo: () => letGo(bytes) }
    },
    async rows({ id }) {
      const bytes = shelf.get('segments', id)
      return bytes === undefined ? undefined : (decode(await sealer.open(bytes, id)) as unknown[])
    },
    rowsNow({ id }) {
      const bytes = shelf.get('segments', id)
      return bytes === undefined ? undefined : (decode(sealer.openNow(bytes, id)) as unknown[])
    },
    rowsIn: async (id, bytes) => decode(await sealer.open(bytes, id)) as unknown[],
    opens: async (id, bytes) => void (await sealer.open(bytes, id)),
    unsealed: (id, bytes) => sealer.unsealed(bytes, id),
    bytes: (id) => shelf.get('segments', id),
    async take(id, bytes) {
      if (hashOf(bytes) !== id)
        throw new Fault('cut.damaged', { what: 'segment', value: id, reason: 'its hash is another one' })
      await shelf.put('segments', id, bytes)
    },
    has: (id) => shelf.get('segments', id) !== undefined,
    drop: (ids) => shelf.remove('segments', ids),
    segments: () => shelf.names('segments'),
    documents: {
      put: (name, bytes) => shelf.put('documents', name, bytes),
      get: (name) => shelf.get('documents', name),
      remove: (name) => shelf.remove('documents', [name]),
      names: () => shelf.names('documents'),
    },
    size: () => shelf.size(),
    close: () => shelf.close(),
    [Symbol.asyncDispose]: () => shelf.close(),
  }
  return archive
}
