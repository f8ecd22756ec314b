/**
 * Pending timers of `after` transitions carry the delay and the id of their state in their name.
 * It serves the clause "its timers": after a definition changed, each is given the name it has
 * now and keeps its instant. Invariant: a timer is renamed only when there is exactly one delay
 * that it can be.
 */
import type { AnyStateNode } from 'xstate'
import type { Book, Timer } from '#protocol/state.ts'
import { afterKeysOf, afterTypeOf } from './host.ts'

const prefix = 'xstate.after.'

type Candidate = { readonly node: AnyStateNode; readonly key: string; readonly type: string }

export function renameTimers(
  book: Book,
  active: readonly AnyStateNode[],
): { readonly book: Book } | { readonly lost: string } {
  const timers = Object.entries(book.timers ?? {})
  const all = active.flatMap((node) =>
    afterKeysOf(node).map((key): Candidate => ({ node, key, type: afterTypeOf(key, node.id) })),
  )
  const known = new Set(all.map(({ type }) => type))
  const isLost = ({ event, to }: Timer): boolean =>
    to === undefined && event.type.startsWith(prefix) && !known.has(event.type)
  if (!timers.some(([, timer]) => isLost(timer))) return { book }
  const pending = new Set(timers.map(([, { event }]) => event.type))
  const free = all.filter(({ type }) => !pending.has(type))
  const renamed: Record<string, Timer> = {}
  for (const [name, timer] of timers) {
    if (!isLost(timer)) {
      renamed[name] = timer
      continue
    }
    const { type } = timer.event
    const found = presentOf(type, free)
    if (found === 'several' || (found !== undefined && renamed[found.type] !== undefined)) return { lost: type }
    // Its state has no delay any more, so nobody waits for it.
    if (found !== undefined)
      renamed[found.type] = { ...timer, name: found.type, event: { ...timer.event, type: found.type } }
  }
  const { timers: _, ...rest } = book
  return { book: Object.keys(renamed).length === 0 ? rest : { ...rest, timers: renamed } }
}

/** The same delay of the same state under another id; then the only one of its state; then the only one of that delay. */
function presentOf(type: string, free: readonly Candidate[]): Candidate | 'several' | undefined {
  const text = type.slice(prefix.length)
  const sameDelay = free.filter(({ key }) => text.startsWith(`${Number.isNaN(+key) ? key : +key}.`))
  const sameState = free.filter(
    ({ node }) => text.endsWith(`.${node.id}`) || (node.path.length > 0 && text.endsWith(`.${node.path.join('.')}`)),
  )
  const both = sameDelay.filter((one) => sameState.includes(one))
  const choices = [both, sameState, sameDelay].find((some) => some.length > 0)
  if (choices === undefined) return free.length === 0 ? undefined : 'several'
  return choices.length === 1 ? choices[0] : 'several'
}
