/**
 * The log by positions instead of sequences, for a node: what the log lost and took again stands
 * where it stood before. It serves the clause "how far it has read". Invariants: readers get entries
 * in the order of their positions, each once, also over a mending; on a log that never lost anything
 * this is the bus itself.
 */
import { isFault } from '#protocol/fault.ts'
import { subjects } from '#protocol/subject.ts'
import type { Bus, Entry, LogEntry, Reading, ReadOptions } from '#runtime/bus.ts'
import type { Clock } from '#runtime/clock.ts'
import { readUpTo } from './read-up-to.ts'
import { type Places, placesOf, positionAt, untouched } from '#runtime/core/incarnations.ts'
import { decodeMendRow, isSameTable, type Table } from '#runtime/core/mend-row.ts'

export type PlacedLog = {
  /** Sequences in it are positions. */
  readonly bus: Bus
  readonly places: Places
  /** The table that it goes by. */
  readonly table: Table
  /** The newest one, as it stands on the log now. */
  look(): Promise<Table>
  /** Whether that is another than this node goes by. */
  isStale(): Promise<boolean>
  /** Goes by this table from now on; readings go on from where they are. */
  adopt(row: Table): void
}

export async function placedLogOf(
  { bus: raw, clock }: { readonly bus: Bus; readonly clock: Clock },
  { retryMs }: { readonly retryMs: number },
): Promise<PlacedLog> {
  const subject = subjects.mended(raw.realm)
  const readings = new Set<{ again(): void }>()
  /** The highest position that matches a filter, as long as that sequence is its last one. */
  const tops = new Map<string, { readonly seq: number; readonly position: number }>()
  let table: Table
  let places = placesOf(untouched)

  async function look(): Promise<Table> {
    const last = await raw.last(subject)
    return last === undefined ? undefined : decodeMendRow(last.data, last.seq)
  }

  function adopt(row: Table): void {
    table = row
    tops.clear()
    places = placesOf(row ?? untouched)
    for (const one of readings) one.again()
  }

  const placed = <T extends { readonly seq: number }>(one: T): T =>
    places.incarnation === 0 ? one : { ...one, seq: places.positionOf(one.seq) }

  /** A fence is a position as well. */
  function sequenced(entry: Entry): Entry {
    const { check } = entry
    if (check === undefined || places.incarnation === 0) return entry
    return { ...entry, check: { ...check, seq: places.seqOf(check.seq) ?? check.seq } }
  }

  async function at(position: number): Promise<LogEntry | undefined> {
    const seq = places.seqOf(position)
    const entry = seq === undefined ? undefined : await raw.get(seq)
    return entry === undefined ? undefined : placed(entry)
  }

  async function next(wanted: string, from: number): Promise<LogEntry | undefined> {
    for (const { from: begin, to, least, most } of places.passesFrom(from)) {
      for (let seq = begin; seq <= to;) {
        const entry = await raw.next(wanted, seq)
        if (entry === undefined || entry.seq > to) break
        const found = placed(entry)
        if (found.seq >= least && found.seq <= most) return found
        seq = entry.seq + 1
      }
    }
    return undefined
  }

  /** Behind a mending, what came last need not have the highest position. */
  async function highest(filter: string): Promise<number | undefined> {
    const seq = await raw.lastMatching(filter)
    if (seq === undefined || places.incarnation === 0) return seq
    const last = places.positionOf(seq)
    const from = places.boundOf(last) + 1
    if (from > seq) return last
    const known = tops.get(filter)
    if (known?.seq === seq) return known.position
    const by = places
    let position = last
    await readUpTo(
      raw,
      { filter, from, to: seq, clock },
      (entry) => (position = Math.max(position, by.positionOf(entry.seq))),
    )
    if (by !== places) return await highest(filter)
    tops.set(filter, { seq, position })
    return position
  }

  function topOf(seq: number): number {
    const [after] = places.table.mends.at(-1) ?? [0]
    return seq > after ? positionAt(places.incarnation, seq) : places.positionOf(seq)
  }

  const bus: Bus = {
    ...raw,
    append: async (entry) => placed(await raw.append(sequenced(entry))),
    appendAll: async (entries) => placed(await raw.appendAll(entries.map(sequenced))),
    read: readPlaced,
    async last(wanted) {
      const entry = await raw.last(wanted)
      return entry === undefined ? undefined : placed(entry)
    },
    get: at,
    next,
    lastMatching: highest,
    order: {
      positionOf: (seq) => places.positionOf(seq),
      boundOf: (position) => places.boundOf(position),
      topOf,
      stored: raw.get,
      state: raw.logState,
    },
    purge: (filter, upTo) => raw.purge(filter, places.boundOf(upTo)),
    async removeEntry(position) {
      const seq = places.seqOf(position)
      return seq !== undefined && (await raw.removeEntry(seq))
    },
    async logState() {
      const state = await raw.logState()
      if (places.incarnation === 0) return state
      return { ...state, firstSeq: places.positionOf(state.firstSeq), lastSeq: topOf(state.lastSeq) }
    },
  }

  /** One pass after the other; a mending makes it begin again behind what it handed on. */
  async function readPlaced(options: ReadOptions): Promise<Reading> {
    let wanted = options.from
    let current: Reading | undefined
    let life = 0
    let isPaused = false
    let isOver = false

    async function open(): Promise<void> {
      const mine = ++life
      const passes = places.passesFrom(wanted)
      for (const [index, pass] of passes.entries()) {
        const isLast = index === passes.length - 1
        // An earlier pass ends where the log ends for it now; nothing is added there any more.
        const end = isLast ? Number.POSITIVE_INFINITY : Math.min(pass.to, (await raw.lastMatching(options.filter)) ?? 0)
        if (mine !== life || isOver) return
        if (end < pass.from) continue
        const ended = Promise.withResolvers<void>()
        const reading = await raw.read({
          ...options,
          from: pass.from,
          onEntry(entry) {
            if (mine !== life || isOver) return
            const found = placed(entry)
            if (found.seq >= wanted && found.seq >= pass.least && found.seq <= pass.most) {
              wanted = found.seq + 1
              options.onEntry(found)
            }
            if (entry.seq >= end) ended.resolve()
          },
        })
        if (mine !== life || isOver) return await reading.stop()
        current = reading
        if (isPaused) reading.pause()
        if (isLast) return
        await ended.promise
        await reading.stop()
        if (mine !== life || isOver) return
      }
    }

    /** What waits for a server that is away is tried again; nobody is left who could be told. */
    const insist = (): void =>
      void open().catch((error: unknown) => {
        if (!isOver && isFault(error) && error.verdict === 'retry') clock.at(clock.now() + retryMs, self.again)
      })
    const self = {
      again() {
        if (isOver) return
        const before = current
        current = undefined
        void before?.stop().catch(() => undefined)
        insist()
      },
    }
    readings.add(self)
    try {
      if (places.passesFrom(wanted).length <= 1) await open()
      // Several passes come one after the other by themselves.
      else insist()
    } catch (error) {
      readings.delete(self)
      throw error
    }
    return {
      pause() {
        isPaused = true
        current?.pause()
      },
      resume() {
        isPaused = false
        current?.resume()
      },
      async stop() {
        isOver = true
        readings.delete(self)
        await current?.stop()
      },
    }
  }

  adopt(await look())
  return {
    bus,
    get places() {
      return places
    },
    get table() {
      return table
    },
    look,
    async isStale() {
      const row = await look()
      return row?.isOpen === true || !isSameTable(row, table)
    },
    adopt,
  }
}
