/** However many sessions outsiders open: each event is taken once, or parked with a fault, at the same cost. */
import { assign, setup } from 'xstate'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { actor } from '#protocol/actor.ts'
import { encode } from '#protocol/codec.ts'
import type { ClientMark } from '#protocol/folded.ts'
import { limits } from '#protocol/limits.ts'
import { encodeOutside, type OutsideNote } from '#protocol/outside.ts'
import type { CommitRecord } from '#protocol/record.ts'
import { admissionOf, type Admitted } from '#runtime/core/admission.ts'
import { beginning, progressOf } from '#runtime/core/position.ts'
import { sessionsOf } from '#runtime/core/sessions.ts'
import { openMemoryLog } from '#runtime/memory/memory-bus.ts'
import { openVirtualClock } from '#runtime/memory/virtual-clock.ts'
import { openTestNode, openTestRealm } from '#test/support/engine.ts'
import { rounds } from '#test/support/rounds.ts'

const hour = 3_600_000
const start = 10 * hour

/** An owner of one partition that commits after each entry, and the marks as a store keeps them. */
function openOwner(clientsMost: number, clientKeepMs = 100 * hour) {
  const stored = new Map<string, ClientMark>()
  const given = { clientKeepMs, clientsMost, askMostMs: hour }
  let position = beginning(0)
  let progress = progressOf({ position, clients: [] }, given)
  let admission = admissionOf(0, { position, clients: [] }, given)
  let seq = 0
  let moved = 0

  function restart(): void {
    position = progress.position
    progress = progressOf({ position, clients: stored.values() }, given)
    admission = admissionOf(0, { position, clients: stored.values() }, given)
  }

  function take(note: OutsideNote, at: number): Admitted {
    const data = encodeOutside({ type: 'ADD' }, note)
    const admitted = admission.admit({ seq: ++seq, subject: 'shop.in.0.x.counter.a', at, data }) as Admitted
    const client = 'origin' in admitted ? admitted.origin.client : undefined
    const { marks: _, ...before } = progress.position
    const clients = client === undefined ? [] : [client]
    const record: CommitRecord = {
      is: 'commit',
      generation: 0,
      previous: 0,
      changes: [],
      steps: [],
      marks: [],
      ...before,
      n: seq,
      clients,
    }
    for (const [session, mark] of progress.take(record, seq)) {
      moved++
      if (mark === undefined) stored.delete(session)
      else stored.set(session, mark)
    }
    return admitted
  }

  return {
    take,
    restart,
    stored,
    get moved() {
      return moved
    },
    get position() {
      return progress.position
    },
  }
}

type Sent = { readonly n: number; readonly floor: number; readonly again?: true }
type Outcome = 'stored' | 'unknown' | 'lost' | 'given up'

/** What one client of ours puts on the log: pipelines, and what is sent again when one of a pipeline failed. */
function sentBy(pipelines: readonly (readonly Outcome[])[]): { entries: Sent[]; owed: Set<number> } {
  const entries: Sent[] = []
  const owed = new Set<number>()
  let base = 1
  for (const outcomes of pipelines) {
    outcomes.forEach((outcome, at) => {
      if (outcome === 'stored' || outcome === 'unknown') entries.push({ n: base + at, floor: base })
      if (outcome !== 'given up') owed.add(base + at)
    })
    const failed = outcomes.findIndex((outcome) => outcome !== 'stored')
    for (let at = failed; failed >= 0 && at < outcomes.length; at++) {
      const n = base + at
      const again = { n, floor: n, again: true as const }
      if (outcomes[at] === 'unknown') entries.push(again)
      if (outcomes[at] !== 'given up') entries.push(again)
    }
    base += outcomes.length
  }
  return { entries, owed }
}

const pipelines = fc.array(
  fc.array(fc.constantFrom<Outcome>('stored', 'stored', 'unknown', 'lost', 'given up'), { minLength: 1, maxLength: 4 }),
  { minLength: 1, maxLength: 3 },
)

test('an event is taken once, or parked as one of a forgotten session, whoever comes between and whoever owns', () => {
  fc.assert(
    fc.property(
      fc.array(pipelines, { minLength: 1, maxLength: 6 }),
      fc.array(fc.nat(5), { maxLength: 150 }),
      fc.integer({ min: 1, max: 4 }),
      fc.array(fc.nat(60), { maxLength: 4 }),
      (programs, order, clientsMost, restarts) => {
        const owner = openOwner(clientsMost)
        const senders = programs.map((program, which) => ({ ...sentBy(program), session: `s${which}` }))
        const taken = new Set<string>()
        const parked = new Set<string>()
        const left = senders.map(({ entries }) => [...entries])
        const turns = [...order, ...left.flatMap((entries, which) => entries.map(() => which))]
        let at = start
        for (const which of turns) {
          const next = left[which]?.shift()
          const session = senders[which]?.session
          if (next === undefined || session === undefined) continue
          if (restarts.includes(++at - start)) owner.restart()
          const name = `${session}:${next.n}`
          const admitted = owner.take({ session, ...next }, at)
          if (admitted.is === 'envelope') {
            expect(taken.has(name)).toBe(false)
            taken.add(name)
          } else if (admitted.is === 'refused') {
            expect(admitted.fault.code).toBe('session.forgotten')
            parked.add(name)
          } else if (admitted.is === 'copy') {
            expect(taken.has(name) || parked.has(name)).toBe(true)
          }
        }
        for (const { session, owed } of senders)
          for (const n of owed) expect(taken.has(`${session}:${n}`) || parked.has(`${session}:${n}`)).toBe(true)
        if (clientsMost >= senders.length) expect(parked.size).toBe(0)
        expect(owner.stored.size).toBeLessThanOrEqual(clientsMost)
      },
    ),
    { numRuns: rounds(600, 6000) },
  )
})

test('a commit moves and keeps as much after 100,000 sessions as after one', () => {
  const owner = openOwner(1000)
  const sizes = new Set<number>()
  for (let at = 1; at <= 100_000; at++) {
    const before = owner.moved
    owner.take({ session: `s${at}`, n: 1, floor: 1 }, start + at)
    expect(owner.moved - before).toBeLessThanOrEqual(2)
    if (at % 1000 === 0) sizes.add(encode(Object.keys(owner.position)).length)
  }
  expect(owner.stored.size).toBe(1000)
  expect([...owner.stored.keys()][0]).toBe('s99001')
  expect(Math.max(...sizes)).toBeLessThan(200)
})

test('of many sessions the longest silent is forgotten first, and the last sign of it is kept', () => {
  const marks: ClientMark[] = [
    ['late', 1, 30],
    ['old', 1, 10],
    ['mid', 7, 20],
  ]
  const sessions = sessionsOf({ clients: marks, forgottenAt: 0 }, { clientKeepMs: hour, clientsMost: 3 })
  expect(sessions.note(['old', 2, 40])).toEqual([])
  expect(sessions.note(['new', 1, 50])).toEqual(['mid'])
  expect([sessions.last('mid'), sessions.last('old'), sessions.forgottenAt, sessions.size]).toEqual([
    undefined,
    2,
    20,
    3,
  ])
  expect(sessions.note(['new', 2, 50 + hour])).toEqual(['late', 'old'])
  expect(sessions.forgottenAt).toBe(40)
})

test('more marks than are kept are forgotten with the first sign that comes, so that they leave the store', () => {
  const owner = openOwner(3)
  for (let at = 1; at <= 3; at++) owner.take({ session: `s${at}`, n: 1 }, start + at)
  const fewer = sessionsOf({ clients: owner.stored.values(), forgottenAt: 0 }, { clientKeepMs: hour, clientsMost: 1 })
  expect(fewer.size).toBe(3)
  expect(fewer.note(['s4', 1, start + 9])).toEqual(['s1', 's2', 's3'])
})

test('a session may be called what an object is made of', () => {
  const owner = openOwner(10)
  for (const session of ['__proto__', 'constructor', 'toString']) {
    expect(owner.take({ session, n: 1 }, start).is).toBe('envelope')
    owner.restart()
    expect(owner.take({ session, n: 1, again: true }, start).is).toBe('copy')
  }
})

test('once no client sends again what was forgotten, a session that is not known is a new one', () => {
  const owner = openOwner(1)
  owner.take({ session: 'a', n: 1 }, start)
  owner.take({ session: 'b', n: 1 }, start + 1)
  const late = { session: 'c', n: 1, again: true }
  expect(owner.take(late, start + 2)).toMatchObject({ is: 'refused', fault: { code: 'session.forgotten' } })
  expect(owner.take({ ...late, session: 'd' }, start + 3 * limits.resendMs).is).toBe('envelope')
})

test.each([
  [10, [], 'its session is still known'],
  [1, ['session.forgotten'], 'others came between and its session was forgotten'],
])(
  'with %i sessions remembered, an event whose acknowledgement was lost is taken once',
  async (clientsMost, faults) => {
    const counters = actor(
      'counter',
      setup({ types: { context: {} as { n: number }, events: {} as { type: 'ADD' } } }).createMachine({
        context: { n: 0 },
        on: { ADD: { actions: assign({ n: ({ context }) => context.n + 1 }) } },
      }),
    )
    const clock = openVirtualClock({ start, progress: () => node.health().queued })
    const log = openMemoryLog({ realm: 'shop', partitions: 1, clock, ackMs: 100 })
    const node = await openTestNode(log.connect(), [counters], { clock, options: { clientsMost } })
    const bus = log.connect()
    const realm = openTestRealm(bus, clock)
    let appends = 0
    bus.disturb((op) => (op.is === 'append' && ++appends === 1 ? 'lose-ack' : 'ok'))
    const sent = realm.ref(counters, 'a').send({ type: 'ADD' })
    await clock.advance(50)
    for (const session of ['other', 'another'])
      log.publish('shop.to.counter.b', encodeOutside({ type: 'ADD' }, { session, n: 1, floor: 1 }))
    await clock.advance(2000)
    await sent
    expect(appends).toBe(2)
    expect((await realm.ref(counters, 'a').read())?.context.n).toBe(1)
    const listing = realm.parked.list()
    await clock.advance(100)
    expect((await listing).map(({ fault, event }) => [fault.code, event])).toEqual(
      faults.map((code) => [code, { type: 'ADD' }]),
    )
    node.kill()
  },
)
