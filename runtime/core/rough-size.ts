/**
 * A cheap lower estimate of a value's encoded size, given up at `enough`: most events are tiny. What
 * cannot be encoded at all counts as enough, so that whoever measures finds it out.
 */
export function roughSize(value: unknown, enough: number): number {
  let size = 0
  const stack: unknown[] = [value]
  for (let visited = 0; stack.length > 0 && size < enough; visited++) {
    const one = stack.pop()
    if (typeof one === 'function' || typeof one === 'symbol' || visited > 100_000) return enough
    if (typeof one === 'string') {
      size += one.length
    } else if (one !== null && typeof one === 'object') {
      if (ArrayBuffer.isView(one)) size += one.byteLength
      else if (Array.isArray(one)) for (const part of one) stack.push(part)
      else if (one instanceof Map) for (const [key, part] of one) stack.push(key, part)
      else if (one instanceof Set) for (const part of one) stack.push(part)
      else for (const key in one) stack.push((one as Record<string, unknown>)[key])
    }
    size += 2
  }
  return size
}
