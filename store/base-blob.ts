/**
 * A partition as bytes that describe themselves: frames of compressed msgpack, the first of them
 * the header. It serves the clause "LMDB follows the log": a node that has nothing begins with
 * the newest base and folds only what came after it. It holds states, not history.
 */
import { promisify } from 'node:util'
import { constants, zstdCompress, zstdDecompress } from 'node:zlib'
import type { Address } from '#protocol/address.ts'
import { decode, encode } from '#protocol/codec.ts'
import { Fault } from '#protocol/fault.ts'
import type { FoldedPartition, Needs, StoreIdentity } from './store.ts'

export const baseFormat = 1

const magic = Buffer.from('perdure\x01')
const compress = promisify(zstdCompress)
const decompress = promisify(zstdDecompress)

/** A frame is closed when it holds this many bytes: one slice of work without a pause. */
export const frameBytes = 256 * 1024

export type BaseHeader = { readonly identity: StoreIdentity; readonly partition: FoldedPartition }
export type BaseActor = readonly [address: Address, state: Uint8Array, needs: Needs]

export type BaseWriter = {
  add(actor: BaseActor): void
  /** True when a frame is full: the moment to let others run. */
  isFull(): boolean
  /** Compresses what was added; away from this thread. */
  flush(): Promise<void>
  end(): Promise<Uint8Array>
}

export function openBaseWriter(header: BaseHeader): BaseWriter {
  const frames: Buffer[] = [magic]
  let actors: BaseActor[] = []
  let bytes = 0
  const push = async (value: unknown) => {
    const raw = encode(value)
    const packed = await compress(raw, { params: { [constants.ZSTD_c_compressionLevel]: 1, [constants.ZSTD_c_checksumFlag]: 1 } })
    const length = Buffer.allocUnsafe(4)
    length.writeUInt32LE(packed.length)
    frames.push(length, packed)
  }
  const { identity, partition } = header
  const head = push([baseFormat, identity.realm, identity.generation, identity.partitions, identity.log, partition])
  const flush = async () => {
    const taken = actors
    actors = []
    bytes = 0
    await head
    if (taken.length > 0) await push(taken.map(([address, state, needs]) => [address, state, needs.due ?? null, (needs.effects ? 1 : 0) | (needs.subscribed ? 2 : 0)]))
  }
  return {
    add(actor) {
      actors.push(actor)
      bytes += actor[0].length + actor[1].length
    },
    isFull: () => bytes >= frameBytes,
    flush,
    async end() {
      await flush()
      return Buffer.concat(frames)
    },
  }
}

export type BaseReader = { readonly header: BaseHeader; frames(): AsyncGenerator<readonly BaseActor[]> }

/** Refuses a base of another realm, or of another number of partitions. */
export async function openBaseReader(bytes: Uint8Array, ours: StoreIdentity): Promise<BaseReader> {
  const blob = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  if (!blob.subarray(0, magic.length).equals(magic)) throw undecodable('it does not begin as one')
  let at = magic.length
  const next = async (): Promise<unknown[] | undefined> => {
    if (at === blob.length) return undefined
    if (at + 4 > blob.length) throw undecodable('it ends early')
    const start = at + 4
    at = start + blob.readUInt32LE(at)
    if (at > blob.length) throw undecodable('it ends early')
    try {
      return decode(await decompress(blob.subarray(start, at))) as unknown[]
    } catch (cause) {
      throw undecodable('a part of it is damaged', cause)
    }
  }
  const head = await next()
  if (head === undefined) throw undecodable('it ends early')
  if ((head[0] as number) > baseFormat) throw new Fault('store.format', { value: 'a base', have: String(head[0]), want: baseFormat })
  const identity = { realm: head[1] as string, generation: head[2] as number, partitions: head[3] as number, log: head[4] as string }
  if (identity.realm !== ours.realm || identity.partitions !== ours.partitions) {
    throw new Fault('store.foreign', { value: 'this base', have: `${identity.realm}, ${identity.partitions} partitions`, want: `${ours.realm}, ${ours.partitions} partitions` })
  }
  return {
    header: { identity, partition: head[5] as FoldedPartition },
    async *frames() {
      for (let frame = await next(); frame !== undefined; frame = await next()) yield frame.map(actorOf)
    },
  }
}

function actorOf(fields: unknown): BaseActor {
  const [address, state, due, flags] = fields as [Address, Uint8Array, number | null, number]
  return [address, state, { ...(due === null ? {} : { due }), ...(flags & 1 ? { effects: true } : {}), ...(flags & 2 ? { subscribed: true } : {}) }]
}

function undecodable(reason: string, cause?: unknown): Fault {
  return new Fault('base.undecodable', { reason }, { cause })
}
