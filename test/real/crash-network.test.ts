/**
 * A real server and a real wire that fail: acknowledgements that are lost, originals that arrive
 * after their retry and its successors, deliveries that come again, a server that freezes, dies
 * and comes back. In the end everything happened once, in order.
 */
import { expect, test } from 'vitest'
import type { LogEntry } from '#runtime/bus.ts'
import { systemClock } from '#runtime/clock.ts'
import { type CrashWorld, openCrashWorld } from '#test/support/crash/crash-world.ts'
import { openProxy } from '#test/support/crash/proxy.ts'

const ackMs = 250
/** A commit on its way, in either place where one can stand. */
const anyCommit = /HPUB crash\.(?:commit\.\d+|in\.\d+\.\d+\.)/
/** One inside an envelope: its publish does not move the fence. */
const cheapCommit = /HPUB crash\.in\.\d+\.\d+\./

const isCommit = ({ subject }: LogEntry): boolean => /^crash\.(?:commit\.\d+$|in\.\d+\.\d+\.)/.test(subject)

/** Whether a commit stands on the log twice, as it was sent. */
function hasCopy(entries: readonly LogEntry[]): boolean {
  const commits = entries
    .filter(isCommit)
    .map(({ subject, data }) => `${subject} ${Buffer.from(data).toString('base64')}`)
  return new Set(commits).size < commits.length
}

/** So many more commits than now. */
async function moreCommits(world: CrashWorld, count: number): Promise<void> {
  const before = world.entries.filter(isCommit).length
  const isSo = (entries: readonly LogEntry[]): boolean => entries.filter(isCommit).length >= before + count
  await world.until(isSo)
  if (!isSo(world.entries))
    throw new Error(`Of ${count} more commits ${world.entries.filter(isCommit).length - before} came.`)
}

async function openNodeBehindProxy(seed: number) {
  const world = await openCrashWorld(seed)
  const proxy = await openProxy(world.nats.port)
  const child = world.start('node', { url: proxy.url, ackMs })
  await child.line(({ is }) => is === 'node.ready')
  let isOn = true
  const driving = world.driveWhile(() => isOn)
  return {
    world,
    proxy,
    child,
    /** No more is asked for, and what was comes to its end. */
    async rest() {
      isOn = false
      await driving
      return await world.rest()
    },
    async [Symbol.asyncDispose]() {
      isOn = false
      await proxy.close()
      await world[Symbol.asyncDispose]()
    },
  }
}

test('acknowledgements are lost, and the connection with them', async () => {
  await using opened = await openNodeBehindProxy(31)
  const { world, proxy, child } = opened
  const unknown = (): number => child.lines.filter(({ is }) => is === 'commit.unknown').length
  for (let round = 0; round < 6; round++) {
    const before = unknown()
    await proxy.swallowAnswersTo(anyCommit)
    // Now and then the node finds out by itself that nobody answers, before its connection ends.
    if (round % 2 === 1) await child.line(() => unknown() > before)
    proxy.cut()
    await moreCommits(world, 5)
  }
  await opened.rest()
  expect(unknown()).toBeGreaterThanOrEqual(6)
  expect(child.isAlive).toBe(true)
})

test('an original arrives after its retry and the successors of that', async () => {
  await using opened = await openNodeBehindProxy(32)
  const { world, proxy, child } = opened
  // Whether an original comes late enough is chance; the test's own limit is the deadline.
  for (let round = 0; round < 6 || !hasCopy(world.entries); round++) {
    await proxy.holdBack(round % 3 === 2 ? anyCommit : cheapCommit)
    proxy.cut()
    await moreCommits(world, 5)
    proxy.release()
    await moreCommits(world, 5)
  }
  const audit = await opened.rest()
  // The fence does not move for these, so the late one is stored as well: a copy that counts for nothing.
  expect(audit.copies).toBeGreaterThan(0)
  expect(audit.duplicates).toBeGreaterThan(0)
  expect(child.isAlive).toBe(true)
})

test('connections die again and again, and deliveries come twice', async () => {
  await using opened = await openNodeBehindProxy(33)
  for (let round = 0; round < 12; round++) {
    await moreCommits(opened.world, 2)
    opened.proxy.cut()
  }
  await opened.rest()
  expect(opened.child.isAlive).toBe(true)
})

test('the server is killed and comes back, with its nodes and without them', async () => {
  await using opened = await openNodeBehindProxy(34)
  const { world } = opened
  for (let round = 0; round < 4; round++) {
    await moreCommits(world, 3)
    await world.nats.restart()
  }
  await world.nats.kill()
  await opened.child.kill()
  await world.nats.restart()
  const next = world.start('node')
  await next.line(({ is }) => is === 'node.ready')
  await opened.rest()
  expect(next.isAlive).toBe(true)
})

test('the server freezes for longer than anybody waits', async () => {
  await using opened = await openNodeBehindProxy(35)
  const { world } = opened
  for (let round = 0; round < 4; round++) {
    await moreCommits(world, 3)
    await world.nats.pause()
    await new Promise<void>((resolve) => systemClock.at(systemClock.now() + 3 * ackMs, resolve))
    world.nats.resume()
  }
  await opened.rest()
  expect(opened.child.isAlive).toBe(true)
})
