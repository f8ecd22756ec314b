/** Effects bound to nodes by label: they run where the label is, once, whoever dies meanwhile. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { notes, openGate, resetGates } from '#test/support/gates.ts'
import { members, onGpu, openLabelledWorld, type LabelledWorld, type Policies } from '#test/support/labelled-world.ts'

const worlds: LabelledWorld[] = []

function openWorld(effects?: Policies): LabelledWorld {
  const world = openLabelledWorld(effects)
  worlds.push(world)
  return world
}

const working = (policy: Policies['work']): Policies => ({ ...onGpu, work: { label: 'gpu', ...policy } })

/** Long enough for a node that was killed to be found gone. */
const noticedMs = members.suspectMs + 3 * members.beatMs

beforeEach(resetGates)
afterEach(() => {
  for (const world of worlds.splice(0)) world.close()
  resetGates()
})

test('an effect runs where its label is, and its result counts once', async () => {
  const world = openWorld()
  await world.join('a')
  await world.carrier('b')
  await world.send('it', { type: 'WORK' })
  expect(notes()).toEqual(['b begun it'])
  expect((await world.show())?.places).toEqual({ [(await world.pending())[0]?.id ?? '']: { node: 'b' } })
  openGate('it@b', 1)
  await world.clock.advance(50)
  expect(await world.got()).toEqual(['b made 1'])
  expect(await world.pending()).toEqual([])
  await world.clock.advance(10_000)
  expect(notes()).toEqual(['b begun it'])
  expect(world.traced('effect.sent')).toMatchObject([{ name: 'work', attempt: 1, node: 'b', isQueued: false }])
  expect(world.all.map(({ node }) => node.health().effects)).toEqual([0, 0])
})

test('a node that carries the label and is meant runs it itself', async () => {
  const world = openWorld()
  await world.join('a', { labels: ['gpu'] })
  await world.send('it', { type: 'WORK' })
  expect(notes()).toEqual(['a begun it'])
  expect(world.traced('effect.sent')).toEqual([])
})

test('a carrier that dies while it runs is replaced: the same effect, its next attempt', async () => {
  const world = openWorld()
  await world.join('a')
  const b = await world.carrier('b')
  await world.send('it', { type: 'WORK' })
  const [before] = await world.pending()
  await world.carrier('c')
  expect(notes()).toEqual(['b begun it'])
  await world.kill(b)
  await world.clock.advance(noticedMs)
  expect(notes()).toEqual(['b begun it', 'b aborted it', 'c begun it'])
  expect(await world.pending()).toMatchObject([{ id: before?.id, attempt: 2, begun: 2 }])
  openGate('it@c', 2)
  await world.clock.advance(50)
  expect(await world.got()).toEqual(['c made 2'])
})

test.each([
  ['fail', undefined],
  ['again', 1],
] as const)('the death of a carrier is treated as the policy says (%s, %s attempts)', async (unknown, attempts) => {
  const world = openWorld(working({ unknown, ...(attempts === undefined ? {} : { attempts }) }))
  await world.join('a')
  const b = await world.carrier('b')
  await world.carrier('c')
  await world.send('it', { type: 'WORK' })
  const [sent] = world.traced('effect.sent')
  await world.kill(sent?.node === 'b' ? b : (world.all[2] as typeof b))
  await world.clock.advance(noticedMs)
  expect(await world.got()).toEqual(['effect.unknown'])
  expect(notes().filter((one) => String(one).includes('begun'))).toHaveLength(1)
})

test('an owner that dies does not have its effects run twice', async () => {
  const world = openWorld()
  const a = await world.join('a')
  await world.carrier('b')
  await world.send('it', { type: 'WORK' })
  await world.join('c')
  await world.kill(a)
  await world.clock.advance(3000)
  expect(await world.pending()).toMatchObject([{ attempt: 1 }])
  expect((await world.show())?.places).toMatchObject({ [(await world.pending())[0]?.id ?? '']: { node: 'b' } })
  openGate('it@b', 1)
  await world.clock.advance(50)
  expect(await world.got()).toEqual(['b made 1'])
  await world.clock.advance(5000)
  expect(notes()).toEqual(['b begun it'])
})

test('a new owner finds it where it runs, also when another is meant by now', async () => {
  const world = openWorld()
  const a = await world.join('a')
  await world.carrier('b')
  for (let n = 0; n < 12; n++) await world.send(`k${n}`, { type: 'WORK' })
  // Some of them are meant for these from now on.
  await world.carrier('d')
  await world.carrier('e')
  await world.join('c')
  await world.kill(a)
  await world.clock.advance(3000)
  expect(notes()).toHaveLength(12)
  openGate('it@b', 1)
  await world.clock.advance(100)
  for (let n = 0; n < 12; n++) expect(await world.got(`k${n}`)).toEqual(['b made 1'])
})

test('its result is waited for when its run ended while nobody owned its actor', async () => {
  const world = openWorld()
  const a = await world.join('a')
  await world.carrier('b')
  await world.send('it', { type: 'WORK' })
  const c = await world.join('c')
  await world.clock.advance(3000)
  for (const one of [a, c]) await world.kill(one)
  openGate('it@b', 1)
  await world.clock.advance(3000)
  await world.join('f')
  await world.clock.advance(1000)
  expect(await world.got()).toEqual(['b made 1'])
  expect(notes()).toEqual(['b begun it'])
})

test('a result that is still on its way is waited for by a new owner', async () => {
  const world = openWorld()
  await world.join('a')
  const b = await world.carrier('b')
  await world.join('c')
  await world.clock.advance(3000)
  await world.send('it', { type: 'WORK' })
  let isCut = true
  b.bus.disturb((op) => (isCut && op.is === 'append' ? 'lose' : 'ok'))
  openGate('it@b', 1)
  await world.clock.advance(50)
  await world.kill(world.ownerOf('it'))
  await world.clock.advance(3000)
  expect(await world.pending()).toMatchObject([{ attempt: 1 }])
  isCut = false
  await world.clock.advance(500)
  expect(await world.got()).toEqual(['b made 1'])
  expect(notes()).toEqual(['b begun it'])
})

test('without a carrier it is pending with the reason, and runs when one comes', async () => {
  const world = openWorld(working({ attempts: 1 }))
  const a = await world.join('a', { labels: ['cpu'] })
  await world.send('it', { type: 'WORK' })
  const [effect] = await world.pending()
  const reason = 'no node has the label "gpu" and serves maker version 1; there are a (labels: cpu)'
  expect((await world.show())?.places).toEqual({ [effect?.id ?? '']: { reason } })
  expect(world.traced('effect.waits')).toMatchObject([{ for: 'carrier', name: 'work', reason }])
  // It has begun nowhere, so no death of an owner takes its one attempt from it.
  await world.join('c')
  await world.kill(a)
  await world.clock.advance(3000)
  expect(Object.values((await world.show())?.places ?? {})).toEqual([
    { reason: expect.stringContaining('c (labels: none)') },
  ])
  await world.carrier('b')
  await world.clock.advance(200)
  expect(notes()).toEqual(['b begun it'])
  expect(await world.pending()).toMatchObject([{ id: effect?.id, attempt: 1, begun: 1 }])
  openGate('it@b', 1)
  await world.clock.advance(50)
  expect(await world.got()).toEqual(['b made 1'])
})

test('without a carrier until its deadline it fails, and says what to do', async () => {
  const world = openWorld(working({ deadlineMs: 2000 }))
  await world.join('a', { labels: ['cpu'] })
  await world.send('it', { type: 'WORK' })
  await world.clock.advance(1800)
  expect(await world.got()).toEqual([])
  await world.clock.advance(200)
  expect(await world.got()).toEqual(['effect.unplaced'])
})

test('a deadline and a state that is left end the run on its carrier', async () => {
  const world = openWorld(working({ deadlineMs: 2000 }))
  await world.join('a')
  await world.carrier('b')
  await world.send('late', { type: 'WORK' })
  await world.clock.advance(2000)
  expect(notes()).toEqual(['b begun it', 'b aborted it'])
  expect(await world.got('late')).toEqual(['effect.deadline'])
  await world.send('left', { type: 'WORK' })
  await world.send('left', { type: 'LEAVE' })
  expect(notes()).toEqual(['b begun it', 'b aborted it', 'b begun it', 'b aborted it'])
  expect(world.all.map(({ node }) => node.health().effects)).toEqual([0, 0])
})

test('a run whose owner died before it could end it is ended all the same', async () => {
  const world = openWorld()
  await world.join('a')
  await world.carrier('b')
  await world.join('c')
  await world.clock.advance(3000)
  await world.send('it', { type: 'WORK' })
  const owner = world.ownerOf('it')
  owner.bus.disturb((op) => (op.is === 'request' && op.subject.includes('.do.') ? 'lose' : 'ok'))
  await world.send('it', { type: 'LEAVE' })
  expect(notes()).toEqual(['b begun it'])
  await world.kill(owner)
  await world.clock.advance(5000)
  expect(notes()).toEqual(['b begun it', 'b aborted it'])
})

test.each(['lose', 'lose-ack'] as const)('a request that meets "%s" is made again, and runs it once', async (what) => {
  const world = openWorld()
  const a = await world.join('a')
  await world.carrier('b')
  let lost = 0
  a.bus.disturb((op) => (op.is === 'request' && op.subject.includes('.do.') && lost++ === 0 ? what : 'ok'))
  await world.send('it', { type: 'WORK' })
  await world.clock.advance(3000)
  expect(lost).toBeGreaterThan(1)
  expect(notes()).toEqual(['b begun it'])
  openGate('it@b', 1)
  await world.clock.advance(50)
  expect(await world.got()).toEqual(['b made 1'])
})
