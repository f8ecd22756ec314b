/**
 * A cut as one file: a head, the manifest, the slices, the segments, and at the end the hash of all
 * of it. It serves "one signed file that stands alone". Invariants: a file that ends early, goes on
 * too long or has one bit changed is not opened; no key is needed to write one, and none to copy it.
 */
import { createHash, type Hash } from 'node:crypto'
import { type FileHandle, open } from 'node:fs/promises'
import { cutNames } from '#protocol/cut.ts'
import { Fault, isFault } from '#protocol/fault.ts'
import type { Archive } from '#store/archive.ts'
import { type CutSource, outlineOf, readingOf, segmentBytesOf } from './cut-source.ts'
import { writeWhole } from './file-output.ts'
import { type CutView, openCut } from './open-cut.ts'

const magic = Buffer.from('perdure-cut-file')
const format = 1
const headBytes = magic.length + 4
/** Kind, length of the name, length of the body. */
const frameBytes = 7
const hashBytes = 32

const kinds = { document: 1, segment: 2, end: 9 } as const

/** The largest segment holds one state, and what a slice's document names is shorter. */
const bodyMost = 512 * 1024 * 1024
const nameMost = 1024

export type FileProgress = { readonly done: number; readonly of: number }

type Keyless = Pick<Archive, 'hashOf' | 'isSigned'>

type Written = { readonly bytes: number; readonly segments: number }

/** Checks what it copies against hashes and the signature; a file of that name must not be there. */
export async function writeCutFile(
  path: string,
  { source, archive, realm }: { readonly source: CutSource; readonly archive: Keyless; readonly realm: string },
  { cut, onProgress }: { readonly cut: string; readonly onProgress?: (progress: FileProgress) => void },
): Promise<Written> {
  const { documents, segments } = await outlineOf(source, archive, { cut, realm })
  const of = [...segments.values()].reduce((sum, { bytes }) => sum + bytes, 0)
  const hash = createHash('sha256')
  let bytes = 0
  await writeWhole(path, async (write) => {
    const put = async (part: Uint8Array): Promise<void> => {
      hash.update(part)
      bytes += part.length
      await write(part)
    }
    await put(headOf())
    for (const [name, body] of documents) await put(frameOf(kinds.document, name, body))
    let done = 0
    for (const id of segments.keys()) {
      const body = await segmentBytesOf(source, archive, id)
      await put(frameOf(kinds.segment, id, body))
      done += body.length
      onProgress?.({ done, of })
    }
    const end = frameOf(kinds.end, '', hash.digest())
    bytes += end.length
    await write(end)
  })
  return { bytes, segments: segments.size }
}

function headOf(): Buffer {
  const head = Buffer.alloc(headBytes)
  head.set(magic)
  head.writeUInt32BE(format, magic.length)
  return head
}

function frameOf(kind: number, name: string, body: Uint8Array): Buffer {
  const called = Buffer.from(name)
  const head = Buffer.alloc(frameBytes)
  head.writeUInt8(kind)
  head.writeUInt16BE(called.length, 1)
  head.writeUInt32BE(body.length, 3)
  return Buffer.concat([head, called, body])
}

export interface CutFile extends AsyncDisposable {
  /** Of the cut in it. */
  readonly id: string
  readonly bytes: number
  readonly source: CutSource
  readonly segments: readonly string[]
  /** Needs the key that the cut was taken with. */
  view(archive: Pick<Archive, 'hashOf' | 'isSigned' | 'signer' | 'rowsIn' | 'opens'>): Promise<CutView>
  close(): Promise<void>
}

type Place = { readonly at: number; readonly length: number }

/** Reads all of it once, so that what is given out later was whole when it was opened. */
export async function openCutFile(path: string, onProgress?: (progress: FileProgress) => void): Promise<CutFile> {
  const handle = await opened(path)
  try {
    const { documents, segments, bytes } = await indexOf(path, handle, onProgress)
    const id = cutIn(path, documents)
    const read = async (place: Place | undefined): Promise<Uint8Array | undefined> => {
      if (place === undefined) return undefined
      const body = Buffer.alloc(place.length)
      const { bytesRead } = await handle.read(body, 0, place.length, place.at)
      if (bytesRead !== place.length) throw unfit(path, 'it became shorter while it was read')
      return body
    }
    const source: CutSource = {
      document: (name) => read(documents.get(name)),
      segment: (segment) => read(segments.get(segment)),
    }
    const close = (): Promise<void> => handle.close()
    return {
      ...{ id, bytes, source, segments: [...segments.keys()], close },
      view: (archive) => openCut({ shelf: readingOf(source, archive, path), archive }, id),
      [Symbol.asyncDispose]: close,
    }
  } catch (error) {
    await handle.close()
    throw error
  }
}

/** Whether it begins like one; nothing more is looked at. */
export async function isCutFile(path: string): Promise<boolean> {
  let handle: FileHandle
  try {
    handle = await opened(path)
  } catch (error) {
    if (isFault(error, 'cut.file')) return false
    throw error
  }
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(magic.length), 0, magic.length, 0)
    return bytesRead === magic.length && magic.equals(buffer)
  } finally {
    await handle.close()
  }
}

async function opened(path: string): Promise<FileHandle> {
  try {
    const handle = await open(path, 'r')
    if ((await handle.stat()).isFile()) return handle
    await handle.close()
  } catch (cause) {
    throw new Fault('cut.file', { value: path, reason: (cause as Error).message }, { cause })
  }
  throw unfit(path, 'it is no file')
}

type Index = {
  readonly documents: ReadonlyMap<string, Place>
  readonly segments: ReadonlyMap<string, Place>
  readonly bytes: number
}

async function indexOf(
  path: string,
  handle: FileHandle,
  onProgress: ((progress: FileProgress) => void) | undefined,
): Promise<Index> {
  const { size: of } = await handle.stat()
  const reader = readerOf(path, handle, of)
  const head = await reader.take(headBytes)
  if (!head.subarray(0, magic.length).equals(magic)) throw unfit(path, 'it does not begin as one')
  const have = head.readUInt32BE(magic.length)
  if (have > format) throw new Fault('cut.format', { value: `the file ${path}`, have, want: format })
  const documents = new Map<string, Place>()
  const segments = new Map<string, Place>()
  for (;;) {
    const before = reader.sum()
    const frame = await reader.take(frameBytes)
    const [kind, nameLength, length] = [frame.readUInt8(), frame.readUInt16BE(1), frame.readUInt32BE(3)]
    if (kind === kinds.end) {
      const hash = nameLength === 0 && length === hashBytes ? await reader.take(hashBytes) : undefined
      if (hash === undefined || !hash.equals(before)) throw unfit(path, 'the hash at its end is not that of its bytes')
      if (reader.at() !== of) throw unfit(path, 'it goes on after its end')
      return { documents, segments, bytes: of }
    }
    const table = kind === kinds.document ? documents : kind === kinds.segment ? segments : undefined
    if (table === undefined || nameLength > nameMost || length > bodyMost)
      throw unfit(path, `what lies at byte ${reader.at() - frameBytes} is no part of one`)
    const name = (await reader.take(nameLength)).toString()
    table.set(name, { at: reader.at(), length })
    await reader.pass(length)
    onProgress?.({ done: reader.at(), of })
  }
}

const windowBytes = 1024 * 1024

type Reader = {
  take(length: number): Promise<Buffer>
  pass(length: number): Promise<void>
  at(): number
  /** The hash of all that was read so far. */
  sum(): Buffer
}

function readerOf(path: string, handle: FileHandle, size: number): Reader {
  const hash: Hash = createHash('sha256')
  const window = Buffer.alloc(windowBytes)
  let filled = 0
  let used = 0
  let at = 0

  /** Some bytes, as many as there are at once up to this number. */
  async function some(most: number): Promise<Buffer> {
    if (used === filled) {
      filled = (await handle.read(window, 0, windowBytes, at)).bytesRead
      used = 0
      if (filled === 0) throw unfit(path, `it ends at byte ${at}, in the middle`)
    }
    const part = window.subarray(used, Math.min(filled, used + most))
    used += part.length
    at += part.length
    hash.update(part)
    return part
  }

  async function pass(length: number): Promise<void> {
    // Said before it is read: a length may be what is damaged.
    if (at + length > size) throw unfit(path, `it ends at byte ${size}, in the middle`)
    for (let left = length; left > 0;) left -= (await some(left)).length
  }

  return {
    async take(length) {
      if (at + length > size) throw unfit(path, `it ends at byte ${size}, in the middle`)
      const all = Buffer.alloc(length)
      for (let got = 0; got < length;) {
        const part = await some(length - got)
        all.set(part, got)
        got += part.length
      }
      return all
    },
    pass,
    at: () => at,
    sum: () => hash.copy().digest(),
  }
}

function cutIn(path: string, documents: ReadonlyMap<string, Place>): string {
  const [name] = documents.keys()
  const id = name?.startsWith(cutNames.manifest('')) === true ? name.slice(cutNames.manifest('').length) : undefined
  if (id === undefined) throw unfit(path, 'there is no manifest in it')
  return id
}

function unfit(path: string, reason: string): Fault {
  return new Fault('cut.file', { value: path, reason })
}
