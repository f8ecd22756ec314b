/**
 * Takes a stored state to the present definition, or says why it cannot. It serves the clause
 * "its new state". Invariants: a state of the present definition passes through untouched and at
 * no cost; a state that does not fit throws before anything of it is changed, so that it can be
 * set aside whole; an actor is never moved into a state whose entry it would skip.
 */
import type { AnyStateNode } from 'xstate'
import { Ref } from '#protocol/codec.ts'
import { Fault, reasonOf } from '#protocol/fault.ts'
import type { ActorState, Book, StoredSnapshot } from '#protocol/state.ts'
import type { Blueprint } from './blueprint.ts'
import type { Host } from './host.ts'
import { hydrate } from './machine.ts'
import type { Surroundings } from './machine-step.ts'
import { renameTimers } from './rename-timers.ts'

const nowhere: Surroundings = {
  self: new Ref('unknown/unknown'),
  parent: undefined,
  lookup: () => undefined,
  registered: () => ({}),
  nextSpawn: 1,
  children: {},
  decisions: false,
}

/**
 * Runs the migrate steps from the stored version on, renames what the new definition calls
 * otherwise, and proves by hydrating that the result is a state of it. The steps of a kind see
 * the states of its children as well; `state.book.parent` tells them apart.
 */
export function migrate(blueprint: Blueprint, state: ActorState): ActorState {
  const { hash, version, options } = blueprint
  if (state.hash === hash && state.version === version) return state
  const who =
    state.book.parent === undefined
      ? `an actor of kind "${blueprint.kind}"`
      : `the child "${state.book.parent.id}" of ${state.book.parent.address}`
  const fail = (reason: string, cause?: unknown): Fault =>
    new Fault('actor.unmigrated', { value: who, version, reason }, { cause })
  if (state.version > version && !blueprint.readable.has(state.version))
    throw fail(`it was stored by the newer version ${state.version}`)
  let at = state
  for (let from = state.version; from < version; from++) {
    const step = options.migrate?.[from]
    if (step === undefined) continue
    try {
      at = typeof step === 'function' ? step(at) : step.up(at)
    } catch (cause) {
      throw fail(`the migrate step from version ${from} threw: ${reasonOf(cause)}`, cause)
    }
    if (typeof at?.snapshot !== 'object' || typeof at.book !== 'object')
      throw fail(`the migrate step from version ${from} did not return a state`)
  }
  if (at.snapshot.status === 'active') at = fitted(blueprint, at, fail)
  return { ...at, version, hash }
}

type Fail = (reason: string, cause?: unknown) => Fault

function fitted(blueprint: Blueprint, state: ActorState, fail: Fail): ActorState {
  const { host } = blueprint
  if (host === undefined) {
    if (state.snapshot.value === null) return state
    throw fail('it is the state of a machine, and its logic has no states now')
  }
  if (state.snapshot.value === null)
    throw fail('it is the state of logic without states, and its logic is a machine now')
  const { order: _, ...kept } = state.snapshot
  const snapshot: StoredSnapshot = { ...kept, history: historyOf(host, state.snapshot.history) }
  let nodes: readonly AnyStateNode[]
  let value: unknown
  try {
    const live = hydrate(blueprint, snapshot, nowhere) as { _nodes?: readonly AnyStateNode[]; value?: unknown }
    nodes = live._nodes ?? []
    value = live.value
  } catch (error) {
    const cause = error instanceof Error ? (error.cause ?? error) : error
    throw fail(reasonOf(cause), cause)
  }
  const skipped = nodes.find(
    (node) => !isNamed(state.snapshot.value, node.path) && (node.entry.length > 0 || node.invoke.length > 0),
  )
  if (skipped !== undefined)
    throw fail(
      `it would be put into "${skipped.path.join('.')}" without its entry actions, timers and invocations; say so in a migrate step by naming that state in the value`,
    )
  checkNames(blueprint, state.book, nodes, fail)
  const renamed = renameTimers(state.book, nodes)
  if ('lost' in renamed) throw fail(`its timer "${renamed.lost}" could be any of several delays now`)
  return { ...state, snapshot: { ...snapshot, value }, book: renamed.book }
}

/** Whether the stored value says this state itself. */
function isNamed(value: unknown, path: readonly string[]): boolean {
  let at = value
  for (const [depth, key] of path.entries()) {
    if (typeof at === 'string') return at === key && depth === path.length - 1
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, key)) return false
    at = (at as Record<string, unknown>)[key]
  }
  return true
}

/** Ids begin with the machine's: after that changed, the rest still tells which state is meant. */
function historyOf(host: Host, history: StoredSnapshot['history']): StoredSnapshot['history'] {
  if (history === undefined) return undefined
  const ids = new Map(host.nodes.map((node) => [node.id, node]))
  const byPath = new Map(host.nodes.map((node) => [node.path.join('.'), node]))
  const present = (id: string): AnyStateNode | undefined => {
    for (let rest: string | undefined = id, known = ids.get(id); rest !== undefined; known = byPath.get(rest)) {
      if (known !== undefined) return known
      const dot: number = rest.indexOf('.')
      if (dot < 0) return undefined
      rest = rest.slice(dot + 1)
    }
    return undefined
  }
  const kept: Record<string, readonly string[]> = {}
  for (const [id, remembered] of Object.entries(history)) {
    // Nobody can go back to a history that is gone.
    const node = present(id)
    if (node?.type === 'history') kept[node.id] = remembered.map((one) => present(one)?.id ?? one)
  }
  return kept
}

/** What runs for this actor must still have a name, and an invocation that hears its result. */
function checkNames(blueprint: Blueprint, book: Book, nodes: readonly AnyStateNode[], fail: Fail): void {
  const invoked = new Set(nodes.flatMap((node) => node.invoke.map(({ id }) => id)))
  for (const [id, { src, address }] of Object.entries(book.children ?? {})) {
    const child = blueprint.child(src)
    if (child === undefined) throw fail(`its child "${id}" runs the actor "${src}", which the machine no longer names`)
    if ((child.as === 'actor') !== (address !== undefined))
      throw fail(`its child "${id}" runs "${src}", which is another kind of logic now`)
    if (/^\d+\./.test(id) && !invoked.has(id))
      throw fail(`its child "${id}" was invoked without an id of its own, and no invocation has that id now`)
  }
  for (const { is, name } of Object.values(book.effects ?? {})) {
    if (is === 'action' && blueprint.action(name) === undefined) throw fail(`its pending action "${name}" is gone`)
  }
}
