/**
 * Says what of a cut lies in this node's archive and is sound. It serves "a copy that is only in one
 * archive is said so". Invariant: only what matches its own name, or can be read, is said to be held.
 */
import { cutNames, decodeManifest, decodeSlice } from '#protocol/cut.ts'
import { isFault } from '#protocol/fault.ts'
import type { Archive } from '#store/archive.ts'

export function heldIn(archive: Archive, names: readonly string[]): readonly string[] {
  return names.filter((name) => {
    const prefix = cutNames.segment('')
    return name.startsWith(prefix) ? isSound(archive, name.slice(prefix.length)) : isReadable(archive, name)
  })
}

function isSound(archive: Archive, id: string): boolean {
  const bytes = archive.bytes(id)
  return bytes !== undefined && archive.hashOf(bytes) === id
}

function isReadable(archive: Archive, name: string): boolean {
  const bytes = archive.documents.get(name)
  if (bytes === undefined) return false
  try {
    const read = name.split('.').length === 2 ? decodeManifest : decodeSlice
    read(bytes)
    return true
  } catch (error) {
    if (isFault(error)) return false
    throw error
  }
}
