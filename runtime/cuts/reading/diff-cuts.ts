/**
 * What became of each actor between two cuts. It serves "actors added, removed, changed; state paths
 * that differ". Invariants: both are read in the order of addresses, a segment of each layer at a
 * time, whatever their size; of what two cuts share only that is read in which something changed.
 */
import { type Address, kindOf } from '#protocol/address.ts'
import type { StateRow } from '#protocol/cut.ts'
import { type ActorState, decodeState } from '#protocol/state.ts'
import { changedRows } from './changed-rows.ts'
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
  if (a.manifest.partitions === b.manifest.partitions) {
    for (let partition = 0; partition < a.manifest.partitions; partition++)
      for await (const [address, was, is] of changedRows(a, b, partition)) yield* wanted(address, was, is, options)
    return
  }
  // Actors live in other partitions there: all of each in one order.
  yield* merged(allOf(a), allOf(b), options)
}

async function stateIn(view: CutView, address: Address): Promise<StateRow | undefined> {
  const state = await view.state(address)
  return state === undefined ? undefined : [address, state]
}

function* wanted(
  address: Address,
  was: StateRow | undefined,
  is: StateRow | undefined,
  options: DiffOptions,
): Generator<ActorDifference> {
  if (options.kind === undefined || kindOf(address) === options.kind) yield* differenceOf(address, was, is, options)
}

async function* merged(
  before: AsyncGenerator<StateRow>,
  after: AsyncGenerator<StateRow>,
  options: DiffOptions,
): AsyncGenerator<ActorDifference> {
  let [old, next] = await Promise.all([before.next(), after.next()])
  while (old.done !== true || next.done !== true) {
    const isOld = old.done !== true && (next.done === true || old.value[0] <= next.value[0])
    const isNext = next.done !== true && (old.done === true || next.value[0] <= old.value[0])
    const was = isOld ? (old.value as StateRow) : undefined
    const is = isNext ? (next.value as StateRow) : undefined
    const [address] = (was ?? is) as StateRow
    yield* wanted(address, was, is, options)
    if (isOld) old = await before.next()
    if (isNext) next = await after.next()
  }
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

/** All partitions as one, by addresses. */
async function* allOf(view: CutView): AsyncGenerator<StateRow> {
  const sources = view.manifest.slices.map(({ partition }) => view.states(partition))
  const heads = await Promise.all(sources.map((source) => source.next()))
  for (;;) {
    let least: number | undefined
    for (const [at, head] of heads.entries()) {
      if (head.done === true) continue
      const known = least === undefined ? undefined : (heads[least]?.value as StateRow)
      if (known === undefined || head.value[0] < known[0]) least = at
    }
    if (least === undefined) return
    yield heads[least]?.value as StateRow
    heads[least] = await (sources[least] as AsyncGenerator<StateRow>).next()
  }
}
