/** What doctor says of cuts: whether there are some, and whether one would come back from them. */
import { expect, test } from 'vitest'
import { judgeCuts, type SeenCuts } from '#bin/doctor/cuts.ts'
import type { CutDrill } from '#protocol/cut-drill.ts'
import type { CutNote } from '#protocol/cut.ts'

const hour = 3_600_000
const now = 1000 * hour

const note = (given: Partial<CutNote>): CutNote => ({
  ...{
    id: 'c',
    name: undefined,
    state: 'whole',
    begunAt: now - hour / 2,
    at: now - hour / 2,
    node: 'n',
    generation: 0,
  },
  ...{ actors: 3, inFlight: 0, added: 1, bytes: 1, reason: undefined, by: 'schedule', deadline: now, ...given },
})

const drill = (given: Partial<CutDrill>): CutDrill => ({
  ...{ cut: 'c', at: now - hour, ms: 5, node: 'n', by: 'schedule', passed: true, actors: 3, envelopes: 0, segments: 1 },
  ...{ bytes: 1, unknown: [], found: [], count: 0, ...given },
})

const well: SeenCuts = {
  ...{ now, since: 0, everyMs: hour, drillMs: 24 * hour, notes: [note({})], isBehind: true, drills: [drill({})] },
  ...{ absent: [], replicas: 3, secondPlace: undefined, copy: undefined, archive: { bytes: 1e6, limit: 1e9 } },
}

const saidOf = (given: Partial<SeenCuts>): string[] =>
  judgeCuts({ ...well, ...given }).map(({ check, status }) => `${status} ${check}`)

test('all is well where a young cut was drilled and lies on several servers', () => {
  expect(saidOf({})).toEqual(['ok cuts', 'ok cuts archive', 'ok cuts drill'])
})

test.for<[string, Partial<SeenCuts>, string]>([
  ['there is none', { notes: [], drills: [] }, 'warn cuts'],
  ['there is none yet', { notes: [], drills: [], since: now - hour }, 'ok cuts'],
  ['none is taken by time', { notes: [], drills: [], everyMs: 0 }, 'warn cuts'],
  ['the last is too old', { notes: [note({ begunAt: now - 3 * hour })] }, 'warn cuts'],
  [
    'the last is old, and nothing happened since',
    { notes: [note({ begunAt: now - 3 * hour })], isBehind: false },
    'ok cuts',
  ],
  [
    'the last ones were abandoned',
    { notes: [note({}), note({ state: 'abandoned', reason: 'late' })] },
    'warn abandoned',
  ],
  ['a node has no key', { absent: ['node-2'] }, 'warn cuts key'],
  ['the archive is nearly full', { archive: { bytes: 9e8, limit: 1e9 } }, 'warn cuts archive'],
  ['there is one replica, and no second place', { replicas: 1 }, 'warn second place'],
  ['nothing was written there yet', { replicas: 1, secondPlace: '/far' }, 'warn second place'],
  [
    'nothing can be written there',
    { secondPlace: '/far', copy: { at: now, cut: 'c', path: '/far/c', node: 'n', reason: 'full', cuts: [] } },
    'fail second place',
  ],
  [
    'a copy lies there',
    { secondPlace: '/far', copy: { at: now, cut: 'c', path: '/far/c', node: 'n', reason: undefined, cuts: ['c'] } },
    'ok second place',
  ],
  ['the last drill failed', { drills: [drill({ passed: false, found: ['x'], count: 1 })] }, 'fail cuts drill'],
  ['the last drill is long ago', { drills: [drill({ at: now - 49 * hour })] }, 'warn cuts drill'],
  ['there never was a drill', { drills: [], notes: [note({ at: now - 49 * hour })] }, 'warn cuts drill'],
])('doctor says so when %s', ([, given, said]) => {
  expect(saidOf(given)).toContain(said)
})

test('an abandoned cut before the last whole one is no finding', () => {
  expect(saidOf({ notes: [note({ state: 'abandoned' }), note({})] })).toEqual(saidOf({}))
})
