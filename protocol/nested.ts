/**
 * How a value is nested. It serves the clause "an envelope arrives on a subject": a reader of JSON
 * takes any depth, but what is nested too deep can be neither stored nor parked afterwards; and a
 * few bytes of our own form can name one part so often that, written out as JSON, it fills the memory.
 */
export type NestedLimits = {
  /** Of the longest way down. */
  readonly nestedMost: number
  /** Of all parts, each counted as often as it is named. */
  readonly partsMost: number
}

type Size = { height: number; parts: number }
type Frame = Size & { readonly one: object; readonly inside: readonly unknown[]; at: number }

/** `deep` or `many` when it is over its limits. A part inside itself counts as nothing there. */
export function excessOf(value: unknown, { nestedMost, partsMost }: NestedLimits): 'deep' | 'many' | undefined {
  const sizes = new Map<object, Size>()
  const open: Frame[] = []
  const enter = (one: object): void => {
    const frame = { one, inside: insideOf(one), at: 0, height: 0, parts: 1 }
    sizes.set(one, { height: 0, parts: 0 })
    open.push(frame)
  }
  if (isNest(value)) enter(value)
  for (let frame = open.at(-1); frame !== undefined; frame = open.at(-1)) {
    if (open.length > nestedMost + 1) return 'deep'
    const part = frame.inside[frame.at++]
    if (frame.at > frame.inside.length) {
      open.pop()
      sizes.set(frame.one, frame)
      const above = open.at(-1)
      if (above !== undefined) add(above, frame)
    } else if (isNest(part)) {
      const size = sizes.get(part)
      if (size === undefined) enter(part)
      else add(frame, size)
    } else {
      frame.parts++
    }
    if (frame.height > nestedMost) return 'deep'
    if (frame.parts > partsMost) return 'many'
  }
  return undefined
}

function add(to: Size, size: Size): void {
  to.height = Math.max(to.height, size.height + 1)
  to.parts += size.parts
}

function isNest(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !ArrayBuffer.isView(value)
}

function insideOf(value: object): readonly unknown[] {
  if (Array.isArray(value)) return value
  if (value instanceof Map) return [...value.keys(), ...value.values()]
  return value instanceof Set ? [...value] : Object.values(value)
}
