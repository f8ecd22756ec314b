/**
 * What a realm knows of one kind: its definitions by version, which version serves where, and the
 * partitions that cannot do without it. One entry of the registry, changed by compare-and-set; it
 * serves the clause "the machine makes a transition". Invariant: an entry that an earlier release
 * wrote reads as one definition that serves everywhere.
 */
import { decode, encode } from '#protocol/codec.ts'
import type { Shape } from './shape.ts'

export type Definition = {
  readonly version: number
  readonly hash: string
  readonly shape: Shape
  readonly since: number
  /** The node that brought it. */
  readonly by: string
  /** Versions from which it declares a step up, and those back to which it declares a step down. */
  readonly ups: readonly number[]
  readonly downs: readonly number[]
}

/**
 * `auto`: the share follows the nodes that carry the new version, upwards only; `stated`: a person
 * moves it; `undoing`: states are being stepped down; `held`: a person took it back, and nothing
 * but a person begins it again.
 */
export type RolloutState = 'auto' | 'stated' | 'undoing' | 'held'

export type RolloutChange = {
  readonly at: number
  readonly by: string
  readonly what: 'begun' | 'raised' | 'advanced' | 'undone' | 'held' | 'forward'
  readonly to: number
  readonly share: number
}

export type Rollout = {
  readonly from: number
  readonly to: number
  /** Of all partitions, how many need the new version: 0 to 1. */
  readonly share: number
  readonly state: RolloutState
  /** While it is being undone: the partitions whose states the old version can read again. */
  readonly back: readonly number[]
  /** The newest last. */
  readonly history: readonly RolloutChange[]
}

export type KindEntry = {
  readonly kind: string
  /** By version, the newest last. */
  readonly definitions: readonly Definition[]
  /** Nothing while there has been one version only. */
  readonly rollout: Rollout | undefined
  /** Partitions whose owner must carry this kind, since something of it is there. */
  readonly needed: readonly number[]
}

/** Changes that are remembered; the registry keeps some earlier entries besides. */
const changesMost = 50

export function newestOf({ definitions }: KindEntry): Definition {
  return definitions.at(-1) as Definition
}

export function definitionOf({ definitions }: KindEntry, version: number): Definition | undefined {
  return definitions.find((one) => one.version === version)
}

export function noted(history: readonly RolloutChange[], change: RolloutChange): readonly RolloutChange[] {
  return [...history, change].slice(-changesMost)
}

/** The first three are what earlier releases read: the newest definition. */
export function encodeKindEntry(entry: KindEntry): Uint8Array {
  const { version, hash, shape } = newestOf(entry)
  const definitions = entry.definitions.map((one) => [
    one.version,
    one.hash,
    // The newest one's stands in front already.
    one.version === version ? null : one.shape,
    one.since,
    one.by,
    one.ups,
    one.downs,
  ])
  const { from, to, share, state, back, history } = entry.rollout ?? {}
  const changes = history?.map((one) => [one.at, one.by, one.what, one.to, one.share])
  const rollout = entry.rollout === undefined ? null : [from, to, share, state, back, changes]
  return encode([version, hash, shape, definitions, rollout, entry.needed])
}

export function decodeKindEntry(kind: string, bytes: Uint8Array): KindEntry {
  const [version, hash, shape, definitions, rollout, needed] = decode(bytes) as [
    number,
    string,
    Shape,
    [number, string, Shape | null, number, string, number[], number[]][]?,
    (
      | [number, number, number, RolloutState, number[], [number, string, RolloutChange['what'], number, number][]]
      | null
    )?,
    number[]?,
  ]
  return {
    kind,
    definitions: definitions?.map(([one, its, own, since, by, ups, downs]) => ({
      version: one,
      hash: its,
      shape: own ?? shape,
      since,
      by,
      ups,
      downs,
    })) ?? [{ version, hash, shape, since: 0, by: '', ups: [], downs: [] }],
    rollout: rollout === null || rollout === undefined ? undefined : rolloutOfArray(rollout),
    needed: needed ?? [],
  }
}

function rolloutOfArray([from, to, share, state, back, changes]: [
  number,
  number,
  number,
  RolloutState,
  number[],
  [number, string, RolloutChange['what'], number, number][],
]): Rollout {
  return {
    from,
    to,
    share,
    state,
    back,
    history: changes.map(([at, by, what, version, reached]) => ({ at, by, what, to: version, share: reached })),
  }
}
