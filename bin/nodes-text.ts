/** Who runs a realm, as a screen: a row for each node, then what is wrong with the partitions. Pure. */
import { bytesText, plural, rangesText, span, table } from './layout.ts'
import type { Output, Style } from './output.ts'
import type { SeenNode, SeenPlace, SeenRealm, Unowned } from '#runtime/index.ts'

export function nodesText(out: Output, { nodes, places }: SeenRealm, now: number): string[] {
  return [...rowsOf(out, nodes, now), ...(nodes.length === 0 ? [] : ['']), ...standing(out, { nodes, places })]
}

export type NodeState = 'joining' | 'ready' | 'mending' | 'leaving' | 'drained' | 'gone'

export function stateOfNode({ phase, owned }: Pick<SeenNode, 'phase' | 'owned'>): NodeState {
  return phase === 'leaving' && owned.length === 0 ? 'drained' : phase
}

const styles: Readonly<Record<NodeState, Style>> = {
  joining: 'cyan',
  ready: 'green',
  mending: 'yellow',
  leaving: 'yellow',
  drained: 'yellow',
  gone: 'dim',
}

const columns = [
  { head: 'NODE', most: 24 },
  { head: 'STATE' },
  { head: 'UP' },
  { head: 'OWNS' },
  { head: 'WAITING' },
  { head: 'CPU' },
  { head: 'MEMORY' },
  { head: 'COMMITS/S' },
  { head: 'ACTORS' },
]

/** A second line under each node says what does not fit into a column. */
function rowsOf(out: Output, nodes: readonly SeenNode[], now: number): string[] {
  const cells = nodes.map((one) => {
    const { cpu, memoryBytes, commitsPerSecond, actors } = one.load
    const state = stateOfNode(one)
    return [
      one.name,
      out.style(styles[state], state),
      span(now - one.since),
      String(one.owned.length),
      String(waitingOf(one)),
      `${Math.round(cpu * 100)} %`,
      bytesText(memoryBytes),
      String(Math.round(commitsPerSecond)),
      String(actors),
    ]
  })
  const [head, ...rows] = nodes.length === 0 ? [] : table(columns, cells, out.width)
  if (head === undefined) return []
  return [head, ...rows.flatMap((row, at) => [row, ...detailsOf(out, nodes[at] as SeenNode)])]
}

export function waitingOf({ owned }: Pick<SeenNode, 'owned'>): number {
  return owned.reduce((sum, [, , , waiting]) => sum + waiting, 0)
}

function detailsOf(
  out: Output,
  { owned, followed, capacity, labels, release, behind, load, unfollowed = [] }: SeenNode,
): string[] {
  const owns = owned.length === 0 ? 'owns nothing' : `owns ${rangesText(owned.map(([partition]) => partition))}`
  const follows =
    followed.length === 0
      ? []
      : [
          `follows ${rangesText(followed.map(([partition]) => partition))}${behind === 0 ? '' : ` (${plural(behind, 'commit')} behind)`}`,
        ]
  const rest = [
    `capacity ${capacity}`,
    ...(labels.length === 0 ? [] : [`labels ${labels.join(', ')}`]),
    ...(load.effects === 0 ? [] : [plural(load.effects, 'effect')]),
    ...(load.packed === undefined ? [] : [`${plural(load.packed, 'actor')} to unpack`]),
    `perdure ${release}`,
  ]
  return [
    ...[`  ${[owns, ...follows].join('; ')}`, `  ${rest.join('; ')}`].map((line) => out.style('dim', line)),
    ...unfollowedTexts(unfollowed).map((line) => out.style('yellow', `  ${line}`)),
  ]
}

/** A line for each reason, with the partitions that it holds for. */
export function unfollowedTexts(unfollowed: readonly (readonly [number, string])[]): string[] {
  return [...Map.groupBy(unfollowed, ([, reason]) => reason)].map(
    ([reason, ones]) => `cannot follow ${rangesText(ones.map(([partition]) => partition))}: ${reason}`,
  )
}

function standing(out: Output, { nodes, places }: SeenRealm): string[] {
  const unowned = places.filter(({ owner }) => owner === undefined)
  const alone = [...new Set(places.flatMap(({ owner }) => owner ?? []))].filter(
    (owner) => !nodes.some(({ name }) => name === owner),
  )
  const bare = places.filter(({ owner, standbys }) => owner !== undefined && standbys.length === 0)
  const total = `${plural(nodes.length + alone.length, 'node')}, ${plural(places.length, 'partition')}`
  const lines = alone.map((name) => `${name} runs alone, without heartbeats (members.beatMs is 0 there).`)
  if (unowned.length === 0 && (bare.length === 0 || nodes.length < 2))
    return [...lines, out.style('dim', `${total}; all have an owner${nodes.length < 2 ? '' : ' and a standby'}`)]
  return [
    ...lines,
    out.style('dim', total),
    ...unownedTexts(unowned).map((line) => out.style('red', line)),
    ...(bare.length === 0 || nodes.length < 2
      ? []
      : [out.style('yellow', `without a standby: ${rangesText(bare.map(({ partition }) => partition))}`)]),
  ]
}

/** A sentence for each reason, with the partitions that it holds for. */
export function unownedTexts(places: readonly SeenPlace[]): string[] {
  const byReason = new Map<string, number[]>()
  for (const { partition, why } of places) {
    if (why === undefined) continue
    const reason = reasonText(why)
    byReason.set(reason, [...(byReason.get(reason) ?? []), partition])
  }
  return [...byReason].map(([reason, partitions]) => `without an owner: ${rangesText(partitions)}: ${reason}`)
}

function reasonText(why: Unowned): string {
  switch (why.is) {
    case 'nobody':
      return 'no node runs; events are stored meanwhile and wait'
    case 'draining':
      return 'every node gives its partitions away; start one, or take one back: perdure drain <node> --undo'
    case 'noCapacity':
      return 'no node that is ready has a capacity above 0'
    case 'unfit':
      return `${why.reason}; perdure rollout says more`
    case 'due':
      return why.reason === undefined
        ? `${why.by} is to take them; if that lasts, its log says why it cannot`
        : `${why.by} is to take them and tries again; it could not: ${why.reason}`
  }
}
