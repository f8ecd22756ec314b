/**
 * The effects that an actor asked for in a stretch of its past, and what became of them. It serves
 * the journal: two runs of one realm ask for the same things in the same order, under other ids.
 * Invariant: one that was left before it told anything is left out, because whether it is seen at
 * all depends on which steps shared a commit.
 */
import { encode } from '#protocol/codec.ts'
import type { Effect } from '#protocol/state.ts'
import type { Taken } from '#runtime/past/inputs.ts'

export type BegunEffect = {
  readonly id: string
  /** Equal for what asks for the same thing with the same input. */
  readonly key: string
  /** Of a named action, which tells nobody. */
  readonly isSettled: boolean
}

/** In the order in which they began; those that were pending before are among them, first. */
export async function begunIn(taken: AsyncIterable<Taken>): Promise<readonly BegunEffect[]> {
  const begun = new Map<string, string>()
  const ended = new Set<string>()
  const settled = new Set<string>()
  let pending: Readonly<Record<string, Effect>> = {}
  for await (const { before, after, inputs } of taken) {
    for (const one of Object.values({ ...before?.book.effects, ...after?.book.effects }))
      if (!begun.has(one.id)) begun.set(one.id, keyOf(one))
    for (const { arrival } of inputs) {
      if (arrival?.by === 'settled') settled.add(arrival.effect)
      if (arrival?.by !== 'envelope') continue
      const { content } = arrival.envelope
      if (content.is === 'effect' || content.is === 'resolveEffect') ended.add(content.effect)
    }
    pending = after?.book.effects ?? {}
  }
  return [...begun]
    .filter(([id]) => ended.has(id) || settled.has(id) || pending[id] !== undefined)
    .map(([id, key]) => ({ id, key, isSettled: settled.has(id) }))
}

/** Its source and its input; the order in which properties were set says nothing. */
function keyOf({ name, is, child, input }: Effect): string {
  return Buffer.from(encode([name, is, child ?? null, sorted(input)])).toString('base64')
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value
  return Object.keys(value)
    .sort()
    .map((key) => [key, sorted((value as Record<string, unknown>)[key])])
}
