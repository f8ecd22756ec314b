/** The answer to a question of a client, as it stands at `re.<client>.<id>`. */
import { decode, encode } from './codec.ts'
import type { StoredFault } from './fault.ts'

const answerFormat = 1

export type StoredAnswer =
  | { readonly is: 'value'; readonly value: unknown }
  | { readonly is: 'fault'; readonly fault: StoredFault }

export function encodeAnswer(answer: StoredAnswer): Uint8Array {
  if (answer.is === 'value') return encode([answerFormat, 0, answer.value])
  // The stack is for those who run the actor, not for those who ask it.
  return encode([answerFormat, 1, answer.fault.code, answer.fault.message])
}

export function decodeAnswer(bytes: Uint8Array): StoredAnswer {
  const [, is, first, message] = decode(bytes) as [number, number, unknown, string]
  return is === 0 ? { is: 'value', value: first } : { is: 'fault', fault: { code: first as string, message } }
}
