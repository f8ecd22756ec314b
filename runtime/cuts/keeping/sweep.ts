/**
 * Takes away what no cut needs any more: of those that were removed, and leftovers of those that
 * were abandoned. Invariants: what a cut that exists, or that is being made, names is never taken;
 * neither is anything that was needed, or not there, less than `sweepKeepMs` ago, because a cut that
 * is being made may have built on it, or not name it yet.
 *
 * Names of segments are never given twice, since each is sealed with a nonce of its own; only an
 * import brings one back. So an import and a sweep of the object store keep out of each other's way:
 * each says that it begins, then looks whether the other has.
 */
import { setImmediate } from 'node:timers/promises'
import { decode, encode } from '#protocol/codec.ts'
import { cutNames, type CutNote } from '#protocol/cut.ts'
import type { Archive } from '#store/archive.ts'
import type { Blobs, Bus, Registry } from '#runtime/bus.ts'
import type { Clock } from '#runtime/clock.ts'
import { trace } from '#runtime/trace.ts'
import type { CutShelf } from '#runtime/cuts/reading/cut-shelf.ts'
import { archivedSource, eitherSource, storedSource } from '#runtime/cuts/reading/cut-source.ts'
import { type NeededBy, neededBy } from './needed.ts'

export type SweepOptions = {
  readonly name: string
  /** Longer than a cut can be in the making. */
  readonly sweepKeepMs: number
}

export type Swept = {
  readonly removed: number
  /** Of no use any more, and too young to go. */
  readonly left: number
}

/** Something that segments and documents lie in. */
type Place = {
  names(): Promise<readonly string[]>
  remove(names: readonly string[]): Promise<void>
}

/** At once; between two of these others get their turn. */
const removedAtOnce = 100

const namesAtOnce = 2_000

/** A sweep ends by then and goes on with the next one; longer ago, whoever began one has ended. */
const sweepMostMs = 30_000
export const sweepLostMs = 2 * sweepMostMs

const byImport = 'import'

/** Looks, too: a clock that is set makes nothing old at once. */
const looksLeast = 3

type Seen = { readonly at: number; readonly looks: number }

/** Names are those of the object store, in an archive too. */
function sweptPlace(place: Place, needed: NeededBy, { clock, keepMs }: { clock: Clock; keepMs: number }) {
  const since = new Map<string, Seen>()

  async function idle(notes: readonly CutNote[]): Promise<readonly string[]> {
    const names = await place.names()
    const { cuts, segments } = await needed.of(
      notes,
      names.filter((name) => cutOf(name) !== undefined),
    )
    return names.filter((name) => {
      const cut = cutOf(name)
      return cut === undefined ? !segments.has(segmentOf(name)) : !cuts.has(cut)
    })
  }

  const isRipe = ({ at, looks }: Seen, now: number): boolean => now - at >= keepMs && looks >= looksLeast

  return {
    /** Notes what is of no use now; some of it has been so for long. */
    async look(notes: readonly CutNote[]): Promise<boolean> {
      const now = clock.now()
      const found = await idle(notes)
      const before = new Map(since)
      since.clear()
      for (const name of found) {
        const { at, looks } = before.get(name) ?? { at: now, looks: 0 }
        since.set(name, { at, looks: looks + 1 })
      }
      return [...since.values()].some((seen) => isRipe(seen, now))
    },
    async sweep(notes: readonly CutNote[]): Promise<Swept> {
      const begunAt = clock.now()
      const found = new Set(await idle(notes))
      const ripe = [...since].flatMap(([name, seen]) => (found.has(name) && isRipe(seen, begunAt) ? [name] : []))
      let removed = 0
      for (; removed < ripe.length && clock.now() - begunAt < sweepMostMs; removed += removedAtOnce)
        await place.remove(ripe.slice(removed, removed + removedAtOnce))
      removed = Math.min(removed, ripe.length)
      for (const name of ripe.slice(0, removed)) since.delete(name)
      return { removed, left: since.size }
    },
    get left() {
      return since.size
    },
  }
}

type World = {
  readonly bus: Bus
  readonly archive: Archive
  readonly clock: Clock
  readonly shelf: Pick<CutShelf, 'notes'>
}

export type Sweeper = {
  /** The object store; for one node at a time. */
  sweepStore(): Promise<Swept>
  /** This machine's archive. */
  sweepArchive(): Promise<Swept>
}

export function sweeperOf({ bus, archive, clock, shelf }: World, { name, sweepKeepMs }: SweepOptions): Sweeper {
  const source = eitherSource(archivedSource(archive), storedSource(bus.cuts))
  const needed = neededBy({ source, archive, realm: bus.realm.name })
  const pace = { clock, keepMs: sweepKeepMs }
  const stored = sweptPlace(storePlace(bus.cuts), needed, pace)
  const archived = sweptPlace(archivePlace(archive), needed, pace)

  return {
    async sweepStore() {
      // Before the notes: what is there was begun by a cut whose note was there.
      if (!(await stored.look(await shelf.notes()))) return { removed: 0, left: stored.left }
      await saySweeping(bus.notes, name, clock.now())
      try {
        const notes = await shelf.notes()
        if (notes.some(isImporting)) return { removed: 0, left: stored.left }
        const swept = await stored.sweep(notes)
        trace({ is: 'cuts.swept', place: 'store', removed: swept.removed, left: swept.left })
        return swept
      } finally {
        await saySweeping(bus.notes, name, 0)
      }
    },
    async sweepArchive() {
      const notes = await shelf.notes()
      if (!(await archived.look(notes))) return { removed: 0, left: archived.left }
      const swept = await archived.sweep(notes)
      trace({ is: 'cuts.swept', place: 'archive', removed: swept.removed, left: swept.left })
      return swept
    },
  }
}

function isImporting({ state, by }: CutNote): boolean {
  return state === 'begun' && by === byImport
}

function storePlace(cuts: Blobs): Place {
  return {
    names: () => cuts.names(),
    async remove(names) {
      for (const name of names) await cuts.remove(name)
    },
  }
}

function archivePlace(archive: Archive): Place {
  return {
    async names() {
      const names = [...archive.documents.names()]
      for (const id of archive.segments()) {
        names.push(cutNames.segment(id))
        // Whoever steps beside it waits for no more than some of them.
        if (names.length % namesAtOnce === 0) await setImmediate()
      }
      return names
    },
    async remove(names) {
      const segments = names.filter((name) => cutOf(name) === undefined)
      await archive.drop(segments.map(segmentOf))
      for (const name of names) if (cutOf(name) !== undefined) await archive.documents.remove(name)
    },
  }
}

/** Of a document; nothing for a segment. */
function cutOf(name: string): string | undefined {
  const prefix = cutNames.manifest('')
  return name.startsWith(prefix) ? name.slice(prefix.length).split('.')[0] : undefined
}

function segmentOf(name: string): string {
  return name.slice(cutNames.segment('').length)
}

const sweepNote = 'sweep'
const format = 1

async function saySweeping(notes: Registry, node: string, at: number): Promise<void> {
  await notes.put(sweepNote, encode([format, node, at]))
}

/** Since when the object store is swept; nothing while it is not. */
export async function sweptSince(notes: Pick<Registry, 'get'>): Promise<number | undefined> {
  const bytes = await notes.get(sweepNote)
  const [, , at = 0] = bytes === undefined ? [] : (decode(bytes) as [number, string, number])
  return at === 0 ? undefined : at
}
