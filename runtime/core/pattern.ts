/** Patterns of topics: `kind.key.type` with `*` for one token and `>` for the rest. */
import { Fault } from '#protocol/fault.ts'

const patternShape = /^(?:[A-Za-z0-9_=~-]+|\*)(?:\.(?:[A-Za-z0-9_=~-]+|\*))*(?:\.>)?$|^>$/

export function checkPattern(pattern: string): string {
  if (!patternShape.test(pattern)) throw new Fault('pattern.invalid', { value: pattern })
  return pattern
}
