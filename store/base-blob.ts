/**
 * A partition as bytes that describe themselves: frames of compressed msgpack, the first of them
 * the header, the last of them the number of actors. It serves the clause "LMDB follows the log": a node that has nothing begins with
 * the newest base and folds only what came after it. It holds states, not history.
 */
import { promisify } from 'node:util'
import { constants, crc32, zstdCompress, zstdDecompress } from 'node:zlib'
import type { Address } from '#protocol/address.ts'
import { decode, encode } from '#protocol/codec.ts'
import type { StateRow } from '#protocol/cut.ts'
import { Fault } from '#protocol/fault.ts'
import type { ClientMark, FoldedPartition } from '#protocol/folded.ts'
import type { Needs, StoreIdentity } from './store.ts'

export const baseFormat = 1

const magic = Buffer.from('perdure\x01')
const compress = promisify(zstdCompress)
const decompress = promisify(zstdDecompress)

/** The length of a frame and its checksum. */
const frameHeadBytes = 8

/** A frame is closed when it holds this many bytes: one slice of work without a pause. */
const frameBytes = 256 * 1024

export type BaseHeader = {
  readonly identity: StoreIdentity
  readonly partition: FoldedPartition
  readonly clients: readonly ClientMark[]
}
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
  let count = 0
  const push = async (value: unknown) => {
    const raw = encode(value)
    const packed = await compress(raw, { params: { [constants.ZSTD_c_compressionLevel]: 1 } })
    const head = Buffer.allocUnsafe(frameHeadBytes)
    head.writeUInt32LE(packed.length, 0)
    head.writeUInt32LE(crc32(packed), 4)
    frames.push(head, packed)
  }
  const { identity, partition, clients } = header
  const { realm, generation, partitions, log } = identity
  const head = push([baseFormat, realm, generation, partitions, log, partition, clients])
  const flush = async () => {
    const taken = actors
    count += taken.length
    actors = []
    bytes = 0
    await head
    if (taken.length > 0)
      await push(
        taken.map(([address, state, needs]) => [
          address,
          state,
          needs.due ?? null,
          (needs.effects ? 1 : 0) | (needs.subscribed ? 2 : 0),
        ]),
      )
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
      await push(count)
      return Buffer.concat(frames)
    },
  }
}

/** The same from rows as a cut has them. */
export async function baseOfRows(header: BaseHeader, rows: AsyncIterable<StateRow>): Promise<Uint8Array> {
  const writer = openBaseWriter(header)
  for await (const [address, state, due, flags = 0] of rows) {
    if (state === null) continue
    writer.add(actorOf([address, state, due, flags]))
    if (writer.isFull()) await writer.flush()
  }
  return writer.end()
}

export type BaseReader = { readonly header: BaseHeader; frames(): AsyncGenerator<readonly BaseActor[]> }

/**
 * Refuses a base of another realm or another number of partitions, and one that is not whole:
 * all of it has been looked at before anybody builds on the first part.
 */
export async function openBaseReader(bytes: Uint8Array, ours: StoreIdentity): Promise<BaseReader> {
  const blob = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  if (!blob.subarray(0, magic.length).equals(magic)) throw undecodable('it does not begin as one')
  const values = valuesOf(blob)
  const { value: head, done } = await values.next()
  if (done || !Array.isArray(head)) throw undecodable('it ends early')
  if ((head[0] as number) > baseFormat)
    throw new Fault('store.format', { value: 'a base', have: String(head[0]), want: baseFormat })
  const identity = {
    realm: head[1] as string,
    generation: head[2] as number,
    partitions: head[3] as number,
    log: head[4] as string,
  }
  if (identity.realm !== ours.realm || identity.partitions !== ours.partitions) {
    throw new Fault('store.foreign', {
      value: 'this base',
      have: `${identity.realm}, ${identity.partitions} partitions`,
      want: `${ours.realm}, ${ours.partitions} partitions`,
    })
  }
  let count = 0
  let isWhole = false
  for await (const value of values) {
    if (Array.isArray(value)) count += value.length
    else isWhole = value === count
  }
  if (!isWhole) throw undecodable('it ends early')
  return {
    header: { identity, ...positionOf(head) },
    async *frames() {
      const again = valuesOf(blob)
      await again.next()
      for await (const value of again) if (Array.isArray(value)) yield value.map(actorOf)
    },
  }
}

/** The first bases named each client as a field of the position. */
function positionOf(head: readonly unknown[]): Omit<BaseHeader, 'identity'> {
  const { clients: named, ...partition } = head[5] as FoldedPartition & {
    clients?: Readonly<Record<string, readonly [number, number]>>
  }
  const clients = (head[6] as ClientMark[] | undefined) ?? []
  if (named === undefined) return { partition, clients }
  return { partition, clients: Object.entries(named).map(([session, [n, at]]) => [session, n, at]) }
}

async function* valuesOf(blob: Buffer): AsyncGenerator {
  for (let at = magic.length; at < blob.length;) {
    const start = at + frameHeadBytes
    const end = start > blob.length ? start : start + blob.readUInt32LE(at)
    if (end > blob.length) throw undecodable('it ends early')
    if (crc32(blob.subarray(start, end)) !== blob.readUInt32LE(at + 4)) throw undecodable('a part of it is damaged')
    try {
      yield decode(await decompress(blob.subarray(start, end)))
    } catch (cause) {
      throw undecodable('a part of it is damaged', cause)
    }
    at = end
  }
}

function actorOf(fields: unknown): BaseActor {
  const [address, state, due = null, flags] = fields as [Address, Uint8Array, number | null | undefined, number]
  return [
    address,
    state,
    {
      ...(due === null ? {} : { due }),
      ...(flags & 1 ? { effects: true } : {}),
      ...(flags & 2 ? { subscribed: true } : {}),
    },
  ]
}

function undecodable(reason: string, cause?: unknown): Fault {
  return new Fault('base.undecodable', { reason }, { cause })
}
