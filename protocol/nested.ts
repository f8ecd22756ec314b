/**
 * How deep a value is nested. It serves the clause "an envelope arrives on a subject": a reader of
 * JSON takes any depth, but what is nested too deep can be neither stored nor parked afterwards.
 */
export function isNestedOver(value: unknown, most: number): boolean {
  const seen = new Set<unknown>()
  const stack: { readonly one: unknown; readonly depth: number }[] = [{ one: value, depth: 0 }]
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    const { one, depth } = next
    if (one === null || typeof one !== 'object' || ArrayBuffer.isView(one) || seen.has(one)) continue
    if (depth > most) return true
    seen.add(one)
    const parts =
      one instanceof Map ? [...one.keys(), ...one.values()] : one instanceof Set ? [...one] : Object.values(one)
    for (const part of parts) stack.push({ one: part, depth: depth + 1 })
  }
  return false
}
