/** A version rolled out and undone on real processes, under load: nothing is lost, no partition stands still for long. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { subjects } from '#protocol/subject.ts'
import { realmHandleOf } from '#runtime/client/realm-handle.ts'
import { systemClock } from '#runtime/clock.ts'
import { kindEntry } from '#runtime/rollouts/kinds.ts'
import { openBus } from '#runtime/nats/open-bus.ts'
import { realmOptions } from '#test/support/engine.ts'
import { startNats } from '#test/support/nats.ts'
import type { Counted } from '#test/support/rollout-kinds.ts'
import type { RolloutNode } from '#test/support/rollout-node.ts'

type Line = { readonly is: string; readonly at: number; readonly partition?: number; readonly phase?: string }

const program = fileURLToPath(new URL('../support/rollout-node.ts', import.meta.url))
const launcher = fileURLToPath(new URL('../../bin/perdure.js', import.meta.url))
const actors = 200
const everyMs = 20

/** Nobody took it: longer than a machine is busy with something else. */
const busyMs = 15_000

type Shown = Readonly<Record<string, unknown>>

function start(given: RolloutNode, onLine: (line: Line) => void): { child: ChildProcess; ready: Promise<void> } {
  const child = spawn(process.execPath, [program, JSON.stringify(given)], { stdio: ['ignore', 'pipe', 'inherit'] })
  const ready = Promise.withResolvers<void>()
  createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', (text) => {
    const line = JSON.parse(text) as Line
    if (line.is === 'node.ready') ready.resolve()
    onLine(line)
  })
  child.once('exit', (code) => ready.reject(new Error(`${given.name} ended with ${code}`)))
  ready.promise.catch(() => undefined)
  return { child, ready: ready.promise }
}

type At = { readonly at: number }

/** The line that says so may be later than the heartbeat that did. */
const saidLateMs = 100

/** From each giving up to the next opening, by whomever. */
function pausesOf(released: readonly At[], opened: readonly At[]): number[] {
  return released.map(({ at }) => {
    const next = opened.filter((one) => one.at >= at - saidLateMs).map((one) => one.at - at)
    // The last ones may still be on their way.
    return Math.max(0, Math.min(Date.now() - at, ...next))
  })
}

test('from version 1 to 2 and back under load: zero lost, nothing twice, and everybody is served by the old version again [C18] [C28]', async ({
  annotate,
}) => {
  await using nats = await startNats()
  const dir = await mkdtemp(join(tmpdir(), 'perdure-rollout-'))
  const lines: Line[] = []
  const children: ChildProcess[] = []
  const launch = async (name: string, version: 1 | 2): Promise<void> => {
    const started = start({ name, url: nats.url, dir: join(dir, name), version }, (line) => void lines.push(line))
    children.push(started.child)
    await started.ready
  }
  try {
    await launch('a', 1)
    await launch('b', 1)
    const bus = await openBus({
      servers: [nats.url],
      realm: 'shop',
      create: false,
      defaultPartitions: 16,
      replicas: 1,
      durability: 'process',
    })
    const realm = realmHandleOf({ bus, clock: systemClock }, realmOptions)
    const opened: { readonly partition: number; readonly at: number }[] = []
    bus.hear(subjects.owned(bus.realm, '*'), (_, subject) => {
      opened.push({ partition: Number(subject.split('.').at(-1)), at: Date.now() })
    })
    const sent = new Map<number, number[]>()
    const sending: Promise<unknown>[] = []
    let n = 0
    const load = setInterval(() => {
      for (let at = 0; at < 20; at++) {
        const key = n % actors
        sent.set(key, [...(sent.get(key) ?? []), ++n])
        sending.push(realm.send(`order/c${key}`, { type: 'ADD', n }))
      }
    }, everyMs)
    const rollout = async (...words: string[]): Promise<Shown> => {
      const args = [launcher, 'rollout', ...words, '--servers', nats.url, '--realm', 'shop', '--json']
      const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: dir })
      return JSON.parse(stdout) as Shown
    }
    const until = async (isSo: (rollout: { share: number; state: string } | undefined) => boolean): Promise<void> => {
      while (!isSo((await kindEntry(bus, 'order'))?.rollout)) await realm.operate.nodes()
    }
    await launch('c', 2)
    await until((now) => now?.share === 1 / 3)
    await launch('d', 2)
    expect(await rollout('advance', 'order')).toMatchObject({
      from: 1,
      to: 2,
      share: 1,
      partitions: { from: 0, to: 16 },
    })
    await ownedBy(new Set(['c', 'd']))
    expect(await rollout('undo', 'order')).toMatchObject({ state: 'undoing' })
    await until((now) => now?.state === 'held')
    await ownedBy(new Set(['a', 'b']))
    expect(await rollout('status', 'order')).toMatchObject({
      share: 0,
      versions: [
        { version: 1, nodes: ['a', 'b'] },
        { version: 2, nodes: ['c', 'd'] },
      ],
      waits: [],
    })
    clearInterval(load)
    await Promise.all(sending)
    const wrong: string[] = []
    for (const [key, numbers] of sent) {
      const context = await settled(key, numbers.length)
      if (context.got.join() !== numbers.join()) wrong.push(`c${key}: ${context.got.join()}`)
      expect(context.by).toBe('v1')
    }
    expect(wrong).toEqual([])
    expect(lines.filter(({ is }) => is === 'parked' || is === 'actor.unfit')).toEqual([])
    const pauses = Array.from({ length: bus.realm.partitions }, (_, partition) =>
      pausesOf(
        lines.filter((line) => line.is === 'partition.released' && line.partition === partition),
        opened.filter((one) => one.partition === partition),
      ),
    ).flat()
    expect(pauses.length).toBeGreaterThan(16)
    const worst = Math.max(...pauses)
    const median = pauses.toSorted((a, b) => a - b)[pauses.length >> 1]
    await annotate(`${pauses.length} hand-overs: median ${median} ms, worst ${worst} ms without an owner`)
    // How fast it is is a law of the virtual world; here the machine may be busy with something else.
    expect(worst).toBeLessThanOrEqual(busyMs)
    await realm.close()

    /** The last events of an actor may still be on their way. */
    async function settled(key: number, count: number): Promise<Counted> {
      for (;;) {
        const shown = await realm.operate.show(`order/c${key}`)
        const context = shown?.state.snapshot.context as Counted
        if (shown?.state.version === 1 && context.got.length >= count) return context
        // Of what was stepped last by the new version and not since, the next look is the old one's.
        await realm.send(`order/c${key}`, { type: 'LOOK' })
      }
    }

    async function ownedBy(names: ReadonlySet<string>): Promise<void> {
      for (;;) {
        const { nodes } = await realm.operate.nodes()
        const others = nodes.filter(({ name, owned }) => !names.has(name) && owned.length > 0)
        const all = nodes.reduce((sum, { owned }) => sum + owned.length, 0)
        if (others.length === 0 && all >= bus.realm.partitions) return
      }
    }
  } finally {
    for (const child of children) child.kill('SIGKILL')
    for (const child of children) if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    await rm(dir, { recursive: true, force: true })
  }
})
