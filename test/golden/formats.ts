/** How the bytes of each stored format are read, and what was read as text that JSON can hold. */
import { apply } from '#protocol/delta.ts'
import { decodeAnswer } from '#protocol/answer.ts'
import { decode, Ref } from '#protocol/codec.ts'
import { decodeCutCheck } from '#protocol/cut-check.ts'
import { decodeCutDrill } from '#protocol/cut-drill.ts'
import { decodeCutNote, decodeManifest, decodeSlice } from '#protocol/cut.ts'
import { decodeDrainProgress, decodeDrainRequest } from '#protocol/drain.ts'
import { decodeEnvelope } from '#protocol/envelope.ts'
import { decodeErrand, decodeReply } from '#protocol/errand.ts'
import { parseFork } from '#protocol/fork.ts'
import { decodeHeartbeat } from '#protocol/heartbeat.ts'
import { decodeHeld } from '#protocol/held.ts'
import { decodeOutside } from '#protocol/outside.ts'
import { decodeParked } from '#protocol/parked.ts'
import { decodeAnswered, decodeQuery } from '#protocol/query.ts'
import { decodeRecord } from '#protocol/record.ts'
import { decodeStandstill } from '#protocol/standstill.ts'
import { decodeState } from '#protocol/state.ts'
import { decodeTrimAnswer, decodeTrimAsk } from '#protocol/trimming.ts'
import { decodeKindEntry } from '#runtime/core/kind-entry.ts'
import { decodeMendRow } from '#runtime/core/mend-row.ts'
import { openBaseReader } from '#store/base-blob.ts'
import { sealing } from '#test/support/sealed-layers.ts'
import { identity } from '#test/support/store-samples.ts'
import { readCutFile } from './cut-file.ts'
import { deltaBase } from './samples.ts'

export type Golden = { readonly format: string; readonly bytes: string; readonly value: unknown }

export const readers: Readonly<Record<string, (bytes: Uint8Array) => unknown>> = {
  value: decode,
  envelope: (bytes) => decodeEnvelope('order/42', bytes),
  outside: (bytes) => decodeOutside({ to: 'order/42', at: 1700000000000, bytes }),
  record: decodeRecord,
  state: decodeState,
  delta: (bytes) => apply(deltaBase, bytes),
  parked: (bytes) => decodeParked('order/42', bytes),
  answer: decodeAnswer,
  'cut-check': decodeCutCheck,
  'cut-drill': decodeCutDrill,
  'cut-file': readCutFile,
  'cut-manifest': decodeManifest,
  'cut-note': decodeCutNote,
  'cut-slice': decodeSlice,
  fork: (bytes) => parseFork(new TextDecoder().decode(bytes)),
  standstill: decodeStandstill,
  kind: (bytes) => decodeKindEntry('order', bytes),
  mended: (bytes) => decodeMendRow(bytes, 4711),
  held: decodeHeld,
  // Never stored, but nodes of two releases talk to each other.
  heartbeat: decodeHeartbeat,
  errand: decodeErrand,
  reply: decodeReply,
  'trim-ask': decodeTrimAsk,
  'trim-answer': decodeTrimAnswer,
  'drain-request': decodeDrainRequest,
  'drain-progress': decodeDrainProgress,
  query: decodeQuery,
  answered: decodeAnswered,
  base: async (bytes) => {
    const { header, frames } = await openBaseReader(bytes, identity, { unseal: sealing.unsealed })
    const actors = (await Array.fromAsync(frames())).flat()
    // Where the clients stood in the first bases: a field of the position.
    const { identity: of, partition, clients } = header
    const named = Object.fromEntries(clients.map(([session, n, at]) => [session, [n, at]]))
    return { header: { identity: of, partition: { ...partition, clients: named } }, actors: actors.map(([address, state, needs]) => [address, decodeState(state), needs]) }
  },
}

/** Anything as JSON: what JSON does not know stands in an object with one key that begins with `$`. */
export function plainOf(value: unknown): unknown {
  if (value === undefined) return { $undefined: true }
  if (typeof value === 'bigint') return { $bigint: String(value) }
  if (typeof value === 'number') return Number.isFinite(value) ? value : { $number: String(value) }
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(plainOf)
  if (value instanceof Date) return { $date: Number.isNaN(value.getTime()) ? 'invalid' : value.toISOString() }
  if (value instanceof Map) return { $map: Array.from(value, (entry) => plainOf(entry)) }
  if (value instanceof Set) return { $set: Array.from(value, plainOf) }
  if (value instanceof Ref) return { $ref: [value.address, value.id, value.systemId ?? null, value.effectId ?? null] }
  if (value instanceof RegExp) return { $regexp: String(value) }
  if (value instanceof Error) return { $error: [value.name, value.message, plainOf(value.cause), plainOf(Object.fromEntries(Object.entries(value)))] }
  if (ArrayBuffer.isView(value)) return { [`$${value.constructor.name === 'Buffer' ? 'bytes' : value.constructor.name}`]: Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('hex') }
  return Object.fromEntries(Object.entries(value).filter(([, part]) => part !== undefined).map(([name, part]) => [name, plainOf(part)]))
}

export async function readGolden(format: string, bytes: Uint8Array): Promise<unknown> {
  const read = readers[format]
  if (read === undefined) throw new Error(`no reader for the format "${format}"`)
  return plainOf(await read(bytes))
}
