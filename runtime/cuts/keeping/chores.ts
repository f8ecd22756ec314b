/**
 * What is done with the realm's own cuts once they are whole: a drill now and then, and a copy to a
 * second place. It serves "each scheduled cut is restored into a scratch realm and verified once a
 * day" and "with R1: to a second place named in config". Invariants: one thing at a time, beside
 * everything else and never in its way; what fails is told where doctor looks, and tried again.
 */
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { decode, encode } from '#protocol/codec.ts'
import { type CutDrill, decodeCutDrill, drillNoteOf, encodeCutDrill } from '#protocol/cut-drill.ts'
import type { CutNote } from '#protocol/cut.ts'
import { storedFaultOf } from '#protocol/fault.ts'
import type { Archive } from '#store/archive.ts'
import type { Bus, Registry } from '#runtime/bus.ts'
import type { Clock } from '#runtime/clock.ts'
import type { Blueprint } from '#runtime/core/blueprint.ts'
import { trace } from '#runtime/trace.ts'
import { writeCutFile } from '#runtime/cuts/reading/cut-file.ts'
import { storedSource } from '#runtime/cuts/reading/cut-source.ts'
import { drillCut } from './drill.ts'
import { bySchedule } from './retention.ts'

export type ChoreOptions = {
  readonly name: string
  /** 0: none by itself. */
  readonly drillEveryMs: number
  /** A directory elsewhere. */
  readonly secondPlace: string | undefined
}

type World = {
  readonly bus: Bus
  readonly archive: Archive
  readonly clock: Clock
  readonly kinds: ReadonlyMap<string, Blueprint>
}

export type Chores = {
  /** Begins what is due, and does not wait for it. */
  consider(notes: readonly CutNote[]): void
  /** What was begun has ended. */
  rest(): Promise<void>
  stop(): Promise<void>
}

/** Of drills the newest reports are kept, whatever became of their cuts. */
const drillsMost = 10

/** A second place that cannot be written to is not tried again at once. */
const copyRetryMs = 60_000

export function choresOf({ bus, archive, clock, kinds }: World, options: ChoreOptions): Chores {
  const { name: realm } = bus.realm
  const source = storedSource(bus.cuts)
  let running: Promise<void> | undefined
  const ending = new AbortController()
  let drilled: { readonly cut: string | undefined; readonly at: number } | undefined
  let copied: string | undefined
  let copyAt = Number.NEGATIVE_INFINITY

  const isOver = (): boolean => ending.signal.aborted
  const checkOn = (): void => ending.signal.throwIfAborted()

  async function drill({ id: cut }: CutNote): Promise<void> {
    drilled ??= (await readDrills(bus.notes)).at(-1) ?? { cut: undefined, at: Number.NEGATIVE_INFINITY }
    if (clock.now() - drilled.at < options.drillEveryMs || drilled.cut === cut) return
    const report = await drillCut(
      { source, archive, clock, maxPayload: bus.maxPayload, kinds },
      { cut, realm, node: options.name, by: bySchedule, signal: ending.signal },
    )
    drilled = report
    await keepDrill(bus.notes, report)
    const { passed, actors, envelopes, ms, found } = report
    trace({ is: 'cut.drilled', cut, passed, actors, envelopes, ms, found })
  }

  async function copy({ id: cut }: CutNote, notes: readonly CutNote[], dir: string): Promise<void> {
    if (copied === cut || clock.now() - copyAt < copyRetryMs) return
    copyAt = clock.now()
    const path = join(dir, fileOf(realm, cut))
    try {
      const there = await readdir(dir)
      if (!there.includes(fileOf(realm, cut))) {
        const { bytes } = await writeCutFile(path, { source, archive, realm }, { cut, onProgress: checkOn })
        trace({ is: 'cut.copied', cut, path, bytes })
      }
      copied = cut
      const known = (await readCopy(bus.notes))?.cuts ?? []
      const living = (one: string): boolean => notes.some(({ id, state }) => id === one && state === 'whole')
      for (const one of known) if (!living(one)) await rm(join(dir, fileOf(realm, one)), { force: true })
      const cuts = [...new Set([...known.filter(living), cut])]
      await keepCopy(bus.notes, { at: clock.now(), cut, path, node: options.name, reason: undefined, cuts })
    } catch (error) {
      checkOn()
      const reason = storedFaultOf(error).message
      const cuts = (await readCopy(bus.notes))?.cuts ?? []
      await keepCopy(bus.notes, { at: clock.now(), cut, path, node: options.name, reason, cuts })
      throw error
    }
  }

  async function run(notes: readonly CutNote[]): Promise<void> {
    const newest = notes.findLast(({ state, by }) => state === 'whole' && by === bySchedule)
    if (newest === undefined) return
    const { drillEveryMs, secondPlace } = options
    if (secondPlace !== undefined) await trying('second place', () => copy(newest, notes, secondPlace))
    if (drillEveryMs > 0) await trying('drill', () => drill(newest))
  }

  async function trying(what: string, work: () => Promise<void>): Promise<void> {
    try {
      if (!isOver()) await work()
    } catch (error) {
      if (!isOver()) trace({ is: 'cuts.unkept', what, fault: storedFaultOf(error) })
    }
  }

  return {
    consider(notes) {
      if (!isOver()) running ??= run(notes).finally(() => (running = undefined))
    },
    async rest() {
      await running
    },
    async stop() {
      ending.abort()
      await running
    },
  }
}

function fileOf(realm: string, cut: string): string {
  return `${realm}-${cut}.cut`
}

export async function keepDrill(notes: Registry, drill: CutDrill): Promise<void> {
  await notes.put(drillNoteOf(drill.cut), encodeCutDrill(drill))
  const old = (await readDrills(notes)).slice(0, -drillsMost)
  for (const { cut } of old) await notes.remove(drillNoteOf(cut))
}

/** The newest last. */
export async function readDrills(notes: Pick<Registry, 'all'>): Promise<readonly CutDrill[]> {
  const found = await notes.all(drillNoteOf(''))
  return found.map(([, bytes]) => decodeCutDrill(bytes)).toSorted((a, b) => a.at - b.at)
}

/** The last copy to a second place, or why there is none. */
export type CutCopy = {
  readonly at: number
  readonly cut: string
  readonly path: string
  readonly node: string
  readonly reason: string | undefined
  /** All that lie there: what nobody says was put there by the realm is never taken away, least of all after a loss. */
  readonly cuts: readonly string[]
}

const copyNote = 'copy'
const format = 1

async function keepCopy(notes: Registry, { at, cut, path, node, reason, cuts }: CutCopy): Promise<void> {
  await notes.put(copyNote, encode([format, at, cut, path, node, reason ?? null, cuts]))
}

export async function readCopy(notes: Pick<Registry, 'get'>): Promise<CutCopy | undefined> {
  const bytes = await notes.get(copyNote)
  if (bytes === undefined) return undefined
  const f = decode(bytes) as [number, number, string, string, string, string | null, string[]]
  const [, at, cut, path, node, reason, cuts] = f
  return { at, cut, path, node, reason: reason ?? undefined, cuts }
}
