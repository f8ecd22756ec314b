/**
 * Answers larger than an entry of core NATS: held for who asked until all their parts were
 * fetched. Invariant: the parts are those of one answer, given at one instant; what is held is
 * bounded, and the oldest goes first.
 */
import { nuid } from '@nats-io/nats-core'
import { Fault } from '#protocol/fault.ts'
import { encodeAnswered } from '#protocol/query.ts'
import type { Clock } from './clock.ts'

export type Answers = {
  /** What is sent first: the answer itself, or its first part. */
  give(answer: Uint8Array): Uint8Array
  part(id: string, part: number): Uint8Array
}

export type AnswerOptions = {
  readonly partBytes: number
  /** Of all that is held. */
  readonly answerBytesMost: number
}

/** Who has fetched no part for so long has gone away. */
const keepMs = 30_000

type Held = { readonly bytes: Uint8Array; until: number }

export function answersOf(clock: Clock, { partBytes, answerBytesMost }: AnswerOptions): Answers {
  const held = new Map<string, Held>()
  let size = 0

  function drop(id: string): void {
    size -= held.get(id)?.bytes.length ?? 0
    held.delete(id)
  }

  function makeRoom(bytes: number): void {
    const now = clock.now()
    for (const [id, { until }] of held) if (until < now || size + bytes > answerBytesMost) drop(id)
  }

  function partOf(id: string, bytes: Uint8Array, part: number): Uint8Array {
    const of = Math.ceil(bytes.length / partBytes)
    return encodeAnswered({ part: { id, of, bytes: bytes.subarray(part * partBytes, (part + 1) * partBytes) } })
  }

  return {
    give(answer) {
      if (answer.length <= partBytes) return answer
      if (answer.length > answerBytesMost)
        throw new Fault('answer.tooBig', { size: answer.length, limit: answerBytesMost })
      makeRoom(answer.length)
      const id = nuid.next()
      held.set(id, { bytes: answer, until: clock.now() + keepMs })
      size += answer.length
      return partOf(id, answer, 0)
    },
    part(id, part) {
      const one = held.get(id)
      if (one === undefined) throw new Fault('answer.gone', { value: part })
      one.until = clock.now() + keepMs
      const bytes = partOf(id, one.bytes, part)
      if ((part + 1) * partBytes >= one.bytes.length) drop(id)
      return bytes
    },
  }
}
