/**
 * Three nodes in processes of their own on a real server, wallets that pay each other all the time,
 * and cuts, in each of which one process dies at one step. Afterwards every cut that is whole is
 * held against the log and against itself, and every other one must say why it is not.
 */
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { CutNote } from '#protocol/cut.ts'
import type { LogEntry } from '#runtime/bus.ts'
import { realmHandleOf } from '#runtime/client/realm-handle.ts'
import { systemClock } from '#runtime/clock.ts'
import { cutShelfOf } from '#runtime/cuts/reading/cut-shelf.ts'
import { openBus } from '#runtime/nats/open-bus.ts'
import { openMemoryArchive } from '#store/memory-archive.ts'
import { realmOptions } from '#test/support/engine.ts'
import { startNats } from '#test/support/nats.ts'
import { cutFaultsOf, type TakenCut } from '#test/support/sim/cut-audit.ts'
import { type Child, type Line, startChild } from '#test/support/crash/child.ts'
import { outsideOf } from '#test/support/workloads/outside.ts'
import { randomOf } from '#test/support/workloads/random.ts'
import { type CutDeath, ownerSteps, takerSteps } from './cut-deaths.ts'
import type { CutOrder } from './cut-node-program.ts'
import { developCut } from './develop.ts'
import { pictureOf } from './picture-of-cut.ts'
import { pictureFaults } from './picture.ts'
import { wallets } from './wallets.ts'

export type Rounds = {
  readonly faults: readonly string[]
  readonly whole: number
  readonly abandoned: number
  /** The steps at which somebody died. */
  readonly died: readonly string[]
}

const [realm, partitions, count] = ['shop', 6, 8]
const options = { beatMs: 100, suspectMs: 600, deadMs: 1500, cutDeadlineMs: 4000 }
/** Long after anything of it should have come; a law that is broken for good is told then. */
const patienceMs = 40_000

const program = fileURLToPath(new URL('cut-node-program.ts', import.meta.url))

const isEnd = ({ is }: Line): boolean => is === 'whole' || is === 'abandoned'

const order = (child: Child | undefined, given: CutOrder): void => child?.tell(given)

/** Its last word; that it is gone is noticed a moment later. */
const hasDied = (child: Child | undefined): boolean =>
  child !== undefined && (!child.isAlive || child.lines.at(-1)?.died !== undefined)

/** The first line from now on that is so; nothing when it ended, or took too long. */
async function hear(child: Child | undefined, isWanted: (line: Line) => boolean): Promise<Line | undefined> {
  const patience = pause(patienceMs, undefined, { ref: false })
  return await Promise.race([child?.line(isWanted, child.lines.length), patience]).catch(() => undefined)
}

/** Each step once before any comes twice. */
export function deathsOf(): readonly (CutDeath & { readonly who: 'taker' | 'participant' })[] {
  return [
    ...takerSteps.flatMap((step) =>
      (['before', 'after'] as const).map((when) => ({ who: 'taker' as const, step, when })),
    ),
    ...ownerSteps.flatMap((step) =>
      (['before', 'after'] as const).map((when) => ({ who: 'participant' as const, step, when })),
    ),
  ]
}

export async function runCutRounds({
  rounds,
  seed,
}: {
  readonly rounds: number
  readonly seed: number
}): Promise<Rounds> {
  const nats = await startNats()
  const dir = await mkdtemp(join(tmpdir(), 'perdure-cuts-'))
  const secret = randomBytes(32)
  const random = randomOf(seed)
  const bus = await openBus({
    servers: [nats.url],
    realm,
    create: true,
    defaultPartitions: partitions,
    replicas: 1,
    durability: 'process',
    times: { ackMs: 1500, callMs: 3000, heartbeatMs: 500, reconnectMs: 50 },
  })
  const entries: LogEntry[] = []
  await bus.read({ filter: `${realm}.>`, from: 1, onEntry: (entry) => void entries.push(entry) })
  const shelf = cutShelfOf({ bus, archive: openMemoryArchive(undefined, secret) })
  const handle = realmHandleOf({ bus, clock: systemClock }, { ...realmOptions, sendTimeoutMs: 30_000, client: 'payer' })
  const outside = outsideOf(() => handle, { clock: systemClock, pace: 0.05 })
  const workload = wallets(count)
  const children = new Map<string, Child>()
  const died: string[] = []
  let isOver = false

  async function start(name: string): Promise<void> {
    const given = {
      ...{ name, realm, partitions, options },
      ...{ url: nats.url, dir: join(dir, name), wallets: count, secret: secret.toString('hex') },
    }
    const child = startChild(given, program)
    children.set(name, child)
    await child.line(({ is }) => is === 'ready')
  }

  async function pay(): Promise<void> {
    while (!isOver) await workload.drive(outside, random.fork(), 5)
  }

  /** Who died comes back, and who did not come to where it was to die shall live. */
  async function revive(): Promise<void> {
    for (const child of children.values()) order(child, { is: 'live' })
    for (const [name, child] of children) {
      if (!hasDied(child)) continue
      await child.kill()
      await start(name)
    }
  }

  async function round(at: number): Promise<void> {
    await revive()
    const all = deathsOf()
    const { who, step, when } = all[at % all.length] as (typeof all)[number]
    const [taker, ...others] = random.chance(0.5) ? [...children.values()] : [...children.values()].toReversed()
    const victim = who === 'taker' ? taker : random.pick(others)
    order(victim, { is: 'die', step, when })
    const dying = hear(victim, (line) => line.died !== undefined)
    const ending = hear(taker, isEnd)
    order(taker, { is: 'take' })
    // One that owns nothing at this moment comes to no step of an owner.
    const [first] = await Promise.all([Promise.race([dying, ending]), who === 'taker' ? dying : ending])
    if (first?.died !== undefined) died.push(`${step} ${when}`)
    if (who === 'participant' && first?.died === undefined && hasDied(victim)) died.push(`${step} ${when}`)
  }

  /** Every one has come to its end, or to the end of its patience. */
  async function settled(): Promise<readonly CutNote[]> {
    for (const end = Date.now() + patienceMs; ;) {
      const notes = await shelf.notes()
      if (notes.every(({ state }) => state === 'whole' || state === 'abandoned') || Date.now() > end) return notes
      await pause(200)
    }
  }

  try {
    await Promise.all(['a', 'b', 'c'].map(start))
    const paying = pay()
    for (let at = 0; at < rounds; at++) await round(at)
    await revive()
    let last: Line | undefined
    // Partitions may still be on their way to whoever came back last.
    for (let attempt = 0; attempt < 3 && last?.is !== 'whole'; attempt++) {
      const calm = children.get('a')
      const ending = hear(calm, isEnd)
      order(calm, { is: 'take' })
      last = await ending
    }
    isOver = true
    await paying
    const notes = await settled()
    const whole = notes.filter(({ state }) => state === 'whole')
    const cuts: TakenCut[] = []
    for (const { id } of whole) cuts.push(await developCut(bus, openMemoryArchive(undefined, secret), id))
    const faults = [
      ...cutFaultsOf(entries, cuts),
      ...cuts.flatMap((cut) => pictureFaults(pictureOf(cut)).map((fault) => `${cut.manifest.id}: ${fault}`)),
      ...notes.flatMap(({ id, state, reason }) => {
        if (state === 'whole' || (state === 'abandoned' && reason !== undefined && reason !== '')) return []
        return [`cut ${id} is ${state} and does not say why`]
      }),
      ...(last?.is === 'whole'
        ? []
        : [`the last cut, in calm: ${JSON.stringify(last)}; ${JSON.stringify(children.get('a')?.lines.slice(-5))}`]),
    ]
    return { faults, whole: whole.length, abandoned: notes.length - whole.length, died }
  } finally {
    isOver = true
    for (const child of children.values()) await child.kill()
    await bus.close()
    await nats.stop()
    await rm(dir, { recursive: true, force: true })
  }
}
