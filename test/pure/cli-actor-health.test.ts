/** An actor's health is what a person would say who looked at its state, in the order in which it matters. */
import { expect, test } from 'vitest'
import { healthText } from '#bin/health-text.ts'
import type { ActorState, Book, Effect, Timer } from '#protocol/state.ts'
import { type HealthInput, healthOf } from '#runtime/core/health.ts'

const now = 1_000_000

function stateWith(book: Book): ActorState {
  const snapshot = {
    status: 'active' as const,
    value: 'open',
    context: {},
    history: undefined,
    output: undefined,
    error: undefined,
  }
  return { version: 1, hash: 'h', snapshot, book, visits: 0, steps: 1, bornAt: 0, steppedAt: 0 }
}

function health(book: Book, given: Partial<HealthInput> = {}): ReturnType<typeof healthOf> {
  return healthOf({
    state: stateWith(book),
    depth: 0,
    isServed: true,
    unfit: undefined,
    undecided: [],
    places: {},
    parked: 0,
    now,
    ...given,
  })
}

const timer = (name: string, due: number): Timer => ({
  name,
  visit: 1,
  due,
  delay: 1,
  event: { type: name },
  policy: 'deadline',
  awayMs: 0,
})

const effect = (id: string, given: Partial<Effect> = {}): Effect => ({
  id,
  name: 'charge',
  is: 'logic',
  input: undefined,
  child: 'charge',
  attempt: 1,
  begunAt: 0,
  notBefore: 0,
  deadline: undefined,
  sync: false,
  taken: 0,
  ...given,
})

const everything: Book = {
  effects: { e: effect('e') },
  timers: { late: timer('late', now + 9_000), soon: timer('soon', now + 1_000) },
  children: { kid: { src: 'kid', spawn: 1, address: 'order/1~kid~1', effect: undefined, sync: false } },
}

test('an actor that has nothing else waits for an event', () => {
  expect(health({})).toEqual({ is: 'waiting', on: [{ is: 'event' }] })
})

test('it waits for effects first, then for its next timer, then for children', () => {
  const { is, on } = health(everything) as Extract<ReturnType<typeof healthOf>, { is: 'waiting' }>
  expect(is).toBe('waiting')
  expect(on.map((wait) => ('name' in wait ? wait.name : wait.is))).toEqual(['charge', 'soon', 'late', 'child'])
})

test('an effect between two attempts says when the next one is', () => {
  const paused = health({ effects: { e: effect('e', { attempt: 3, notBefore: now + 2_000 }) } })
  expect(healthText(paused, now)).toBe('waiting for effect charge, attempt 3 in 2s')
})

test.each<[string, Partial<HealthInput>, Book, string]>([
  ['envelopes wait', { depth: 3 }, everything, 'progressing, 3 waiting'],
  ['more was sent than a commit holds', {}, { outbox: [1] }, 'progressing'],
  ['something is parked', { parked: 2, depth: 3 }, everything, 'poisoned: 2 parked'],
  [
    'a person must decide an effect',
    { undecided: ['e'], parked: 1 },
    everything,
    'blocked: the outcome of the effect "charge" is unknown; somebody must say it',
  ],
  [
    'its state does not fit',
    { unfit: { code: 'actor.unmigrated', message: 'no such state' }, undecided: ['e'] },
    everything,
    'blocked: no such state',
  ],
  [
    'nobody serves its kind',
    { isServed: false, unfit: { code: 'x', message: 'y' } },
    everything,
    'blocked: no node serves its kind',
  ],
  [
    'it has ended, whatever else',
    { isServed: false, parked: 4, depth: 1 },
    { ended: { reason: 'done', at: 0, retire: 1 } },
    'ended: done',
  ],
])('what matters more comes first: %s', (_, given, book, says) => {
  expect(healthText(health(book, given), now)).toBe(says)
})

test('an effect that was decided in between is no reason to be blocked', () => {
  expect(health({}, { undecided: ['gone'] }).is).toBe('waiting')
})

test('an effect that can run nowhere blocks its actor, and one that runs elsewhere does not', () => {
  const id = Object.keys(everything.effects ?? {})[0] ?? ''
  expect(health(everything, { places: { [id]: { reason: 'no node has the label "gpu"' } } })).toMatchObject({
    is: 'blocked',
    by: 'carrier',
    reason: expect.stringContaining('can run nowhere: no node has the label "gpu"'),
  })
  expect(health(everything, { places: { [id]: { node: 'b' }, gone: { reason: 'x' } } }).is).toBe('waiting')
})
