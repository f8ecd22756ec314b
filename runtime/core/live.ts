/**
 * A live actor: its stored state made ready to step. It serves the clause "the machine makes a
 * transition". Invariant: `stateOf(revive(state))` is the state again; whatever is only here and
 * not in the state may be dropped at any time.
 */
import type { Address } from '#protocol/address.ts'
import { Ref } from '#protocol/codec.ts'
import type { ActorState, Book, Child, StoredSnapshot } from '#protocol/state.ts'
import type { Blueprint } from './blueprint.ts'
import type { LiveSnapshot, Surroundings } from './machine-step.ts'
import { dehydrate, hydrate } from './machine.ts'
import { migrate } from './migrate.ts'

export type Live = {
  readonly address: Address
  readonly blueprint: Blueprint
  /** Its stored state is of another definition than this one. */
  readonly isAdapted?: boolean
  snapshot: LiveSnapshot
  /** Kept as it was stored while the definition does not fit (`book.unfit`). */
  stored: StoredSnapshot | undefined
  book: Book
  version: number
  hash: string
  visits: number
  steps: number
  bornAt: number
  steppedAt: number
}

/** The names of a family: kept by the root, asked by every member. */
export type Family = {
  readonly lookup: (systemId: string) => Ref | undefined
  readonly registered: () => Readonly<Record<string, Ref>>
  readonly register: (systemId: string, entry: FamilyEntry | undefined) => void
  /** A member's snapshot as it stands now, for a machine that looks at its parent or a child. */
  readonly snapshotOf?: ((ref: Ref) => unknown) | undefined
}

export type FamilyEntry = { readonly address: Address; readonly id: string; readonly effect?: string }

/** The names as they stand in a root's book; without one there are none to be had. */
export function familyOfBook(bookOf: () => Book | undefined, touched: () => void): Family {
  const refOf = ({ address, id, effect }: FamilyEntry, name: string): Ref => new Ref(address, id, name, effect)
  return {
    lookup(name) {
      const entry = bookOf()?.registry?.[name]
      return entry === undefined ? undefined : refOf(entry, name)
    },
    registered: () =>
      Object.fromEntries(Object.entries(bookOf()?.registry ?? {}).map(([name, entry]) => [name, refOf(entry, name)])),
    register(name, entry) {
      const book = bookOf()
      if (book === undefined) return
      const { [name]: _, ...others } = book.registry ?? {}
      const registry = entry === undefined ? others : { ...others, [name]: entry }
      if (Object.keys(registry).length > 0) book.registry = registry
      else delete book.registry
      touched()
    },
  }
}

/** A root asks its own book: in its first step nobody else knows it yet. */
export function familyFor(live: Pick<Live, 'book'>, family: Family): Family {
  if (live.book.parent !== undefined) return family
  return {
    ...familyOfBook(
      () => live.book,
      () => undefined,
    ),
    snapshotOf: family.snapshotOf,
  }
}

/** The names of an actor (or an effect of it) that ends, and of all below it, are free again. */
export function forgetNames(
  family: Family,
  ended: { readonly address: Address; readonly effect?: string | undefined },
): void {
  const all = family.registered()
  for (const name in all) {
    const { address, effectId } = all[name] as Ref
    const gone =
      ended.effect === undefined
        ? address === ended.address || address.startsWith(`${ended.address}~`)
        : effectId === ended.effect
    if (gone) family.register(name, undefined)
  }
}

export function refOfChild(owner: Address, id: string, child: Child): Ref {
  return child.address === undefined
    ? new Ref(owner, id, child.systemId, child.effect)
    : new Ref(child.address, id, child.systemId)
}

export function surroundingsOf(
  live: Pick<Live, 'address' | 'book' | 'blueprint' | 'visits'>,
  family: Family,
): Surroundings {
  const { address, book, blueprint } = live
  const children: Record<string, Ref> = {}
  if (book.children !== undefined) {
    for (const id in book.children) children[id] = refOfChild(address, id, book.children[id] as Child)
  }
  return {
    self: new Ref(address, book.parent?.id ?? address, book.parent?.systemId),
    parent: book.parent === undefined ? undefined : new Ref(book.parent.address),
    lookup: family.lookup,
    registered: family.registered,
    nextSpawn: live.visits + 1,
    children,
    spawned: book.children,
    decisions: blueprint.options.decisions === true,
    snapshotOf: family.snapshotOf,
  }
}

/** The blueprint of an actor: of its kind, or of the logic that its root's machine names for it. */
export function blueprintFor(root: Blueprint, book: Book): Blueprint {
  return book.parent === undefined ? root : root.resolve(book.parent.path)
}

/** Throws a fault when the state does not fit the definition. */
export function revive(root: Blueprint, address: Address, state: ActorState, family: Family): Live {
  const blueprint = blueprintFor(root, state.book)
  const fitting = state.book.ended === undefined ? migrate(blueprint, state) : state
  const live: Live = {
    address,
    blueprint,
    ...(fitting === state ? {} : { isAdapted: true }),
    snapshot: undefined as unknown as LiveSnapshot,
    stored: undefined,
    book: fitting.book,
    version: fitting.version,
    hash: fitting.hash,
    visits: fitting.visits,
    steps: fitting.steps,
    bornAt: fitting.bornAt,
    steppedAt: fitting.steppedAt,
  }
  if (state.book.ended === undefined) live.snapshot = hydrate(blueprint, fitting.snapshot, surroundingsOf(live, family))
  else live.stored = fitting.snapshot
  return live
}

/** A state that the present definition cannot take: kept whole, set aside, never stepped. */
export function reviveUnfit(root: Blueprint, address: Address, state: ActorState): Live {
  return {
    address,
    blueprint: root,
    snapshot: undefined as unknown as LiveSnapshot,
    stored: state.snapshot,
    book: state.book,
    version: state.version,
    hash: state.hash,
    visits: state.visits,
    steps: state.steps,
    bornAt: state.bornAt,
    steppedAt: state.steppedAt,
  }
}

export function stateOf(live: Live): ActorState {
  return {
    version: live.version,
    hash: live.hash,
    snapshot: live.stored ?? dehydrate(live.blueprint, live.snapshot),
    book: live.book,
    visits: live.visits,
    steps: live.steps,
    bornAt: live.bornAt,
    steppedAt: live.steppedAt,
  }
}
