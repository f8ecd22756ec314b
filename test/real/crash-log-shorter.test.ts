/** A real server whose disk is rolled back under nodes that hold nothing: they notice, and write nothing more. */
import { cp, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { Bus, LogEntry } from '#runtime/bus.ts'
import { readThrough } from '#runtime/partition/read-through.ts'
import { type CrashWorld, openCrashWorld } from '#test/support/crash/crash-world.ts'

/** Commits, claims, and what actors sent. */
const isByNode = ({ subject }: LogEntry): boolean => /^crash\.(?:commit\.|in\.\d+\.\d+\.)/.test(subject)

async function writtenByNodes({ bus }: CrashWorld): Promise<number> {
  let count = 0
  await readThrough(bus, 'crash.>', (entry) => {
    if (isByNode(entry)) count++
    return true
  })
  return count
}

const connected = (bus: Bus): Promise<void> =>
  new Promise((resolve) => {
    const watching = bus.onState((state) => {
      if (state !== 'connected') return
      resolve()
      queueMicrotask(() => watching.stop())
    })
  })

test('a node whose server comes back with an older disk stops with what to do about it, and so does the next one', async () => {
  await using world = await openCrashWorld(51)
  const { nats, bus } = world
  const disk = join(nats.dir, 'jetstream')
  const child = world.start('node', { options: { mendKeepMs: 0 } })
  await child.line(({ is }) => is === 'node.ready')
  await world.drive(3)

  await nats.kill()
  await cp(disk, `${disk}-older`, { recursive: true })
  await nats.restart()
  // The node is back as well, and writes what the older disk does not have.
  let isOn = true
  world.driveWhile(() => isOn).catch(() => undefined)
  const known = world.entries.filter(isByNode).length
  await world.until((entries) => entries.filter(isByNode).length >= known + 10)
  const before = await bus.logState()
  isOn = false

  await nats.kill()
  await rm(disk, { recursive: true })
  await rename(`${disk}-older`, disk)
  await nats.restart()
  const lost = await child.line(({ is }) => is === 'partition.lost')
  expect(lost).toMatchObject({ fault: { code: 'log.shorter' } })
  expect(await child.line(({ ended }) => ended !== undefined)).toMatchObject({ ended: { code: 'log.shorter' } })
  await connected(bus)
  const after = await bus.logState()
  expect(after.lastSeq).toBeLessThan(before.lastSeq)
  const written = await writtenByNodes(world)

  // Others go on, until the log is longer than it ever was.
  const count = before.lastSeq - after.lastSeq + 10
  for (let at = 0; at < count; at++)
    await bus.append({ subject: 'crash.to.account.a', data: Buffer.from('{"type":"CREDIT","id":"late","amount":1}') })
  const next = world.start('node', { options: { mendKeepMs: 0 } })
  expect(await next.line(({ ended }) => ended !== undefined)).toMatchObject({ ended: { code: 'log.shorter' } })
  expect(await writtenByNodes(world)).toBe(written)
})
