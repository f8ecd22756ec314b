/**
 * How a new version of a kind comes to serve: registered, raised, advanced, undone. Every change
 * is a pure step from one registry entry to the next. Invariants: a share never falls by itself,
 * because states have been migrated; what a person holds nobody but a person moves; nothing is
 * undone that the old version could not read afterwards.
 */
import { Fault } from '#protocol/fault.ts'
import { compareShapes } from './difference.ts'
import {
  type Definition,
  definitionOf,
  type KindEntry,
  newestOf,
  noted,
  type Rollout,
  type RolloutChange,
} from './kind-entry.ts'

export type Author = { readonly by: string; readonly at: number }

/** What a node states for a version that begins: how much of the realm it gets at first. */
export type FirstShare = number | 'auto'

/** A node brings a definition; the entry with it, or the same one when it says nothing new. */
export function withDefinition(
  entry: KindEntry | undefined,
  { kind, definition, share }: { readonly kind: string; readonly definition: Definition; readonly share: FirstShare },
): KindEntry {
  if (entry === undefined) return { kind, definitions: [definition], rollout: undefined, needed: [] }
  const known = definitionOf(entry, definition.version)
  if (known !== undefined && isSame(known, definition)) return entry
  const definitions = [...entry.definitions.filter(({ version }) => version !== definition.version), definition].sort(
    (a, b) => a.version - b.version,
  )
  const next = { ...entry, definitions }
  return known === undefined ? { ...next, rollout: rolloutWith(entry, definition, share) } : next
}

function isSame(known: Definition, one: Definition): boolean {
  return known.hash === one.hash && known.ups.join() === one.ups.join() && known.downs.join() === one.downs.join()
}

/** A version that nobody knew; one that comes while another is on its way waits for that. */
function rolloutWith(entry: KindEntry, { version, by, since: at }: Definition, share: FirstShare): Rollout | undefined {
  const { rollout } = entry
  const serving = newestOf(entry).version
  if (rollout === undefined) {
    // An older one joins what has been served by a newer one all along.
    if (version < serving) return { from: version, to: serving, share: 1, state: 'auto', back: [], history: [] }
    return begun({ from: serving, to: version, share }, { by, at }, [])
  }
  const isFree = rollout.share === 1 || (rollout.state === 'held' && rollout.share === 0)
  if (!isFree || version <= rollout.to) return rollout
  return begun(
    { from: rollout.share === 1 ? rollout.to : rollout.from, to: version, share },
    { by, at },
    rollout.history,
  )
}

function begun(
  { from, to, share }: { readonly from: number; readonly to: number; readonly share: FirstShare },
  author: Author,
  history: readonly RolloutChange[],
): Rollout {
  const first = share === 'auto' ? 0 : share
  return {
    from,
    to,
    share: first,
    state: share === 'auto' ? 'auto' : 'stated',
    back: [],
    history: noted(history, { ...author, what: 'begun', to, share: first }),
  }
}

/** By version, the capacity of the nodes that live and can take partitions. */
export type Carriers = ReadonlyMap<number, number>

/**
 * What follows by itself from who is there: the share of the new version grows with the nodes that
 * carry it, and what the last carrier of a version left goes forward. Nothing when all is well.
 */
export function raisedBy(entry: KindEntry, carriers: Carriers, author: Author): KindEntry | undefined {
  const { rollout } = entry
  if (rollout === undefined || rollout.state === 'held' || rollout.state === 'undoing') return undefined
  const change = (next: Partial<Rollout>, what: RolloutChange['what']): KindEntry => {
    const { to, share } = { ...rollout, ...next }
    return {
      ...entry,
      rollout: { ...rollout, ...next, history: noted(rollout.history, { ...author, what, to, share }) },
    }
  }
  const { from, to, share, state } = rollout
  const newer = entry.definitions.map(({ version }) => version).filter((one) => one > to && carriers.has(one))
  if (!carriers.has(to)) return newer[0] === undefined ? undefined : change({ to: newer[0] }, 'forward')
  if (share === 1) {
    const next = newer.at(-1)
    return next === undefined ? undefined : change({ from: to, to: next, share: 0, state: 'auto' }, 'begun')
  }
  if (!carriers.has(from)) return change({ share: 1 }, 'raised')
  if (state !== 'auto') return undefined
  const [old, fresh] = [carriers.get(from) ?? 0, carriers.get(to) ?? 0]
  const wanted = fresh / (old + fresh)
  return wanted > share ? change({ share: wanted }, 'raised') : undefined
}

/** A person moves it on, to that share or following the nodes again. */
export function advanced(entry: KindEntry, share: FirstShare, author: Author): KindEntry {
  const { kind, rollout } = entry
  if (rollout === undefined) throw new Fault('rollout.none', { value: kind, version: newestOf(entry).version })
  if (share !== 'auto' && share < rollout.share)
    throw new Fault('rollout.falling', { value: kind, have: rollout.share, want: share })
  const reached = share === 'auto' ? rollout.share : share
  return {
    ...entry,
    rollout: {
      ...rollout,
      share: reached,
      state: share === 'auto' ? 'auto' : 'stated',
      back: [],
      history: noted(rollout.history, { ...author, what: 'advanced', to: rollout.to, share: reached }),
    },
  }
}

/**
 * How states of the new version come to be readable by the old one: `as they are`, by steps `down`
 * that the new version declares, or not at all, with the sentences that say why.
 */
export type WayBack =
  | { readonly is: 'as they are' }
  | { readonly is: 'down' }
  | { readonly is: 'none'; readonly problems: readonly string[] }

export function wayBack(entry: KindEntry, from: number, to: number): WayBack {
  const [old, fresh] = [definitionOf(entry, from), definitionOf(entry, to)]
  if (old === undefined || fresh === undefined)
    return { is: 'none', problems: [`the registry does not hold version ${old === undefined ? from : to}`] }
  const between = Array.from({ length: to - from }, (_, at) => from + at)
  const changing = between.filter((version) => fresh.ups.includes(version) || fresh.downs.includes(version))
  const oneWay = changing.filter((version) => !fresh.downs.includes(version))
  const breaking = [...compareShapes(fresh.shape, old.shape), ...compareShapes(old.shape, fresh.shape)].filter(
    (one) => one.breaking,
  )
  if (changing.length === 0 && breaking.length === 0) return { is: 'as they are' }
  if (changing.length > 0 && oneWay.length === 0) return { is: 'down' }
  const undeclared = changing.length === 0 ? [from] : oneWay
  return {
    is: 'none',
    problems: [
      ...undeclared.map(
        (version) =>
          `version ${to} declares no step down to version ${version} (migrate: { ${version}: { up, down } })`,
      ),
      ...breaking.map((one) => one.sentence),
    ],
  }
}

/** A person takes it back: at once where the old version can read the states, else step by step. */
export function undone(entry: KindEntry, author: Author): KindEntry {
  const { kind, rollout } = entry
  if (rollout === undefined) throw new Fault('rollout.none', { value: kind, version: newestOf(entry).version })
  if (rollout.state === 'held' || rollout.state === 'undoing') return entry
  const { from, to, share } = rollout
  const way = share === 0 ? ({ is: 'as they are' } as const) : wayBack(entry, from, to)
  if (way.is === 'none')
    throw new Fault('rollout.oneWay', { value: kind, version: from, problems: way.problems.join('; ') })
  const isAtOnce = way.is === 'as they are'
  return {
    ...entry,
    rollout: {
      ...rollout,
      share: isAtOnce ? 0 : share,
      state: isAtOnce ? 'held' : 'undoing',
      back: [],
      history: noted(rollout.history, {
        ...author,
        what: isAtOnce ? 'held' : 'undone',
        to: from,
        share: isAtOnce ? 0 : share,
      }),
    },
  }
}

/** The states of one more partition were stepped down; with the last one it is held. */
export function broughtBack(
  entry: KindEntry,
  partition: number,
  moved: ReadonlySet<number>,
  author: Author,
): KindEntry {
  const { rollout } = entry
  if (rollout?.state !== 'undoing' || rollout.back.includes(partition)) return entry
  const back = [...rollout.back, partition].sort((a, b) => a - b)
  if ([...moved].some((one) => !back.includes(one))) return { ...entry, rollout: { ...rollout, back } }
  const history = noted(rollout.history, { ...author, what: 'held', to: rollout.from, share: 0 })
  return { ...entry, rollout: { ...rollout, share: 0, state: 'held', back: [], history } }
}

/** Nobody carries it any more, and its partitions are to go on without it. */
export function forgotten(entry: KindEntry): KindEntry {
  return entry.needed.length === 0 ? entry : { ...entry, needed: [] }
}

/** Something of this kind is in that partition, and not every node carries it. */
export function withNeed(entry: KindEntry, partitions: readonly number[]): KindEntry {
  const needed = new Set([...entry.needed, ...partitions])
  if (needed.size === entry.needed.length) return entry
  return { ...entry, needed: [...needed].sort((a, b) => a - b) }
}
