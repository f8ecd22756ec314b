/**
 * Two live owners on purpose. One is stopped in the middle of its work (SIGSTOP), another claims
 * everything and goes on; then the first is resumed and does not know. Nothing that it still
 * writes may stand on the log, and it lets go by itself.
 */
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import { expect, test } from 'vitest'
import type { Child } from '#test/support/crash/child.ts'
import { type CrashWorld, openCrashWorld } from '#test/support/crash/crash-world.ts'

/** The signal returns before every thread stands still. */
async function freeze({ pid, signal }: Child): Promise<void> {
  signal('SIGSTOP')
  const isStill = (): boolean => {
    if (process.platform !== 'linux')
      return execFileSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' })
        .trim()
        .startsWith('T')
    return readdirSync(`/proc/${pid}/task`).every((task) =>
      /\) T /.test(readFileSync(`/proc/${pid}/task/${task}/stat`, 'utf8')),
    )
  }
  while (!isStill()) await setImmediate()
}

const isReady = ({ is }: { readonly is?: string }): boolean => is === 'node.ready'

async function moreEntries(world: CrashWorld, count: number): Promise<void> {
  const before = world.entries.length
  await world.until((entries) => entries.length >= before + count)
}

test('an owner that was stopped and resumed writes nothing more, and lets go', async () => {
  await using world = await openCrashWorld(41)
  let isOn = true
  const driving = world.driveWhile(() => isOn)
  let owner = world.start('a')
  await owner.line(isReady)
  for (let round = 0; round < 4; round++) {
    await moreEntries(world, 20)
    await freeze(owner)
    const stopped = owner
    owner = world.start(round % 2 === 0 ? 'b' : 'a')
    // Its own store: the other process holds the one it had.
    await owner.line(isReady)
    await moreEntries(world, 10)
    stopped.signal('SIGCONT')
    await stopped.line(({ is }) => is === 'partition.lost')
    await stopped.line(({ ended }) => ended !== undefined)
    await stopped.exited
    const lost = stopped.lines.filter(({ is }) => is === 'partition.lost') as unknown as {
      readonly fault: { readonly code: string }
    }[]
    expect(new Set(lost.map(({ fault }) => fault.code))).toEqual(new Set(['partition.lost']))
  }
  isOn = false
  await driving
  // The audit finds any record of an older epoch behind a claim, and any event that was handled twice.
  const audit = await world.rest()
  expect(audit.claims).toBe(5 * 3)
  expect(owner.isAlive).toBe(true)
})

test('an owner whose fence was taken away is seen to write on', async () => {
  await using world = await openCrashWorld(43)
  let isOn = true
  // With nobody left to answer, the last questions have no end: nobody waits for them.
  world.driveWhile(() => isOn).catch(() => undefined)
  const first = world.start('a', { plant: 'nobody is fenced' })
  await first.line(isReady)
  await moreEntries(world, 20)
  await freeze(first)
  const second = world.start('b')
  await second.line(isReady)
  await moreEntries(world, 10)
  first.signal('SIGCONT')
  const isSeen = (): boolean => world.faults().some((fault) => fault.startsWith('stale write'))
  await world.until(isSeen)
  isOn = false
  expect(isSeen()).toBe(true)
})

test('two owners that both run: the second claims under the feet of the first, and only it goes on', async () => {
  await using world = await openCrashWorld(42)
  let isOn = true
  const driving = world.driveWhile(() => isOn)
  let owner = world.start('a')
  await owner.line(isReady)
  for (let round = 0; round < 4; round++) {
    await moreEntries(world, 20)
    const before = owner
    owner = world.start(round % 2 === 0 ? 'b' : 'a')
    await owner.line(isReady)
    await before.exited
    expect(before.lines.filter(({ is }) => is === 'partition.lost')).toHaveLength(3)
  }
  isOn = false
  await driving
  await world.rest()
  expect(owner.isAlive).toBe(true)
})
