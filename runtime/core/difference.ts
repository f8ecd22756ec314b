/**
 * What changed between two definitions of a kind, named before the new one serves. It serves the
 * clause "its new state". A difference is breaking when a stored actor that stands there could
 * not go on by itself; `migrate.ts` does what is said to happen on load.
 */
import type { Shape, StateShape } from './shape.ts'

export type Difference = {
  readonly what: 'logic' | 'id' | 'state' | 'delay' | 'invoke' | 'actor'
  /** The state concerned, by its keys from the root; empty for the machine itself. */
  readonly path: string
  readonly breaking: boolean
  readonly sentence: string
}

export function compareShapes(old: Shape, next: Shape): Difference[] {
  if (old.is !== next.is || old.root === undefined || next.root === undefined) {
    if (old.is === next.is) return []
    return [
      {
        what: 'logic',
        path: '',
        breaking: true,
        sentence: `The logic was a ${old.is} and is a ${next.is}: no stored state of one is a state of the other.`,
      },
    ]
  }
  const found: Difference[] = []
  if (old.id !== next.id) {
    found.push({
      what: 'id',
      path: '',
      breaking: false,
      sentence: `The machine id "${old.id}" became "${next.id}": pending timers and remembered history carry it in their names, and are renamed on load.`,
    })
  }
  compareStates(old.root, next.root, [], { old, next, found })
  compareActors(old, next, found)
  for (const name of Object.keys(old.delays)) {
    if (name in next.delays && old.delays[name] !== next.delays[name]) {
      found.push({
        what: 'delay',
        path: '',
        breaking: false,
        sentence: `The delay "${name}" was ${ms(old.delays[name])} and is ${ms(next.delays[name])}: timers that are armed keep their instant.`,
      })
    }
  }
  return found
}

type Comparison = { readonly old: Shape; readonly next: Shape; readonly found: Difference[] }

function compareStates(old: StateShape, next: StateShape, path: readonly string[], all: Comparison): void {
  const at = path.join('.')
  const note = (what: Difference['what'], breaking: boolean, sentence: string): void =>
    void all.found.push({ what, path: at, breaking, sentence })
  if (path.length > 0 && next.id !== renamed(old.id, all)) {
    note(
      'id',
      old.type === 'history',
      `The id "${old.id}" of the state "${at}" became "${next.id}"${old.type === 'history' ? ': what this history remembered is lost' : ': its pending timers are renamed on load'}.`,
    )
  }
  compareTypes(old, next, at, note)
  compareDelays(old, next, at, note)
  compareInvokes(old, next, at, note, all)
  for (const key of Object.keys(old.states)) {
    const before = old.states[key] as StateShape
    const after = next.states[key]
    if (after !== undefined) compareStates(before, after, [...path, key], all)
    else if (next.type !== 'atomic' && next.type !== 'final') noteRemoved(key, before, old, next, path, all)
  }
  for (const key of Object.keys(next.states)) {
    if (key in old.states || old.type !== 'parallel' || next.type !== 'parallel') continue
    const active = wouldSkip(next.states[key] as StateShape)
    note(
      'state',
      active,
      `The parallel state "${at}" gained the region "${key}": stored actors begin it in its initial state${active ? ', without its entry actions, timers and invocations' : ''}.`,
    )
  }
}

type Note = (what: Difference['what'], breaking: boolean, sentence: string) => void

function noteRemoved(
  key: string,
  removed: StateShape,
  old: StateShape,
  next: StateShape,
  path: readonly string[],
  { found }: Comparison,
): void {
  const at = [...path, key].join('.')
  const isHistory = removed.type === 'history'
  const fresh = Object.keys(next.states).filter(
    (one) => !(one in old.states) && next.states[one]?.type === removed.type,
  )
  const guess =
    fresh.length === 1 && !isHistory ? ` Perhaps it is called "${fresh[0]}" now; then a migrate step says so.` : ''
  found.push({
    what: 'state',
    path: at,
    breaking: !isHistory,
    sentence: isHistory
      ? `The history "${at}" is gone: what it remembered is dropped.`
      : `The state "${at}" is gone: an actor that stands in it has nowhere to be.${guess}`,
  })
}

function compareTypes(old: StateShape, next: StateShape, at: string, note: Note): void {
  if (old.type === next.type) return
  const leaf = old.type === 'atomic' || old.type === 'final'
  const sentence = `The state "${at}" was ${a(old.type)} and is ${a(next.type)}`
  if (leaf && (next.type === 'compound' || next.type === 'parallel')) {
    const skipped = Object.values(next.states).some(wouldSkip)
    note(
      'state',
      skipped,
      `${sentence}: an actor that stands in it is taken to its initial substate${skipped ? ', whose entry actions, timers and invocations would be skipped' : ''}.`,
    )
  } else if (old.type === 'final' && next.type === 'atomic')
    note('state', false, `${sentence}: actors that ended there stay ended.`)
  else note('state', true, `${sentence}: an actor that stands in it does not fit.`)
}

function compareDelays(old: StateShape, next: StateShape, at: string, note: Note): void {
  const gone = Object.keys(old.after).filter((key) => !(key in next.after))
  const fresh = Object.keys(next.after).filter((key) => !(key in old.after))
  for (const key of gone) {
    const isSure = Object.keys(next.after).length === 0 || (fresh.length === 1 && gone.length === 1)
    const then =
      Object.keys(next.after).length === 0
        ? 'armed timers of it are dropped'
        : isSure
          ? `armed timers of it become "${fresh[0]}" and keep their instant`
          : `it is not clear which of ${[...fresh].map((one) => `"${one}"`).join(', ') || 'the others'} its armed timers are now`
    note('delay', !isSure, `The delay "${key}" of the state "${at}" is gone: ${then}.`)
  }
  if (gone.length > 0) return
  for (const key of fresh)
    note(
      'delay',
      false,
      `The state "${at}" gained the delay "${key}": actors that stand in it already do not have this timer.`,
    )
}

function compareInvokes(
  old: StateShape,
  next: StateShape,
  at: string,
  note: Note,
  { next: { actors } }: Comparison,
): void {
  const ids = new Map(next.invoke.map(({ id, src }) => [id, src]))
  for (const { id, src } of old.invoke) {
    if (ids.has(id)) continue
    const same = next.invoke.find((one) => one.src === src)
    note(
      'invoke',
      src in actors,
      `The invocation "${id}" (${src}) of the state "${at}" ${same === undefined ? 'is gone' : `is called "${same.id}" now`}: what still runs under the old id answers to nobody. Give invocations an id of their own.`,
    )
  }
}

function compareActors(old: Shape, next: Shape, found: Difference[]): void {
  for (const src of Object.keys(old.actors)) {
    if (!(src in next.actors))
      found.push({
        what: 'actor',
        path: '',
        breaking: true,
        sentence: `The actor "${src}" is gone: what runs under this name cannot go on. Keep it until the last has ended.`,
      })
    else if (old.actors[src] !== next.actors[src]) {
      found.push({
        what: 'actor',
        path: '',
        breaking: true,
        sentence: `The actor "${src}" was an ${old.actors[src]} and is an ${next.actors[src]}: what runs under this name cannot go on. Use a new name.`,
      })
    }
  }
}

/** An id that only follows from the machine's own is no change of its own. */
function renamed(id: string, { old, next }: Comparison): string {
  return id === old.id || id.startsWith(`${old.id}.`) ? next.id + id.slice(old.id.length) : id
}

/** Whether being put into this state, instead of entering it, leaves something undone. */
export function wouldSkip(state: StateShape): boolean {
  return state.entry.length > 0 || state.invoke.length > 0 || Object.values(state.states).some(wouldSkip)
}

function a(type: string): string {
  return type === 'atomic' ? 'an atomic state' : `a ${type} state`
}

function ms(delay: number | null | undefined): string {
  return typeof delay === 'number' ? `${delay} ms` : 'computed'
}
