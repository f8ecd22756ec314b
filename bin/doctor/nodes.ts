/** What the nodes of a realm say of themselves, judged: who owns, who stands by, and whether they fit together. */
import { plural, rangesText, span } from '#bin/layout.ts'
import { stateOfNode, unfollowedTexts, unownedTexts } from '#bin/nodes-text.ts'
import { type RealmHandle, type SeenNode, type SeenRealm, systemClock } from '#runtime/index.ts'
import { type Finding, fail, ok, warn } from './finding.ts'

export type NodesWanted = {
  readonly standbys: number
  /** What is on its way to a new owner has one by then. */
  readonly settleMs: number
}

export async function checkNodes(realm: RealmHandle, { standbys, settleMs }: NodesWanted): Promise<readonly Finding[]> {
  let seen = await realm.operate.nodes()
  if (seen.nodes.length > 0 && !isSettled(seen, standbys)) {
    await new Promise<void>((resolve) => systemClock.at(systemClock.now() + settleMs, resolve))
    seen = await realm.operate.nodes()
  }
  return [
    ownersOf(realm, seen),
    standbysOf(seen, standbys),
    ...drainedOf(seen),
    ...packedOf(seen),
    ...clocksOf(seen),
    ...releasesOf(seen),
    ...kindsOf(seen),
    ...setbacksOf(seen),
  ]
}

function isSettled({ nodes, places }: SeenRealm, standbys: number): boolean {
  const want = wantedStandbys(nodes, standbys)
  return places.every((place) => place.owner !== undefined && place.standbys.length >= want)
}

function ownersOf(realm: RealmHandle, { places }: SeenRealm): Finding {
  const counts = new Map<string, number>()
  for (const { owner } of places) if (owner !== undefined) counts.set(owner, (counts.get(owner) ?? 0) + 1)
  const who = [...counts]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([node, count]) => `${node} owns ${count}`)
    .join(', ')
  const unowned = places.filter(({ owner }) => owner === undefined)
  if (unowned.length === 0) return ok('partitions', `All ${realm.partitions} have an owner: ${who}.`)
  const fix = 'Start a node: perdure up, or perdure node --servers. Events are stored meanwhile and wait.'
  if (counts.size === 0)
    return fail('partitions', `No node owns any of the ${realm.partitions} partitions of "${realm.name}".`, fix)
  const reasons = unownedTexts(unowned).join('. ')
  return fail('partitions', `Nobody owns ${plural(unowned.length, 'partition')}; ${who}. Now ${reasons}.`, fix)
}

/** As many as are asked for, or as there are nodes for. */
function wantedStandbys(nodes: readonly SeenNode[], standbys: number): number {
  const able = nodes.filter(({ phase, capacity }) => phase === 'ready' && capacity > 0)
  return Math.min(standbys, Math.max(0, able.length - 1))
}

function standbysOf({ nodes, places }: SeenRealm, standbys: number): Finding {
  const check = 'standbys'
  if (standbys === 0) return ok(check, 'None are asked for (standbys is 0): who takes over reads the log first.')
  const want = wantedStandbys(nodes, standbys)
  if (want === 0)
    return ok(
      check,
      'Nobody could take over: there is one node, and when it ends, events wait until it is back. A second one (perdure node) would go on at once.',
    )
  const bare = places.filter((place) => place.owner !== undefined && place.standbys.length < want)
  const close = places.flatMap((place) => place.standbys).filter(({ isClose }) => isClose).length
  const fewer = want < standbys ? ` ${standbys} are asked for, and there are too few nodes for that.` : ''
  if (bare.length === 0)
    return ok(
      check,
      `${plural(want, 'node')} ${want === 1 ? 'follows' : 'follow'} each partition, ${close} of them up to the log's end.${fewer}`,
    )
  const reasons = nodes.flatMap(({ name, unfollowed = [] }) =>
    unfollowedTexts(unfollowed).map((text) => `${name} ${text}`),
  )
  return warn(
    check,
    [
      `Too few nodes follow ${plural(bare.length, 'partition')} (${rangesText(bare.map(({ partition }) => partition))}): who takes over would have to read first.`,
      ...reasons,
    ].join(' '),
    'A node that has just come is not that far yet; if it lasts, the logs of the nodes say why they cannot follow.',
  )
}

function drainedOf({ nodes }: SeenRealm): readonly Finding[] {
  const drained = nodes.filter((one) => stateOfNode(one) === 'drained').map(({ name }) => name)
  if (drained.length === 0) return []
  return [
    warn(
      'drained',
      `${drained.join(', ')} ${drained.length === 1 ? 'has' : 'have'} given all partitions away and ${drained.length === 1 ? 'runs' : 'run'} without any.`,
      `perdure drain ${drained[0]} --undo brings it back; perdure drain ${drained[0]} stops it.`,
    ),
  ]
}

/** No flaw, but something to know before the key is changed or a node is taken out. */
function packedOf({ nodes }: SeenRealm): readonly Finding[] {
  const left = nodes.flatMap(({ name, load: { packed } }) => (packed === undefined ? [] : [{ name, packed }]))
  if (left.length === 0) return []
  const who = left.map(({ name, packed }) => `${name} ${plural(packed, 'actor')}`).join(', ')
  return [ok('unpacking', `Of what was restored, ${who} still to unpack; until then nodes need the key of that cut.`)]
}

const noticedMs = 1_000

function clocksOf({ nodes }: SeenRealm): readonly Finding[] {
  const told = nodes.flatMap(({ name, aheadMs }) => (aheadMs === undefined ? [] : [{ name, aheadMs }]))
  const sorted = told.toSorted((a, b) => a.aheadMs - b.aheadMs)
  const [slow, fast] = [sorted.at(0), sorted.at(-1)]
  if (slow === undefined || fast === undefined || slow === fast) return []
  const apart = fast.aheadMs - slow.aheadMs
  if (apart <= noticedMs) return [ok('node clocks', `They agree to ${Math.max(1, apart)} ms.`)]
  return [
    warn(
      'node clocks',
      `The clock of ${fast.name} is ${span(apart)} ahead of that of ${slow.name}.`,
      'Timers fire by the clock of the node that owns them, so they move by that when a partition does; set all by NTP.',
    ),
  ]
}

function releasesOf({ nodes }: SeenRealm): readonly Finding[] {
  const by = grouped(nodes.map(({ name, release }) => [release, name] as const))
  if (by.size < 2) return []
  const says = [...by].map(([release, names]) => `${release} on ${names.join(', ')}`).join('; ')
  return [
    warn(
      'releases',
      `The nodes run different releases of perdure: ${says}.`,
      'That is how an upgrade goes, one node after the other; bring the rest to the newest.',
    ),
  ]
}

/** The same version of a kind must mean the same machine everywhere. */
function kindsOf({ nodes }: SeenRealm): readonly Finding[] {
  const hashes = new Map<string, Set<string>>()
  for (const { kinds } of nodes)
    for (const [kind, version, hash] of kinds) {
      const key = `${kind} (version ${version})`
      hashes.set(key, (hashes.get(key) ?? new Set()).add(hash))
    }
  const torn = [...hashes].filter(([, some]) => some.size > 1).map(([key]) => key)
  if (torn.length === 0) return []
  return [
    warn(
      'kinds',
      `Nodes run different definitions under one version: ${torn.join(', ')}.`,
      'An actor behaves as the node does that happens to own it. Raise the version with the definition.',
    ),
  ]
}

/** What is over: the partitions are served again, and why they were not may come again. */
function setbacksOf({ nodes }: SeenRealm): readonly Finding[] {
  return nodes.flatMap(({ name, setbacks = [] }) =>
    setbacks
      .filter(([, , since]) => since > 0)
      .map(([partition, reason, since]) =>
        warn(
          'setbacks',
          `${name} could not serve partition ${partition} for a while, and has served it again for ${span(Math.max(0, systemClock.now() - since))}: ${reason}`,
          'What a store held and could not be read was made again from the log, and nothing is lost. If it comes again, look at the disk of that node.',
        ),
      ),
  )
}

function grouped(pairs: readonly (readonly [string, string])[]): ReadonlyMap<string, readonly string[]> {
  const groups = new Map<string, string[]>()
  for (const [key, value] of pairs) groups.set(key, [...(groups.get(key) ?? []), value])
  return groups
}
