import { expect, test } from 'vitest'
import { encode, encodeTree } from '#protocol/codec.ts'
import { decodeCutCall } from '#protocol/cut-call.ts'
import { decodeCutCheck } from '#protocol/cut-check.ts'
import { decodeCutDrill } from '#protocol/cut-drill.ts'
import { decodeCutNote, decodeManifest, decodeSlice } from '#protocol/cut.ts'

const documents: readonly (readonly [string, (bytes: Uint8Array) => unknown])[] = [
  ['the call', decodeCutCall],
  ['the manifest', decodeManifest],
  ['a slice', decodeSlice],
  ['the note', decodeCutNote],
  ['a check', decodeCutCheck],
  ['the report of a drill', decodeCutDrill],
]

test.each(documents)('%s of a cut that is damaged is refused as that, and never read as something else', (_, read) => {
  for (const value of ['something', {}, [], [undefined], ['1', 'a', 'b']])
    expect(() => read(encode(value))).toThrow(expect.objectContaining({ code: 'cut.undecodable' }))
})

test.each(documents)('%s of a cut that a later release wrote is refused by its format', (_, read) => {
  const later = [1_000_000, 'what nobody knows yet']
  const signed = read === decodeManifest ? [encodeTree(later), new Uint8Array()] : later
  expect(() => read(encode(signed))).toThrow(expect.objectContaining({ code: 'cut.format' }))
})
