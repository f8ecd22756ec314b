/** How it stands with the cuts of a realm: whether there are some, and whether one would come back from them. */
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { bytesText, dueText, plural, span } from '#bin/layout.ts'
import type { Config } from '#config/open-config.ts'
import { archiveOptionsOf } from '#config/options.ts'
import type { CutDrill } from '#protocol/cut-drill.ts'
import type { CutNote } from '#protocol/cut.ts'
import type { CutCopy } from '#runtime/cuts/keeping/chores.ts'
import { bySchedule } from '#runtime/cuts/keeping/retention.ts'
import { type RealmHandle, systemClock } from '#runtime/index.ts'
import { type Finding, fail, ok, warn } from './finding.ts'

export type SeenCuts = {
  readonly now: number
  /** When the log was made. */
  readonly since: number
  readonly everyMs: number
  readonly drillMs: number
  readonly notes: readonly CutNote[]
  /** Something happened after the last whole one. */
  readonly isBehind: boolean
  readonly drills: readonly CutDrill[]
  readonly absent: readonly string[]
  readonly replicas: number
  readonly secondPlace: string | undefined
  readonly copy: CutCopy | undefined
  readonly archive: { readonly bytes: number; readonly limit: number } | undefined
}

export async function checkCuts(realm: RealmHandle, config: Config, replicas: number): Promise<readonly Finding[]> {
  const { cuts, bus } = realm
  const notes = await cuts.list()
  const last = notes.findLast(({ state }) => state === 'whole')
  return judgeCuts({
    now: systemClock.now(),
    since: Date.parse((await bus.logState()).createdAt),
    everyMs: config.node['cuts.everyMs'],
    drillMs: config.node['cuts.drillMs'],
    notes,
    isBehind: last !== undefined && (await cuts.isBehind(last.id)),
    drills: await cuts.drills(),
    absent: await cuts.absent(),
    replicas,
    secondPlace: config.node['cuts.secondPlace'],
    copy: await cuts.copied(),
    archive: await archiveOf(config),
  })
}

async function archiveOf(config: Config): Promise<SeenCuts['archive']> {
  const { dir, mapBytes } = archiveOptionsOf(config)
  const found = await stat(join(dir, 'data.mdb')).catch(() => undefined)
  return found === undefined ? undefined : { bytes: found.size, limit: mapBytes }
}

export function judgeCuts(seen: SeenCuts): readonly Finding[] {
  return [
    ...newestOf(seen),
    ...abandonedOf(seen),
    ...absentOf(seen),
    ...archiveSizeOf(seen),
    ...secondPlaceOf(seen),
    ...drillOf(seen),
  ]
}

/** One may be late once: it was abandoned, and the next one is not due yet. */
const lateness = 2

function newestOf({ now, since, everyMs, notes, isBehind }: SeenCuts): readonly Finding[] {
  const check = 'cuts'
  const whole = notes.filter(({ state }) => state === 'whole')
  const last = whole.at(-1)
  const take = 'perdure cut take makes one now; the logs of the nodes say why the realm makes none of itself.'
  if (last === undefined) {
    if (everyMs === 0) return [warn(check, 'There is no cut, and none is taken by time (cuts.everyMs is 0).', take)]
    if (now - since <= lateness * everyMs)
      return [ok(check, `There is no cut yet; the first is taken when the realm is ${span(everyMs)} old.`)]
    return [warn(check, `There is no cut, though one should be taken every ${span(everyMs)}.`, take)]
  }
  const says = `${plural(whole.length, 'cut')}, the last from ${dueText(last.begunAt, now)}, ${bytesText(last.bytes)} of ${plural(last.actors, 'actor')}.`
  if (!isBehind || everyMs === 0 || now - last.begunAt <= lateness * everyMs) return [ok(check, says)]
  return [warn(check, `${says} One should be taken every ${span(everyMs)}, and things have happened since.`, take)]
}

function abandonedOf({ now, notes }: SeenCuts): readonly Finding[] {
  const lastWhole = notes.findLastIndex(({ state }) => state === 'whole')
  const lost = notes.slice(lastWhole + 1).filter(({ state }) => state === 'abandoned')
  const last = lost.at(-1)
  if (last === undefined) return []
  const count = lost.length === 1 ? 'The last cut was' : `The last ${lost.length} cuts were`
  return [
    warn(
      'abandoned',
      `${count} abandoned, the newest ${dueText(last.begunAt, now)}: ${last.reason ?? 'its maker ended'}`,
      'Nothing was disturbed by it. If the next one fails, too, look whether all partitions have an owner, and at the disks.',
    ),
  ]
}

function absentOf({ absent }: SeenCuts): readonly Finding[] {
  if (absent.length === 0) return []
  const [take, own] = absent.length === 1 ? ['takes', 'it owns'] : ['take', 'they own']
  return [
    warn(
      'cuts key',
      `${absent.join(', ')} ${take} no part in cuts, so none is whole while ${own} a partition.`,
      'Copy cuts.key from the directory of a node that does, or name it with cuts.keyFile, and start the node again.',
    ),
  ]
}

const muchShare = 0.8

function archiveSizeOf({ archive }: SeenCuts): readonly Finding[] {
  if (archive === undefined) return []
  const says = `${bytesText(archive.bytes)} of at most ${bytesText(archive.limit)} (cuts.archiveBytes).`
  return archive.bytes <= archive.limit * muchShare
    ? [ok('cuts archive', says)]
    : [
        warn(
          'cuts archive',
          says,
          'Remove cuts that are not needed (perdure cut rm), keep fewer, or raise the setting.',
        ),
      ]
}

function secondPlaceOf({ now, everyMs, replicas, secondPlace, copy, notes }: SeenCuts): readonly Finding[] {
  const check = 'second place'
  const own = notes.filter(({ by, state }) => by === bySchedule && state === 'whole')
  if (secondPlace === undefined) {
    if (replicas > 1 || notes.length === 0) return []
    return [
      warn(
        check,
        'With one replica the cuts lie on the same disk as the log, and are lost with it.',
        'Name a directory on another disk or machine (cuts.secondPlace), or export them there (perdure cut export).',
      ),
    ]
  }
  if (copy?.reason !== undefined)
    return [
      fail(
        check,
        `Nothing could be written to ${secondPlace} by ${copy.node}: ${copy.reason}`,
        'Mend the directory; it is tried again.',
      ),
    ]
  if (copy === undefined)
    return own.length === 0
      ? [ok(check, `${secondPlace} gets a copy of each cut that the realm takes of itself; there is none yet.`)]
      : [
          warn(
            check,
            `Nothing was written to ${secondPlace} yet.`,
            'The node that owns partition 0 does it; is cuts.secondPlace set there?',
          ),
        ]
  const says = `The last copy is of cut ${copy.cut}, made ${dueText(copy.at, now)} by ${copy.node}: ${copy.path}.`
  const newest = own.at(-1)
  const isOld = newest !== undefined && newest.id !== copy.cut && everyMs > 0 && now - copy.at > lateness * everyMs
  return isOld ? [warn(check, says, 'The logs of the nodes say why there is no newer one.')] : [ok(check, says)]
}

function drillOf({ now, drillMs, drills, notes }: SeenCuts): readonly Finding[] {
  const check = 'cuts drill'
  const last = drills.at(-1)
  if (last !== undefined && !last.passed)
    return [
      fail(
        check,
        `Cut ${last.cut} could not be restored ${dueText(last.at, now)}: ${last.found[0] ?? 'it says no more'}`,
        'perdure cut drill tries again and says all of it; perdure cut verify looks at its bytes. Take another cut.',
      ),
    ]
  const own = notes.find(({ by, state }) => by === bySchedule && state === 'whole')
  const since = last?.at ?? own?.at
  if (last === undefined && own === undefined) return []
  if (drillMs > 0 && since !== undefined && now - since > lateness * drillMs)
    return [
      warn(
        check,
        last === undefined
          ? 'No cut was ever restored to see whether it can be.'
          : `The last drill was ${dueText(last.at, now)}.`,
        `One is due every ${span(drillMs)} (cuts.drillMs); perdure cut drill does one now.`,
      ),
    ]
  if (last === undefined) return []
  return [
    ok(
      check,
      `Cut ${last.cut} was restored and thrown away ${dueText(last.at, now)}: ${plural(last.actors, 'actor')}.`,
    ),
  ]
}
