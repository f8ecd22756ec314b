/** A fork reaches the world by nothing: its effects are answered with what the parent's runs told, or wait. */
import { beforeEach, expect, test } from 'vitest'
import { notes, openGate, resetGates } from '#test/support/gates.ts'
import { type ForkRealm, openFork } from '#test/support/fork-world.ts'
import { mailing } from '#test/support/machines/mailing.ts'
import { openRestoreRealm, type RestoreRealm } from '#test/support/restore-world.ts'
import { tracesDuring } from '#test/support/traces-during.ts'

const forkActors = mailing('copy')
let parentActors = mailing('shop')

beforeEach(() => {
  resetGates()
  parentActors = mailing('shop')
})

type Side = Pick<RestoreRealm, 'realm' | 'settle'> | Pick<ForkRealm, 'realm' | 'settle'>

async function send(side: Side, address: string, event: { type: string; to?: string }): Promise<void> {
  await side.realm.send(address, event)
  await side.settle()
}

const mail = (side: Side, to: string, key = 'a'): Promise<void> => send(side, `mailer/${key}`, { type: 'MAIL', to })

async function receipts(side: { state(address: string): ReturnType<ForkRealm['state']> }, key = 'a') {
  return ((await side.state(`mailer/${key}`))?.snapshot.context as { receipts: string[] } | undefined)?.receipts
}

const ranInFork = (): unknown[] => notes().filter((one) => String(one).startsWith('copy'))

async function reasons(fork: ForkRealm, address: string): Promise<string[]> {
  const shown = await fork.realm.operate.show(address as `${string}/${string}`)
  return Object.values(shown?.places ?? {}).map((place) => ('reason' in place ? place.reason : place.node))
}

test('an effect that was pending in the cut is answered with what the parent was told, and does not run', async () => {
  await using world = await openRestoreRealm(parentActors)
  await world.start()
  await mail(world, 'ann')
  const view = await world.take()
  openGate('mail ann')
  await world.settle()
  await using fork = await openFork(world, view)
  const traced = await tracesDuring(async () => {
    await fork.start(forkActors)
    await fork.pass(10)
  })
  expect(await receipts(fork)).toEqual(await receipts(world))
  expect(await receipts(fork)).toEqual(['shop receipt 1 for ann'])
  expect(ranInFork()).toEqual([])
  expect(traced.filter(({ is }) => is === 'effect.answered')).toMatchObject([{ address: 'mailer/a', isEnded: true }])
})

test('what the parent was told only later is told to the fork, too', async () => {
  await using world = await openRestoreRealm(parentActors)
  await world.start()
  await mail(world, 'ann')
  const view = await world.take()
  await using fork = await openFork(world, view)
  await fork.start(forkActors)
  await fork.pass(10)
  expect(await receipts(fork)).toEqual([])
  expect(await reasons(fork, 'mailer/a')).toMatchObject([/has not recorded how it ended/])
  openGate('mail ann')
  await world.settle()
  await fork.pass(10_000)
  expect(await receipts(fork)).toEqual(['shop receipt 1 for ann'])
  expect(ranInFork()).toEqual([])
})

test('what is asked for after the cut is answered in the order in which the parent asked for it; anything else waits', async () => {
  await using world = await openRestoreRealm(parentActors)
  await world.start()
  for (const to of ['ann', 'bob']) openGate(`mail ${to}`)
  await mail(world, 'ann')
  const view = await world.take()
  for (const to of ['ann', 'bob', 'ann']) await mail(world, to)
  expect(await receipts(world)).toHaveLength(4)
  await using fork = await openFork(world, view)
  await fork.start(forkActors)
  // Another order than the parent's: what was said to ann is said to ann, the first time and the second.
  for (const to of ['ann', 'ann', 'bob']) {
    await mail(fork, to)
    await fork.pass(10)
  }
  const [one, two, bob, three] = (await receipts(world)) ?? []
  expect(await receipts(fork)).toEqual([one, two, three, bob])
  openGate('mail carol')
  await mail(fork, 'carol')
  await fork.pass(10)
  expect(await receipts(fork)).toHaveLength(4)
  expect(await reasons(fork, 'mailer/a')).toMatchObject([/did not ask for it with this input/])
  expect(ranInFork()).toEqual([])
})

test('answers go on in their order when another node takes the fork over', async () => {
  await using world = await openRestoreRealm(parentActors)
  await world.start()
  openGate('mail ann')
  const view = await world.take()
  for (let nth = 0; nth < 3; nth++) await mail(world, 'ann')
  await using fork = await openFork(world, view)
  const first = await fork.start(forkActors)
  await mail(fork, 'ann')
  await fork.pass(10)
  expect(await receipts(fork)).toHaveLength(1)
  first.kill()
  await first.ended
  await fork.start(forkActors, { name: 'second' })
  for (let nth = 0; nth < 2; nth++) {
    await mail(fork, 'ann')
    await fork.pass(10)
  }
  expect(await receipts(fork)).toEqual(await receipts(world))
  await mail(fork, 'ann')
  await fork.pass(10)
  expect(await receipts(fork)).toHaveLength(3)
  expect(ranInFork()).toEqual([])
})

test('with "block" nothing is answered or runs; with a list what is on it runs [U2]', async () => {
  await using world = await openRestoreRealm(parentActors)
  await world.start()
  openGate('ring')
  await mail(world, 'ann')
  await send(world, 'caller/a', { type: 'RING' })
  const view = await world.take()
  openGate('mail ann')
  await world.settle()
  {
    await using fork = await openFork(world, view, { effects: { is: 'block' } })
    await fork.start(forkActors)
    await send(fork, 'caller/a', { type: 'RING' })
    await fork.pass(600_000)
    expect(await receipts(fork)).toEqual([])
    expect(await reasons(fork, 'mailer/a')).toMatchObject([/blocked/])
    expect(await reasons(fork, 'caller/a')).toMatchObject([/blocked/])
    expect(ranInFork()).toEqual([])
  }
  await using other = await openFork(world, view, { effects: { is: 'allow', names: ['caller'] }, as: 'other' })
  await other.start(forkActors)
  await send(other, 'caller/a', { type: 'RING' })
  await other.pass(10)
  expect(ranInFork()).toEqual(['copy rings'])
  expect(await receipts(other)).toEqual(['shop receipt 1 for ann'])
})

test('a named action that had run in the parent counts as run, with what it sent', async () => {
  await using world = await openRestoreRealm(parentActors)
  await world.start()
  await send(world, 'caller/a', { type: 'RING' })
  const view = await world.take()
  openGate('ring')
  await world.settle()
  await send(world, 'caller/a', { type: 'RING' })
  await world.settle()
  await using fork = await openFork(world, view)
  await fork.start(forkActors)
  await fork.pass(10)
  const rang = async (): Promise<unknown> => (await fork.state('caller/a'))?.snapshot.context
  expect(await rang()).toEqual({ rang: 1 })
  await send(fork, 'caller/a', { type: 'RING' })
  await fork.pass(10)
  expect(await rang()).toEqual({ rang: 2 })
  expect((await fork.state('caller/a'))?.book.effects).toBeUndefined()
  await send(fork, 'caller/a', { type: 'RING' })
  await fork.pass(10)
  expect(await rang()).toEqual({ rang: 2 })
  expect(Object.keys((await fork.state('caller/a'))?.book.effects ?? {})).toHaveLength(1)
  expect(ranInFork()).toEqual([])
})

test('of a stream the fork hears what the parent heard after the cut, each event once', async () => {
  await using world = await openRestoreRealm(parentActors)
  await world.start()
  await world.realm.start('listener', 'a', { input: undefined })
  openGate('one')
  await world.settle()
  const view = await world.take()
  await using fork = await openFork(world, view)
  await fork.start(forkActors)
  await fork.pass(10)
  const heard = async (): Promise<unknown> => (await fork.state('listener/a'))?.snapshot.context
  expect(await heard()).toEqual({ heard: ['one in shop'] })
  openGate('two')
  await world.settle()
  await fork.pass(60_000)
  expect(await heard()).toEqual({ heard: ['one in shop', 'two in shop'] })
  expect(await reasons(fork, 'listener/a')).toMatchObject([/answered from the journal so far/])
  // One that began after the cut has another id in the fork.
  for (const { realm } of [world, fork]) await realm.start('listener', 'b', { input: undefined })
  await world.settle()
  await fork.pass(60_000)
  expect((await fork.state('listener/b'))?.snapshot.context).toEqual({ heard: ['one in shop', 'two in shop'] })
  expect(ranInFork()).toEqual([])
})

test('a node that carries a label runs nothing of a fork either', async () => {
  await using world = await openRestoreRealm(mailing('shop', 'mail'))
  const view = await world.start().then(() => world.take())
  await using fork = await openFork(world, view)
  const carried = mailing('copy', 'mail')
  const options = { beatMs: 100, labels: ['mail'] }
  await fork.start(carried, { name: 'carrier', options })
  await fork.start(carried, { name: 'owner', options })
  await fork.pass(1000)
  openGate('mail ann')
  for (const key of ['a', 'b', 'c', 'd']) await mail(fork, 'ann', key)
  await fork.pass(5000)
  expect(ranInFork()).toEqual([])
  for (const key of ['a', 'b', 'c', 'd']) expect(await reasons(fork, `mailer/${key}`)).toHaveLength(1)
})

test('a fork in which a cut of its own was restored is still a fork', async () => {
  await using world = await openRestoreRealm(parentActors)
  await world.start()
  const view = await world.take()
  await using fork = await openFork(world, view)
  const { generations } = fork.log
  await generations.seal()
  const { lastSeq = 0 } = (await generations.newest()) ?? {}
  const generation = await generations.reserve(fork.made.generation)
  const bus = await generations.begin({ generation, partitions: 4, firstSeq: lastSeq + 1 })
  expect(bus.fork).toEqual(fork.made.fork)
})
