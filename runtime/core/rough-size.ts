/**
 * A cheap lower estimate of a value's encoded size, given up at `enough`: most events are tiny. What
 * may be impossible to encode counts as enough, so that whoever measures finds it out.
 */

/** Far from where the encoder, which goes down by calling itself, would run out of stack. */
const deepest = 200

export function roughSize(value: unknown, enough: number): number {
  let size = 0
  let level: unknown[] = [value]
  for (let depth = 0, visited = 0; level.length > 0 && size < enough; depth++) {
    if (depth > deepest) return enough
    const below: unknown[] = []
    for (const one of level) {
      if (typeof one === 'function' || typeof one === 'symbol' || ++visited > 100_000) return enough
      if (typeof one === 'string') size += one.length
      else if (one !== null && typeof one === 'object') size += sizeAndParts(one, below)
      size += 2
    }
    level = below
  }
  return size
}

/** What an object itself takes; its parts are for the next round. */
function sizeAndParts(one: object, parts: unknown[]): number {
  if (ArrayBuffer.isView(one)) return one.byteLength
  let size = 0
  if (Array.isArray(one) || one instanceof Set) for (const part of one) parts.push(part)
  else if (one instanceof Map) for (const [key, part] of one) parts.push(key, part)
  else {
    for (const key in one) {
      size += key.length
      parts.push((one as Record<string, unknown>)[key])
    }
    // Not among the keys of an error, but encoded.
    if (one instanceof Error) parts.push(one.message, one.cause, (one as Partial<AggregateError>).errors)
  }
  return size
}
