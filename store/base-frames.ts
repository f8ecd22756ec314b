/**
 * The frames that a base consists of: a length, a checksum, and packed msgpack, or bytes as they were
 * given. They serve the clause "LMDB follows the log". Invariant: what is given out of a frame is what
 * was put into it.
 */
import { crc32 } from 'node:zlib'
import { decode, encode } from '#protocol/codec.ts'
import { Fault } from '#protocol/fault.ts'
import { packed, unpacked } from './zstd.ts'

const magic = Buffer.from('perdure\x01')

/** The length of a frame and its checksum. */
const frameHeadBytes = 8
/** In the length: the bytes as they were given. */
const asGiven = 0x80000000

export type BaseFrames = {
  /** In the order in which they are given, though they are compressed away from this thread. */
  push(value: unknown): Promise<void>
  /** Of what is packed already. */
  pushBytes(bytes: Uint8Array): Promise<void>
  /** Once all of them were pushed. */
  bytes(): Uint8Array
}

export function openBaseFrames(): BaseFrames {
  const frames: Uint8Array[] = [magic]
  let before: Promise<void> = Promise.resolve()

  async function add(packing: Promise<Uint8Array>, mark: number, earlier: Promise<void>): Promise<void> {
    const body = await packing
    await earlier
    const head = Buffer.allocUnsafe(frameHeadBytes)
    head.writeUInt32LE(mark + body.length, 0)
    head.writeUInt32LE(crc32(body), 4)
    frames.push(head, body)
  }

  return {
    push(value) {
      const packing = packed(encode(value))
      return (before = add(packing, 0, before))
    },
    pushBytes: (bytes) => (before = add(Promise.resolve(bytes), asGiven, before)),
    bytes: () => Buffer.concat(frames),
  }
}

/** What was pushed, in its order. */
export async function* valuesOf(bytes: Uint8Array): AsyncGenerator {
  const blob = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  if (!blob.subarray(0, magic.length).equals(magic)) throw undecodable('it does not begin as one')
  for (let at = magic.length; at < blob.length;) {
    const start = at + frameHeadBytes
    const marked = start > blob.length ? 0 : blob.readUInt32LE(at)
    const isGiven = marked >= asGiven
    const end = start + (isGiven ? marked - asGiven : marked)
    if (end > blob.length) throw undecodable('it ends early')
    if (crc32(blob.subarray(start, end)) !== blob.readUInt32LE(at + 4)) throw undecodable('a part of it is damaged')
    try {
      yield isGiven ? blob.subarray(start, end) : decode(await unpacked(blob.subarray(start, end)))
    } catch (cause) {
      throw undecodable('a part of it is damaged', cause)
    }
    at = end
  }
}

export function undecodable(reason: string, cause?: unknown): Fault {
  return new Fault('base.undecodable', { reason }, { cause })
}
