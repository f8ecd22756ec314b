/** Who is there: heard of at once, missed soon, and never by a node that did not listen itself. */
import { afterEach, expect, test } from 'vitest'
import type { Heartbeat } from '#protocol/heartbeat.ts'
import { joinRealm, type Membership, type Said } from '#runtime/members/membership.ts'
import { type MemoryConnection, openMemoryLog } from '#runtime/memory/memory-bus.ts'
import { openManualClock } from '#test/support/manual-clock.ts'

const options = { beatMs: 100, suspectMs: 300, deadMs: 1000 }
const said: Said = {
  phase: 'ready',
  capacity: 1,
  labels: [],
  kinds: [],
  owned: [],
  followed: [],
  load: { cpu: 0, memoryBytes: 0, commitsPerSecond: 0, actors: 0, effects: 0 },
  release: '0',
}

const clock = openManualClock()
let log = openMemoryLog({ realm: 'shop', partitions: 4, clock })
const left: Membership[] = []
afterEach(() => {
  for (const one of left.splice(0)) one.leave()
  log = openMemoryLog({ realm: 'shop', partitions: 4, clock })
})

type Joined = { readonly membership: Membership; readonly bus: MemoryConnection; readonly replaced: unknown[] }

async function join(name: string, say: () => Said = () => said): Promise<Joined> {
  const bus = log.connect()
  const replaced: unknown[] = []
  const joining = joinRealm(
    { bus, clock, say, onChange: () => undefined, onReplaced: (fault) => replaced.push(fault) },
    { name, ...options },
  )
  joining.catch(() => undefined)
  await clock.advance(100)
  const membership = await joining
  left.push(membership)
  return { membership, bus, replaced }
}

const names = ({ membership }: Joined): string[] => membership.others().map((one: Heartbeat) => one.name)

test('a node that is alone knows it without waiting', async () => {
  const joining = joinRealm(
    { bus: log.connect(), clock, say: () => said, onChange: () => undefined, onReplaced: () => undefined },
    { name: 'a', ...options },
  )
  await clock.advance(0)
  const membership = await joining
  left.push(membership)
  expect(membership.others()).toEqual([])
})

test('whoever comes knows those who are there, and they know it', async () => {
  const a = await join('a')
  const b = await join('b.example')
  expect(names(b)).toEqual(['a'])
  expect(names(a)).toEqual(['b.example'])
})

test('what a node says anew is heard at once when it announces it', async () => {
  let phase: Said['phase'] = 'ready'
  const a = await join('a', () => ({ ...said, phase }))
  const b = await join('b')
  phase = 'leaving'
  a.membership.announce()
  await clock.advance(0)
  expect(b.membership.others()[0]?.phase).toBe('leaving')
})

test('a killed process is missed as soon as it is silent, because nobody answers for it', async () => {
  const a = await join('a')
  const b = await join('b')
  a.bus.die()
  await clock.advance(options.suspectMs)
  expect(names(b)).toEqual(['a'])
  await clock.advance(3 * options.beatMs)
  expect(names(b)).toEqual([])
})

test('a process that stands still is given up after the whole time, and is back when it speaks', async () => {
  const a = await join('a')
  const b = await join('b')
  a.bus.disturb((op) => (op.is === 'deliver' || op.is === 'tell' ? 'lose' : 'ok'))
  await clock.advance(options.deadMs - options.beatMs)
  expect(names(b)).toEqual(['a'])
  await clock.advance(3 * options.beatMs)
  expect(names(b)).toEqual([])
  a.bus.disturb(undefined)
  await clock.advance(2 * options.beatMs)
  expect(names(b)).toEqual(['a'])
})

test('a last word is heard at once, and no heartbeat on its way brings the node back', async () => {
  let phase: Said['phase'] = 'ready'
  const a = await join('a', () => ({ ...said, phase }))
  const b = await join('b')
  phase = 'gone'
  a.membership.leave()
  await clock.advance(0)
  expect(names(b)).toEqual([])
  await clock.advance(1000)
  expect(names(b)).toEqual([])
})

test('a node that was cut off does not think the others gone when it is back', async () => {
  const a = await join('a')
  const b = await join('b')
  b.bus.disconnect()
  await clock.advance(10_000)
  expect(names(b)).toEqual(['a'])
  expect(names(a)).toEqual([])
  b.bus.reconnect()
  await clock.advance(2 * options.beatMs)
  expect(names(b)).toEqual(['a'])
  expect(names(a)).toEqual(['b'])
})

test('a name that is taken is refused to the second process', async () => {
  await join('a')
  await expect(join('a')).rejects.toMatchObject({ code: 'node.nameTaken' })
})

test('a process whose place was taken while it stood still learns so', async () => {
  const a = await join('a')
  a.bus.disconnect()
  await clock.advance(10_000)
  await join('a')
  a.bus.reconnect()
  await clock.advance(3 * options.beatMs)
  expect(a.replaced).toMatchObject([{ code: 'node.replaced' }])
})
