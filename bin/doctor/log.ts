/** What can be seen of a realm: who owns its partitions, how far they are, and how long the log is. */
import { bytesText, dueText, plural, span } from '#bin/layout.ts'
import type { Config } from '#config/open-config.ts'
import { isFault } from '#protocol/fault.ts'
import type { SeenPartition } from '#protocol/query.ts'
import { subjects } from '#protocol/subject.ts'
import { type RealmHandle, systemClock } from '#runtime/index.ts'
import { type Finding, fail, ok, warn } from './finding.ts'

export async function checkPartitions(realm: RealmHandle): Promise<readonly Finding[]> {
  const seen: SeenPartition[] = []
  const unowned: number[] = []
  for (const [number, answer] of (await askAll(realm)).entries()) {
    if (answer === undefined) unowned.push(number)
    else seen.push(answer)
  }
  return [ownersOf(realm, seen, unowned), await lagOf(realm, seen)]
}

async function askAll(realm: RealmHandle): Promise<readonly (SeenPartition | undefined)[]> {
  const numbers = Array.from({ length: realm.partitions }, (_, number) => number)
  const asked = numbers.map(async (number) => {
    try {
      return await realm.operate.partition(number)
    } catch (error) {
      if (isFault(error, 'partition.unowned')) return undefined
      throw error
    }
  })
  return await Promise.all(asked)
}

function ownersOf(realm: RealmHandle, seen: readonly SeenPartition[], unowned: readonly number[]): Finding {
  const owners = new Map<string, number>()
  for (const { node } of seen) owners.set(node, (owners.get(node) ?? 0) + 1)
  const who = [...owners].map(([node, count]) => `${node} owns ${count}`).join(', ')
  if (unowned.length === 0) return ok('partitions', `All ${realm.partitions} have an owner: ${who}.`)
  const fix = 'Start a node: perdure up, or perdure node --servers. Events are stored meanwhile and wait.'
  if (seen.length === 0)
    return fail('partitions', `No node owns any of the ${realm.partitions} partitions of "${realm.name}".`, fix)
  return fail('partitions', `Nobody owns ${plural(unowned.length, 'partition')} (${unowned.join(', ')}); ${who}.`, fix)
}

const muchWaits = 1_000

async function lagOf(realm: RealmHandle, seen: readonly SeenPartition[]): Promise<Finding> {
  const behind = await Promise.all(
    seen.map(
      async ({ partition, cursor }) =>
        ((await realm.bus.lastMatching(subjects.mailbox(realm.bus.realm, partition))) ?? 0) > cursor,
    ),
  )
  const late = behind.filter(Boolean).length
  const queued = seen.reduce((sum, one) => sum + one.queued + one.staged, 0)
  if (late === 0 && queued === 0) return ok('lag', 'Everything on the log has been stepped.')
  const says = `${plural(late, 'partition')} still have something to step; ${queued} envelopes wait in memory.`
  return queued > muchWaits
    ? warn(
        'lag',
        says,
        'It is being worked off, or the node is too slow for what comes in: see perdure bench and the CPU.',
      )
    : ok('lag', says)
}

export async function checkLog(realm: RealmHandle, config: Config): Promise<Finding> {
  const { firstSeq, entries, bytes } = await realm.bus.logState()
  const oldest = await realm.bus.get(firstSeq)
  const { 'history.windowMs': windowMs, 'history.bytes': most } = config.cluster
  const since = oldest === undefined ? '' : `, the oldest from ${dueText(oldest.at, systemClock.now())}`
  const says = `${entries} ${entries === 1 ? 'entry' : 'entries'} in ${bytesText(bytes)}${since}; the window is ${span(windowMs)} or ${bytesText(most)}.`
  if (bytes > most * 1.5)
    return warn(
      'log',
      says,
      'It should have been trimmed: a node trims behind its fold, so look whether one runs and is not behind. A smaller history.bytes keeps less.',
    )
  return ok('log', says)
}

export async function checkParked(realm: RealmHandle): Promise<Finding> {
  const most = 1_000
  const count = (await realm.parked.list({ limit: most })).length
  if (count === 0) return ok('parked', 'Nothing is parked.')
  return warn(
    'parked',
    `${count === most ? `${most} or more envelopes are` : `${plural(count, 'envelope')} ${count === 1 ? 'is' : 'are'}`} parked.`,
    'perdure parked lists them with their faults; mend and replay, or drop them.',
  )
}
