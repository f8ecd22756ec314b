/**
 * What all nodes of a realm must agree on. A realm remembers its number of partitions and its
 * replicas itself; here stands what a realm that does not exist yet is made with.
 */
import { setting, type Setting } from './setting.ts'
import { count, duration, oneOf, oneOfNumbers, size, text } from './value-type.ts'

const day = 86_400_000

export const clusterSettings = {
  realm: setting(
    text('a letter, then letters, digits or -, 32 at most', /^[a-zA-Z][a-zA-Z0-9-]{0,31}$/),
    'main',
    'The prefix of all subjects; one world of actors.',
  ),
  partitions: setting(
    count({ min: 1, max: 999 }),
    16,
    'Fixed when a realm is made. 16 keep two cores busy; a cluster that is to grow wants 64.',
  ),
  replicas: setting(oneOfNumbers(1, 3, 5), 1, 'How many servers keep each entry; 3 needs a cluster of three.'),
  durability: setting(
    oneOf('process', 'power'),
    'process',
    'process: an acknowledged event survives any crash of a process. power: also a power cut, at about a fifth of the speed with one replica.',
  ),
  standbys: setting(
    count({ min: 0, max: 3 }),
    1,
    'Nodes that follow each partition besides its owner, so that one takes over without reading. Each costs about what the fold costs.',
  ),
  'history.windowMs': setting(
    duration({ min: 0, max: 3650 * day }),
    day,
    'What was handled stays on the log for so long, for time travel and for looking back.',
  ),
  'history.bytes': setting(
    size({ min: 1_000_000, max: 1e15 }),
    1_000_000_000,
    'A log larger than this is trimmed before its time; it is disk on every server.',
  ),
  'parked.keepMs': setting(
    duration({ min: day / 24, max: 3650 * day }),
    30 * day,
    'What is parked and neither replayed nor dropped for so long goes, counted in a trace.',
  ),
  'parked.bytes': setting(
    size({ min: 1_000_000, max: 1e15 }),
    100_000_000,
    'What is parked may take so much of the log, a tenth of history.bytes; past it the oldest go.',
  ),
  'actors.retainMs': setting(
    duration({ min: 0, max: 3650 * day }),
    30 * day,
    'How long the output of an ended actor can be asked for; a kind may say otherwise.',
  ),
  'outside.duplicateWindowMs': setting(
    duration({ min: 100, max: day }),
    120_000,
    'How long the server remembers the ids that outsiders give. It keeps them in memory.',
  ),
} as const satisfies Record<string, Setting<unknown>>
