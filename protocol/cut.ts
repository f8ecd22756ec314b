/**
 * A cut: a consistent picture of the whole realm, taken while it runs. It is a manifest that names
 * slices (one a partition) and what was in flight between them; all of it is stored in segments
 * that are named by the hash of their bytes, so that cuts share what did not change. Invariant: a
 * cut exists once its manifest is stored, and everything that it names was stored before.
 */
import type { Address } from './address.ts'
import { decode, encodeTree } from './codec.ts'
import { checkFormat, cutFormat, reading } from './cut-format.ts'
import type { FoldedPartition } from './folded.ts'

/** Rows in order, packed and sealed; the name is the SHA-256 of the bytes as they are stored, in hex. */
export type SegmentRef = {
  readonly id: string
  readonly bytes: number
  readonly rows: number
  /** The first and the last row's own key: an address in a slice. */
  readonly first: string
  readonly last: string
  /** Nobody in it can wait for anybody, so it need not be read to know who waits. */
  readonly quiet?: boolean
}

/** Segments with ascending rows, none of which overlap. */
export type Layer = readonly SegmentRef[]

/** One partition's part of a cut: its position, and the states of its actors as layers, the newest first. */
export type CutSlice = {
  readonly format: number
  readonly cut: string
  readonly partition: number
  /** Where the marker stands in the mailbox, and the commit that recorded it on the log. */
  readonly marker: number
  readonly position: FoldedPartition
  /** The marks of its clients' sessions; rows [session, n, at]. */
  readonly clients: Layer
  readonly layers: readonly Layer[]
  readonly census: Census
  /** Emitted events that subscribers here have not heard: the pattern, and the position up to which one has. */
  readonly unheard: readonly (readonly [pattern: string, from: number])[]
  readonly node: string
  readonly at: number
  /** Bytes that this slice added to the archive. */
  readonly added: number
  /** How long its node stood still at most while it was recorded, for whatever reason. */
  readonly pauseMs?: number | undefined
}

export type Census = {
  /** Actors by kind. */
  readonly kinds: Readonly<Record<string, number>>
  /** Actors that wait for a timer, for an effect, and that subscribed to something. */
  readonly timers: number
  readonly effects: number
  readonly subscribed: number
}

/** An actor in a slice: without a state it is gone, and hides what older layers say. */
export type StateRow = readonly [address: Address, state: Uint8Array | null, due?: number | null, flags?: number]

/** An entry in flight: what was sent before the cut and consumed after it, without the record that it carried. */
export type FlightRow = readonly [position: number, subject: string, data: Uint8Array, at: number, id?: string | null]

/** From a partition, the outside (`x`), an effect (`e`), an operator (`c`) or a topic (`ev`) to a partition. */
export type Channel = readonly [from: string, to: number, envelopes: number]

export type CutManifest = {
  readonly format: number
  readonly id: string
  readonly name: string | undefined
  readonly realm: string
  readonly generation: number
  readonly partitions: number
  /** The instant the stream was made: with the generation, the identity of the log. */
  readonly log: string
  /** Up to which incarnation positions count. */
  readonly by: string
  readonly release: string
  /** When the markers were stored, when the last partition had recorded, when all of it was durable. */
  readonly begunAt: number
  readonly recordedAt: number
  readonly wholeAt: number
  /** By partition: the name of its slice's document, and what it says in short. */
  readonly slices: readonly SliceRef[]
  readonly flights: Layer
  /** What was parked; nothing where nothing was. */
  readonly parked?: Layer | undefined
  readonly channels: readonly Channel[]
  readonly kinds: readonly KindInCut[]
  /** The cut that its layers build on. */
  readonly base: string | undefined
  readonly added: number
  /** The public key of whoever signed it, and the signature over everything above. */
  readonly signer: Uint8Array
  readonly signature: Uint8Array
}

export type KindInCut = { readonly kind: string; readonly version: number; readonly hash: string }

export type SliceRef = {
  readonly partition: number
  /** SHA-256 of the slice document's bytes. */
  readonly hash: string
  readonly marker: number
  readonly commit: number
  readonly n: number
  readonly actors: number
  readonly bytes: number
}

/** What the registry says of a cut while it is made and afterwards: enough for a list. */
export type CutNote = {
  readonly id: string
  readonly name: string | undefined
  /** Of a removed one nothing is opened or built on any more; its note goes when its bytes are gone. */
  readonly state: 'begun' | 'recorded' | 'whole' | 'abandoned' | 'removed'
  readonly begunAt: number
  readonly at: number
  readonly node: string
  readonly generation: number
  readonly actors: number
  readonly inFlight: number
  readonly added: number
  readonly bytes: number
  /** Why it was abandoned. */
  readonly reason: string | undefined
  /** Who asked: a person, the schedule, a restore. */
  readonly by: string
  /** When it is given up, whatever became of the node that takes it. */
  readonly deadline: number
  /** Forks that need it; while there are some it is not removed. */
  readonly heldBy?: readonly string[] | undefined
}

type Unsigned = Omit<CutManifest, 'signature'>

/** What the signature is over; the order of the fields is fixed here. */
export function signedBytesOf(manifest: Unsigned): Uint8Array {
  const m = manifest
  return encodeTree([
    m.format,
    m.id,
    m.name ?? null,
    m.realm,
    m.generation,
    m.partitions,
    m.log,
    m.by,
    m.release,
    m.begunAt,
    m.recordedAt,
    m.wholeAt,
    m.slices.map((s) => [s.partition, s.hash, s.marker, s.commit, s.n, s.actors, s.bytes]),
    m.flights.map(segmentArrayOf),
    m.channels,
    m.kinds.map((k) => [k.kind, k.version, k.hash]),
    m.base ?? null,
    m.added,
    m.signer,
    ...(m.parked === undefined || m.parked.length === 0 ? [] : [m.parked.map(segmentArrayOf)]),
  ])
}

export function encodeManifest(manifest: CutManifest): Uint8Array {
  return encodeTree([signedBytesOf(manifest), manifest.signature])
}

export function decodeManifest(bytes: Uint8Array): CutManifest {
  return reading('a manifest', () => {
    const [signed, signature] = decode(bytes) as [Uint8Array, Uint8Array]
    const f = decode(signed) as unknown[]
    checkFormat(f[0], 'a cut')
    return {
      format: f[0] as number,
      id: f[1] as string,
      name: (f[2] as string | null) ?? undefined,
      realm: f[3] as string,
      generation: f[4] as number,
      partitions: f[5] as number,
      log: f[6] as string,
      by: f[7] as string,
      release: f[8] as string,
      begunAt: f[9] as number,
      recordedAt: f[10] as number,
      wholeAt: f[11] as number,
      slices: (f[12] as unknown[][]).map((s) => ({
        partition: s[0] as number,
        hash: s[1] as string,
        marker: s[2] as number,
        commit: s[3] as number,
        n: s[4] as number,
        actors: s[5] as number,
        bytes: s[6] as number,
      })),
      flights: layerOf(f[13]),
      channels: f[14] as Channel[],
      kinds: (f[15] as [string, number, string][]).map(([kind, version, hash]) => ({ kind, version, hash })),
      base: (f[16] as string | null) ?? undefined,
      added: f[17] as number,
      signer: f[18] as Uint8Array,
      ...(f[19] === undefined ? {} : { parked: layerOf(f[19]) }),
      signature,
    }
  })
}

export function encodeSlice(slice: CutSlice): Uint8Array {
  const s = slice
  return encodeTree([
    s.format,
    s.cut,
    s.partition,
    s.marker,
    s.position,
    s.clients.map(segmentArrayOf),
    s.layers.map((layer) => layer.map(segmentArrayOf)),
    [s.census.kinds, s.census.timers, s.census.effects, s.census.subscribed],
    s.unheard,
    s.node,
    ...[s.at, s.added, s.pauseMs],
  ])
}

export function decodeSlice(bytes: Uint8Array): CutSlice {
  return reading('a slice', () => {
    const f = decode(bytes) as unknown[]
    checkFormat(f[0], 'a slice')
    const [kinds, timers, effects, subscribed] = f[7] as [Record<string, number>, number, number, number]
    return {
      format: f[0] as number,
      cut: f[1] as string,
      partition: f[2] as number,
      marker: f[3] as number,
      position: f[4] as FoldedPartition,
      clients: layerOf(f[5]),
      layers: (f[6] as unknown[]).map(layerOf),
      census: { kinds, timers, effects, subscribed },
      unheard: f[8] as [string, number][],
      node: f[9] as string,
      at: f[10] as number,
      ...{ added: f[11] as number, pauseMs: f[12] as number | undefined },
    }
  })
}

export function encodeCutNote(note: CutNote): Uint8Array {
  const n = note
  return encodeTree([
    ...[cutFormat, n.id, n.name ?? null, n.state, n.begunAt, n.at, n.node, n.generation],
    ...[n.actors, n.inFlight, n.added, n.bytes, n.reason ?? null, n.by, n.deadline],
    ...(n.heldBy === undefined || n.heldBy.length === 0 ? [] : [n.heldBy]),
  ])
}

export function decodeCutNote(bytes: Uint8Array): CutNote {
  return reading('a note of a cut', () => {
    const f = decode(bytes) as unknown[]
    checkFormat(f[0], 'a note of a cut')
    return {
      id: f[1] as string,
      name: (f[2] as string | null) ?? undefined,
      state: f[3] as CutNote['state'],
      begunAt: f[4] as number,
      at: f[5] as number,
      node: f[6] as string,
      generation: f[7] as number,
      actors: f[8] as number,
      inFlight: f[9] as number,
      added: f[10] as number,
      bytes: f[11] as number,
      reason: (f[12] as string | null) ?? undefined,
      by: f[13] as string,
      deadline: f[14] as number,
      ...(f[15] === undefined ? {} : { heldBy: f[15] as string[] }),
    }
  })
}

/** The blob that holds a document of a cut. */
export const cutNames = {
  manifest: (cut: string) => `cut.${cut}`,
  slice: (cut: string, partition: number) => `cut.${cut}.${partition}`,
  segment: (id: string) => `segment.${id}`,
  /** Its note in the registry. */
  note: (cut: string) => `cut.${cut}`,
} as const

function segmentArrayOf({ id, bytes, rows, first, last, quiet }: SegmentRef): unknown[] {
  return [id, bytes, rows, first, last, ...(quiet === true ? [true] : [])]
}

function layerOf(value: unknown): Layer {
  return (value as [string, number, number, string, string, boolean?][]).map(
    ([id, bytes, rows, first, last, quiet]) => ({
      ...{ id, bytes, rows, first, last },
      ...(quiet === true ? { quiet } : {}),
    }),
  )
}
