/**
 * Rows of states written one behind the other into the bytes of one bundle, as `encodeTree` would write
 * the array of them. A row is read into a place that the next one is read into as well, so it is written
 * at once and nothing of it is kept. It serves "a cut never stops the realm". Invariant: what is decoded
 * from a bundle is the rows that were added, in their order.
 */
import { type Bundle, bundleBytes, bundleRows } from '#protocol/bundle.ts'
import { encodeTree } from '#protocol/codec.ts'
import { mayNameChild } from '#protocol/quiet-rows.ts'
import { flagsOf } from './state-rows.ts'
import type { Needs } from './store.ts'

export type RowPacker = {
  /** The address as it stands in keys; without a state it is gone. */
  add(address: Uint8Array, state: Uint8Array | undefined, needs: Needs): void
  isFull(): boolean
  /** What was added since the last one; nothing when that is nothing. */
  take(): Bundle | undefined
}

/** An array of any number, the number behind it. */
const headBytes = 5
/** More than the marks of a row, its instant and flags. */
const marksBytes = 64
/** The last row goes beyond what makes a bundle full. */
const spareBytes = 16 * 1024

export function packRows(): RowPacker {
  let plain = Buffer.alloc(0)
  let at = headBytes
  let rows = 0
  let isNeedy = false
  let first = ''
  let last = { start: 0, end: 0 }

  function reserve(bytes: number): void {
    if (at + bytes <= plain.length) return
    const wanted = Math.max(bundleBytes + spareBytes, 2 * (at + bytes))
    const grown = Buffer.allocUnsafeSlow(plain.length === 0 ? bundleBytes + spareBytes + bytes : wanted)
    grown.set(plain.subarray(0, at))
    plain = grown
  }

  function writeText(text: Uint8Array): void {
    if (text.length < 32) plain[at++] = 0xa0 | text.length
    else if (text.length < 256) {
      plain[at++] = 0xd9
      plain[at++] = text.length
    } else {
      plain[at++] = 0xda
      at = plain.writeUInt16BE(text.length, at)
    }
    last = { start: at, end: at + text.length }
    plain.set(text, at)
    at += text.length
  }

  function writeBytes(bytes: Uint8Array): void {
    if (bytes.length < 256) {
      plain[at++] = 0xc4
      plain[at++] = bytes.length
    } else if (bytes.length < 65_536) {
      plain[at++] = 0xc5
      at = plain.writeUInt16BE(bytes.length, at)
    } else {
      plain[at++] = 0xc6
      at = plain.writeUInt32BE(bytes.length, at)
    }
    plain.set(bytes, at)
    at += bytes.length
  }

  function writeSmall(value: number | null): void {
    const bytes = encodeTree(value)
    plain.set(bytes, at)
    at += bytes.length
  }

  return {
    add(address, state, needs) {
      reserve(address.length + (state?.length ?? 0) + marksBytes)
      const { due } = needs
      const flags = flagsOf(needs)
      const fields = flags !== 0 ? 4 : due === undefined ? 2 : 3
      isNeedy ||= fields > 2
      plain[at++] = 0x90 | fields
      writeText(address)
      if (rows++ === 0) first = plain.toString('latin1', last.start, last.end)
      if (state === undefined) plain[at++] = 0xc0
      else writeBytes(state)
      if (fields > 2) writeSmall(due ?? null)
      if (fields > 3) writeSmall(flags)
    },
    isFull: () => at >= bundleBytes || rows >= bundleRows,
    take() {
      if (rows === 0) return undefined
      plain[0] = 0xdd
      plain.writeUInt32BE(rows, 1)
      const written = plain.subarray(0, at)
      const bundle = {
        plain: written,
        rows,
        first,
        last: plain.toString('latin1', last.start, last.end),
        quiet: !isNeedy && !mayNameChild(written),
      }
      plain = Buffer.alloc(0)
      at = headBytes
      rows = 0
      isNeedy = false
      return bundle
    },
  }
}
