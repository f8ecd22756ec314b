/**
 * Looks at every cut that becomes whole, and writes what it found beside the cut's note. It serves
 * "evaluated on every cut". Invariants: one cut at a time, however fast they come, and none holds up
 * the realm; what one node has found is kept when another, which carries other predicates, adds its own.
 */
import {
  checkNoteOf,
  type CutCheck,
  decodeCutCheck,
  encodeCutCheck,
  type InvariantResult,
} from '#protocol/cut-check.ts'
import { encode } from '#protocol/codec.ts'
import { Fault, storedFaultOf } from '#protocol/fault.ts'
import { subjects } from '#protocol/subject.ts'
import type { Archive } from '#store/archive.ts'
import type { Bus } from '#runtime/bus.ts'
import { changeEntry } from '#runtime/change-entry.ts'
import type { Clock } from '#runtime/clock.ts'
import { trace } from '#runtime/trace.ts'
import { checkCut, type CheckOptions } from '#runtime/cuts/reading/check-cut.ts'
import { type CutShelf, cutShelfOf } from '#runtime/cuts/reading/cut-shelf.ts'
import type { Invariant } from '#runtime/cuts/reading/invariant.ts'
import { keptBefore } from '#runtime/cuts/reading/kept-before.ts'
import { openCut } from '#runtime/cuts/reading/open-cut.ts'

type World = {
  readonly bus: Bus
  readonly archive: Archive
  readonly clock: Clock
  readonly invariants: readonly Invariant[]
}

export type CutChecks = {
  /** This node has taken it, so it looks first. */
  whole(cut: string): void
  stop(): Promise<void>
}

export function cutChecksOf({ bus, archive, clock, invariants }: World, options: CheckOptions): CutChecks {
  const shelf = cutShelfOf({ bus, archive })
  const waiting: { readonly cut: string; readonly isFirst: boolean }[] = []
  let running: Promise<void> | undefined
  const over = new AbortController()

  /** Whoever took it has looked; what that one does not carry is looked at here. */
  const hearing = bus.hear(subjects.cutChecked(bus.realm), (data) => {
    if (invariants.length > 0) add(new TextDecoder().decode(data), false)
  })

  function add(cut: string, isFirst: boolean): void {
    if (over.signal.aborted || waiting.some((one) => one.cut === cut && one.isFirst === isFirst)) return
    waiting.push({ cut, isFirst })
    // Cuts that come faster than they are looked at: the newest say most.
    if (waiting.length > waitingMost) waiting.shift()
    running ??= run().finally(() => (running = undefined))
  }

  async function run(): Promise<void> {
    for (let next = waiting.shift(); next !== undefined && !over.signal.aborted; next = waiting.shift()) {
      try {
        await look(next.cut, next.isFirst)
      } catch (error) {
        if (!over.signal.aborted) trace({ is: 'cut.unchecked', cut: next.cut, fault: storedFaultOf(error) })
      }
    }
  }

  async function look(cut: string, isFirst: boolean): Promise<void> {
    const known = await readCheck(bus, cut)
    const missing = invariants.filter(({ name }) => known?.invariants.every((one) => one.name !== name) !== false)
    if (!isFirst && (known === undefined || missing.length === 0)) return
    const view = await openCut({ shelf, archive }, cut)
    const checked = (earlier: string): Promise<CutCheck | undefined> => readCheck(bus, earlier)
    const before = await keptBefore({ shelf, checked }, view.manifest, missing)
    const check = await checkCut({ view, clock, invariants: missing, before }, { ...options, signal: over.signal })
    await keepCheck({ bus, shelf }, check)
    trace({
      is: 'cut.checked',
      cut,
      deadlocks: check.counts.deadlocks,
      orphans: check.counts.orphans,
      broken: check.invariants.flatMap(({ name, holds }) => (holds === true ? [] : [name])),
      ms: check.ms,
    })
    if (isFirst) bus.tell(subjects.cutChecked(bus.realm), new TextEncoder().encode(cut))
  }

  return {
    whole: (cut) => add(cut, true),
    async stop() {
      over.abort()
      hearing.stop()
      await running
    },
  }
}

const waitingMost = 4

export async function readCheck(bus: Bus, cut: string): Promise<CutCheck | undefined> {
  const bytes = await bus.notes.get(checkNoteOf(cut))
  return bytes && decodeCutCheck(bytes)
}

/** Of predicates that both have looked at, the later look counts; a cut that was removed gets no note. */
export async function keepCheck(
  { bus, shelf }: { readonly bus: Bus; readonly shelf: Pick<CutShelf, 'note'> },
  check: CutCheck,
): Promise<void> {
  await changeEntry(bus.notes, checkNoteOf(check.cut), async (value) => {
    const before = value === undefined ? undefined : decodeCutCheck(value)
    if ((await shelf.note(check.cut))?.state !== 'whole') return undefined
    return encodeCutCheck(merged(before, check))
  })
}

function merged(before: CutCheck | undefined, check: CutCheck): CutCheck {
  const others = (before?.invariants ?? []).filter(({ name }) => check.invariants.every((one) => one.name !== name))
  return { ...check, invariants: fitting([...others, ...check.invariants]) }
}

/** What all of them may keep: a note must be no larger than what a server takes at once. */
const keptOfAllMost = 512 * 1024

/** One by one each may keep less than this; it is many of them that keep too much, and the last ones that pay. */
function fitting(results: readonly InvariantResult[]): readonly InvariantResult[] {
  let room = keptOfAllMost
  return results.map((result) => {
    if (result.kept === undefined) return result
    const bytes = encode(result.kept).length
    if (bytes <= room) {
      room -= bytes
      return result
    }
    const { name, ms } = result
    const { code, message } = new Fault('invariant.keepsTooMuch', { value: name, bytes, limit: room })
    return { name, holds: undefined, found: [], fault: { code, message }, ms }
  })
}
