/**
 * Which format what is stored of cuts has. Invariant: what a newer release wrote is refused by its
 * format, and what cannot be read at all by what is wrong with it; neither is guessed at.
 */
import { Fault } from './fault.ts'

export const cutFormat = 1

export function checkFormat(have: unknown, value: string, want = cutFormat): void {
  if (typeof have !== 'number') throw new TypeError('it does not begin with its format')
  if (have > want) throw new Fault('cut.format', { value, have, want })
}

export function reading<T>(value: string, read: () => T): T {
  try {
    return read()
  } catch (cause) {
    if (cause instanceof Fault) throw cause
    throw new Fault('cut.undecodable', { value, reason: String(cause) }, { cause })
  }
}
