/**
 * Packing and unpacking what is stored in large parts. It serves "zstd per segment". Left to itself
 * zlib hands out 16 KB at a time and puts them together, which costs several times the unpacking.
 */
import { promisify } from 'node:util'
import { constants, zstdCompress, zstdCompressSync, zstdDecompress, zstdDecompressSync } from 'node:zlib'

const compress = promisify(zstdCompress)
const decompress = promisify(zstdDecompress)

/** What is small is done sooner than another thread has it. */
const smallBytes = 64 * 1024
const roomLeast = 16 * 1024
const roomMost = 1024 * 1024

const params = { [constants.ZSTD_c_compressionLevel]: 1 }

/** Away from this thread when it is large. */
export async function packed(plain: Uint8Array): Promise<Buffer> {
  const options = { params, chunkSize: roomOf(plain.length) }
  return plain.length < smallBytes ? zstdCompressSync(plain, options) : await compress(plain, options)
}

/** In this turn: another thread has each of very many sooner, and what it leaves behind costs more to collect. */
export function packedNow(plain: Uint8Array): Buffer {
  return zstdCompressSync(plain, { params, chunkSize: roomOf(plain.length) })
}

export function unpacked(bytes: Uint8Array, bytesMost?: number): Promise<Buffer> {
  return decompress(bytes, optionsOf(bytes, bytesMost))
}

export function unpackedNow(bytes: Uint8Array, bytesMost: number): Buffer {
  return zstdDecompressSync(bytes, optionsOf(bytes, bytesMost))
}

function optionsOf({ length }: Uint8Array, bytesMost: number | undefined): object {
  // States shrink to a half or a third.
  return {
    chunkSize: roomOf(3 * length),
    ...(bytesMost === undefined ? {} : { maxOutputLength: bytesMost }),
  }
}

function roomOf(bytes: number): number {
  return Math.min(roomMost, Math.max(roomLeast, bytes))
}
