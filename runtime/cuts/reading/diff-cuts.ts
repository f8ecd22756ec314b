/**
 * What became of each actor between two cuts. It serves "actors added, removed, changed; state paths
 * that differ". Invariants: both are read in the order of addresses, a segment of each layer at a
 * time, whatever their size; of what two cuts share only that is read in which something changed.
 */
import { type Address, kindOf } from '#protocol/address.ts'
import type { StateRow } from '#protocol/cut.ts'
import { type ActorState, decodeState } from '#protocol/state.ts'
import { changedRows } from './changed-rows.ts'
import { mergeRows, type Pair, pairRows } from './merge-rows.ts'
import type { CutView } from './open-cut.ts'
import { changesBetween, type ValueChange } from './value-paths.ts'

export type ActorDifference = {
  readonly address: Address
  readonly is: 'added' | 'removed' | 'changed'
  /** Of a changed one: the first of them, and how many there are. */
  readonly paths: readonly ValueChange[]
  readonly count: number
}

export type DiffOptions = {
  readonly kind?: string | undefined
  readonly address?: Address | undefined
  /** Of one actor. */
  readonly pathsMost?: number | undefined
}

const pathsMost = 20

export async function* diffCuts(a: CutView, b: CutView, options: DiffOptions = {}): AsyncGenerator<ActorDifference> {
  if (options.address !== undefined) {
    yield* differenceOf(options.address, await stateIn(a, options.address), await stateIn(b, options.address), options)
    return
  }
  for await (const [address, was, is] of pairsOf(a, b))
    if (options.kind === undefined || kindOf(address) === options.kind) yield* differenceOf(address, was, is, options)
}

async function* pairsOf(a: CutView, b: CutView): AsyncGenerator<Pair> {
  // Where actors live in other partitions: all of each in one order.
  if (a.manifest.partitions !== b.manifest.partitions) return yield* pairRows(allOf(a), allOf(b))
  for (const { partition } of a.manifest.slices) yield* changedRows(a, b, partition)
}

/** All partitions as one. */
function allOf(view: CutView): AsyncGenerator<StateRow> {
  return mergeRows(view.manifest.slices.map(({ partition }) => view.states(partition)))
}

async function stateIn(view: CutView, address: Address): Promise<StateRow | undefined> {
  const state = await view.state(address)
  return state === undefined ? undefined : [address, state]
}

function* differenceOf(
  address: Address,
  was: StateRow | undefined,
  is: StateRow | undefined,
  options: DiffOptions,
): Generator<ActorDifference> {
  const [before, after] = [was?.[1] ?? undefined, is?.[1] ?? undefined]
  if (before === undefined && after === undefined) return
  if (before === undefined) return yield { address, is: 'added', paths: [], count: 0 }
  if (after === undefined) return yield { address, is: 'removed', paths: [], count: 0 }
  if (Buffer.from(before).equals(Buffer.from(after))) return
  const { changes, count } = changesBetween(
    shownOf(decodeState(before)),
    shownOf(decodeState(after)),
    options.pathsMost ?? pathsMost,
  )
  // The same state, written otherwise.
  if (count > 0) yield { address, is: 'changed', paths: changes, count }
}

/** As people know it: the snapshot's parts at the root, and beside them what it waits for. */
function shownOf({ snapshot, book, ...rest }: ActorState): object {
  return { ...snapshot, ...book, ...rest }
}
