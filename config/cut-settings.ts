/** When a realm takes cuts of itself, and how long it keeps them. */
import { optional, count, duration, size, text } from './value-type.ts'
import { setting, type Setting } from './setting.ts'

const second = 1_000
const hour = 3_600 * second
const day = 24 * hour

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
    optional(text('a path', /^[^\0\r\n]{1,1024}$/)),
    undefined,
    'A module that exports invariants, which every cut is held against; by default the one that exports the actors.',
    { isPath: true },
  ),
  'cuts.secondPlace': setting(
    optional(text('a path', /^[^\0\r\n]{1,1024}$/)),
    undefined,
    'A directory on another disk or machine, to which each cut of the realm itself is exported: with one replica the object store dies with its disk.',
    { isPath: true },
  ),
} as const satisfies Record<string, Setting<unknown>>
