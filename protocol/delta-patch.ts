/**
 * The words of a delta, and how they are put to use. It serves the clause "its new state".
 * Invariant: applying copies what it changes and leaves the base alone, because a decoded base
 * may hold one object in two places, and a change of one place must not show in the other.
 */
import { decode } from './codec.ts'
import { Fault } from './fault.ts'

export const deltaFormat = 1

/**
 * A patch is an array that begins with its operation. `[replace, value]`; `[object, key, patch…]`
 * and `[map, key, patch…]` with 0 for "removed"; `[ordered, keys, key, patch…]` where the keys
 * stand in a new order; `[array, length, segment…]` with n > 0 for "keep n", n < 0 for "remove
 * -n", 0 and a patch for "change one", an array for "insert these"; `[append, length, text]`;
 * `[splice, length, start, removed, text]`; `[set, removed, added]`. Lengths are those of the
 * base: a delta that meets another base is refused where they differ.
 */
export const op = { replace: 0, object: 1, ordered: 2, array: 3, append: 4, splice: 5, map: 6, set: 7 } as const

export type Patch = readonly [number, ...unknown[]]

export function apply(base: unknown, delta: Uint8Array): unknown {
  return applyAll(base, [delta])
}

/** In order. What one of them copied, those after it change in place. */
export function applyAll(base: unknown, deltas: Iterable<Uint8Array>): unknown {
  const owned = new Set<object>()
  let value = base
  for (const bytes of deltas) value = applyOwning(value, bytes, owned)
  return value
}

/** What it copies is added to `owned`, and what is in it is changed in place: nobody else may have that. */
export function applyOwning(base: unknown, delta: Uint8Array, owned: Set<object>): unknown {
  return patched(base, decodePatch(delta), { owned, take: (value) => value })
}

function decodePatch(bytes: Uint8Array): Patch {
  let fields: unknown
  try {
    fields = decode(bytes)
  } catch (cause) {
    throw new Fault('delta.unfit', { reason: 'it does not decode' }, { cause })
  }
  if (!Array.isArray(fields) || !Array.isArray(fields[1])) throw unfit('it is not a difference')
  if (fields[0] !== deltaFormat) throw unfit(`it is of format ${String(fields[0])}, this release reads ${deltaFormat}`)
  return fields[1] as unknown as Patch
}

function unfit(reason: string): Fault {
  return new Fault('delta.unfit', { reason })
}

/** What may be changed in place, and how a new part is taken in. */
export type Hands = { readonly owned: Set<object> | 'all'; readonly take: (value: unknown) => unknown }

export function patched(base: unknown, patch: Patch, hands: Hands): unknown {
  switch (patch[0]) {
    case op.replace:
      return hands.take(patch[1])
    case op.object:
      return patchedObject(base, patch, 1, hands)
    case op.ordered:
      return inOrder(patchedObject(base, patch, 2, hands), patch[1] as readonly string[], hands)
    case op.array:
      return patchedArray(base, patch, hands)
    case op.append:
      return textOf(base, patch) + (patch[2] as string)
    case op.splice: {
      const text = textOf(base, patch)
      const start = patch[2] as number
      return text.slice(0, start) + (patch[4] as string) + text.slice(start + (patch[3] as number))
    }
    case op.map:
      return patchedMap(base, patch, hands)
    case op.set:
      return patchedSet(base, patch, hands)
    default:
      throw unfit(`the operation ${String(patch[0])} is not known`)
  }
}

function textOf(base: unknown, patch: Patch): string {
  if (typeof base !== 'string' || base.length !== patch[1]) throw unfit('the text it continues is another one')
  return base
}

function own<T extends object>(value: T, copy: () => T, { owned }: Hands): T {
  if (owned === 'all' || owned.has(value)) return value
  const mine = copy()
  owned.add(mine)
  return mine
}

function patchedObject(base: unknown, patch: Patch, first: number, hands: Hands): Record<string, unknown> {
  if (typeof base !== 'object' || base === null || Array.isArray(base))
    throw unfit('there is no object where it changes one')
  const known = base as Record<string, unknown>
  const mine = own(known, () => ({ ...known }), hands)
  for (let at = first; at < patch.length; at += 2) {
    const key = patch[at] as string
    const change = patch[at + 1] as Patch | 0
    if (key === '__proto__') throw unfit('it names a prototype')
    if (change === 0) delete mine[key]
    else mine[key] = patched(mine[key], change, hands)
  }
  return mine
}

function inOrder(value: Record<string, unknown>, keys: readonly string[], { owned }: Hands): Record<string, unknown> {
  const mine: Record<string, unknown> = {}
  for (const key of keys) mine[key] = value[key]
  if (owned !== 'all') owned.add(mine)
  return mine
}

function patchedArray(base: unknown, patch: Patch, hands: Hands): unknown[] {
  if (!Array.isArray(base) || base.length !== patch[1]) throw unfit('the list it changes is another one')
  const mine = own(base as unknown[], () => base.slice(), hands)
  let index = 0
  for (let at = 2; at < patch.length; at++) {
    const segment = patch[at]
    if (Array.isArray(segment)) {
      index = insert(
        mine,
        index,
        Array.from(segment, (item) => hands.take(item)),
      )
    } else if (segment === 0) {
      mine[index] = patched(mine[index], patch[++at] as Patch, hands)
      index++
    } else if ((segment as number) > 0) {
      index += segment as number
    } else {
      mine.splice(index, -(segment as number))
    }
  }
  return mine
}

/** In pieces: the arguments of one call have a limit. */
function insert(into: unknown[], index: number, items: readonly unknown[]): number {
  for (let at = 0; at < items.length; at += 10_000) into.splice(index + at, 0, ...items.slice(at, at + 10_000))
  return index + items.length
}

function patchedMap(base: unknown, patch: Patch, hands: Hands): Map<unknown, unknown> {
  if (!(base instanceof Map)) throw unfit('there is no map where it changes one')
  const mine = own(base as Map<unknown, unknown>, () => new Map(base), hands)
  for (let at = 1; at < patch.length; at += 2) {
    const change = patch[at + 1] as Patch | 0
    if (change === 0) mine.delete(patch[at])
    else mine.set(patch[at], patched(mine.get(patch[at]), change, hands))
  }
  return mine
}

function patchedSet(base: unknown, patch: Patch, hands: Hands): Set<unknown> {
  if (!(base instanceof Set)) throw unfit('there is no set where it changes one')
  const mine = own(base as Set<unknown>, () => new Set(base), hands)
  for (const item of patch[1] as unknown[]) mine.delete(item)
  for (const item of patch[2] as unknown[]) mine.add(item)
  return mine
}
