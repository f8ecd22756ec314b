/** When a realm takes cuts of itself, how long it keeps them, where they lie and what they are sealed with. */
import { optional, count, duration, size, text } from './value-type.ts'
import { setting, type Setting } from './setting.ts'

const second = 1_000
const minute = 60 * second
const hour = 60 * minute
const day = 24 * hour

const path = text('a path')

export const cutSettings = {
  'cuts.everyMs': setting(
    duration({ min: 0, max: 365 * day }),
    hour,
    'So often the realm takes a cut of itself, if anything happened: a bad deploy is taken back by an hour at most, and a cut costs what changed. 0 takes none by time.',
  ),
  'cuts.everyBytes': setting(
    size({ min: 0, max: 1e15 }),
    1_000_000_000,
    'Or after so much log, whichever is first: what is replayed after a restore stays bounded. 0 takes none by size.',
  ),
  'cuts.keepLast': setting(
    count({ min: 1, max: 10_000 }),
    6,
    "Of the realm's own cuts the newest so many stay; those that somebody took by hand stay until they are removed.",
  ),
  'cuts.keepHourly': setting(
    count({ min: 0, max: 10_000 }),
    24,
    'And the newest of each of the last so many hours that have one: a day in steps of an hour.',
  ),
  'cuts.keepDaily': setting(
    count({ min: 0, max: 10_000 }),
    7,
    'And the newest of each of the last so many days that have one: what is found wrong after a weekend can still be taken back.',
  ),
  'cuts.deadlineMs': setting(
    duration({ min: second, max: day }),
    2 * minute,
    'A cut that is not whole by then is abandoned: a partition has no owner, or its owner was lost meanwhile.',
  ),
  'cuts.layersMost': setting(
    count({ min: 1, max: 64 }),
    8,
    'So many layers of changes are put on top of each other before a slice is written whole again; reading one actor looks through all of them.',
  ),
  'cuts.drillMs': setting(
    duration({ min: 0, max: 365 * day }),
    day,
    "So often the newest of the realm's own cuts is restored into a scratch realm and verified; 0 leaves it to perdure cut drill.",
  ),
  'cuts.checkMs': setting(
    duration({ min: 10, max: hour }),
    30 * second,
    'An invariant that takes longer over one cut is given up, and told as a fault of its own.',
  ),
  'cuts.invariants': setting(
    optional(path),
    undefined,
    'A module that exports invariants, which every cut is held against; by default the one that exports the actors.',
    { isPath: true },
  ),
  'cuts.secondPlace': setting(
    optional(path),
    undefined,
    'A directory on another disk or machine, to which each cut of the realm itself is exported: with one replica the object store dies with its disk.',
    { isPath: true },
  ),
  'cuts.key': setting(
    optional(text('64 hexadecimal digits', /^[0-9a-fA-F]{64}$/)),
    undefined,
    'What cuts are sealed and signed with. Rather a file, or PERDURE_CUTS_KEY. Keep a copy elsewhere: without it no cut can be read.',
    { isSecret: true },
  ),
  'cuts.keyFile': setting(
    optional(path),
    undefined,
    'A file with the key in hexadecimal digits; by default the one that the first start makes in dir.',
    { isPath: true },
  ),
  'cuts.archiveBytes': setting(
    size({ min: 16_777_216, max: 2 ** 46 }),
    2 ** 36,
    'The most that the archive of cuts on this machine may grow to.',
  ),
} as const satisfies Record<string, Setting<unknown>>
