/** What can be seen of a realm: how far its partitions are, and how long the log is. */
import { bytesText, dueText, plural, span } from '#bin/layout.ts'
import type { Config } from '#config/open-config.ts'
import { isFault } from '#protocol/fault.ts'
import type { SeenPartition } from '#protocol/query.ts'
import { subjects } from '#protocol/subject.ts'
import { decodeMendHead } from '#runtime/core/mend-row.ts'
import { type RealmHandle, systemClock } from '#runtime/index.ts'
import { type Finding, ok, warn } from './finding.ts'

export async function checkLag(realm: RealmHandle): Promise<Finding> {
  const answers = await askAll(realm)
  return await lagOf(
    realm,
    answers.filter((one) => one !== undefined),
  )
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

const untouched = { mends: [], isOpen: false, report: undefined }

/** Whether the log ever lost its end, and what became of it. */
export async function checkMended(realm: RealmHandle): Promise<Finding> {
  const last = await realm.bus.last(subjects.mended(realm.bus.realm))
  const { mends, isOpen, report } = last === undefined ? untouched : decodeMendHead(last.data)
  // What every restored log begins with: it says where its entries stood in the cut.
  const losses = mends.length - (realm.bus.realm.generation > 0 ? 1 : 0)
  if (losses <= 0 || report === undefined) return ok('mended', 'The log never lost what it had acknowledged.')
  const when = dueText(report.at, systemClock.now())
  const says = `The log lost its end ${losses === 1 ? 'once' : `${losses} times`}, last ${when}: ${report.entries} entries were appended again by ${report.node}, ${report.missing} had been folded by nobody.`
  return warn(
    'mended',
    isOpen ? `${says} It is not done yet.` : says,
    isOpen
      ? 'Start a node that held what was lost: it goes on with it.'
      : 'The server lost what it had acknowledged: durability power, or three replicas, keep it from that.',
  )
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
