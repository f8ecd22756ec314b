/**
 * Keeps house of the cuts of a realm. It serves "a schedule, keep last, hourly, daily" and "one that
 * meets a crash is abandoned and reported". The owner of partition 0 takes those that are due, gives
 * up those that nobody goes on with, removes those that are not kept, and sweeps the object store;
 * every node sweeps its own archive. Invariants: of the schedule's cuts one at a time is under way;
 * two nodes that both believe that they own the partition take no cut twice; what fails is said and
 * tried again, and never ends the node.
 */
import { tokenOf } from '#protocol/address.ts'
import { decode, encode } from '#protocol/codec.ts'
import { checkNoteOf } from '#protocol/cut-check.ts'
import { cutNames, type CutNote } from '#protocol/cut.ts'
import { isFault, storedFaultOf } from '#protocol/fault.ts'
import { subjects } from '#protocol/subject.ts'
import type { Archive } from '#store/archive.ts'
import type { Bus } from '#runtime/bus.ts'
import type { Clock } from '#runtime/clock.ts'
import { trace } from '#runtime/trace.ts'
import type { Blueprint } from '#runtime/core/blueprint.ts'
import { type ChoreOptions, choresOf } from './chores.ts'
import type { CutShelf } from '#runtime/cuts/reading/cut-shelf.ts'
import { heldIn } from './held.ts'
import { removeCut } from './remove-cut.ts'
import { bySchedule, expiredOf } from './retention.ts'
import { scheduleOf, type ScheduleOptions } from './schedule.ts'
import { sweeperOf } from './sweep.ts'
import { type Asked, giveUp, type Taking } from '#runtime/cuts/taking/take-cut.ts'

export type KeeperOptions = ScheduleOptions &
  ChoreOptions & {
    readonly name: string
    readonly cutDeadlineMs: number
    readonly cutKeepLast: number
    readonly cutKeepHourly: number
    readonly cutKeepDaily: number
  }

export type KeeperWorld = {
  readonly bus: Bus
  readonly archive: Archive
  readonly clock: Clock
  readonly shelf: CutShelf
  readonly kinds: ReadonlyMap<string, Blueprint>
  readonly take: (asked: Asked) => Taking
  /** Owns partition 0. */
  readonly isFirst: () => boolean
}

export type Keeper = {
  start(): void
  stop(): Promise<void>
}

/** Time by which clocks differ: a cut of another node is not given up a moment too early. */
const skewMs = 5_000

/** How often is looked at what may be due. */
const lookMostMs = 5_000

/** Without anything having become useless: for what came too late to be noticed. */
const sweepAllMs = 3_600_000

export function openKeeper(world: KeeperWorld, options: KeeperOptions): Keeper {
  const { bus, clock, shelf, isFirst } = world
  const { cutDeadlineMs, cutKeepLast: last, cutKeepHourly: hourly, cutKeepDaily: daily } = options
  // A cut is begun, recorded within its deadline, and whole within another.
  const sweepKeepMs = 3 * cutDeadlineMs
  const lookMs = Math.min(lookMostMs, cutDeadlineMs / 2, ...(options.cutEveryMs > 0 ? [options.cutEveryMs / 5] : []))
  const sweeper = sweeperOf(world, { name: options.name, sweepKeepMs })
  const schedule = scheduleOf(world, options)
  const chores = choresOf(world, options)
  const storeTurn = turnOf(clock, cutDeadlineMs / 2)
  const archiveTurn = turnOf(clock, cutDeadlineMs / 2)
  let seen: { readonly revision: number; readonly notes: readonly CutNote[] } | undefined
  let alarm: { cancel(): void } | undefined
  let running: Promise<void> | undefined
  let isOver = false
  const serving = bus.serve(subjects.cutHeld(bus.realm, tokenOf(options.name)), (data) =>
    encode(heldIn(world.archive, decode(data) as string[])),
  )

  async function notesNow(): Promise<readonly CutNote[]> {
    const revision = await bus.notes.revision()
    if (seen?.revision !== revision) seen = { revision, notes: await shelf.notes() }
    return seen.notes
  }

  async function lead(): Promise<void> {
    const notes = await notesNow()
    const now = clock.now()
    for (const note of notes) if (isLost(note, now)) await loseCut(note, now)
    for (const id of expiredOf(notes, { last, hourly, daily })) await expire(id, now)
    // What has no note is of no use either: this one need not wait for the sweep.
    for (const { id, state, at } of notes) if (state === 'removed' && now - at > sweepKeepMs) await forget(id)
    await schedule.consider(notes)
    chores.consider(notes)
  }

  async function forget(id: string): Promise<void> {
    await bus.notes.remove(checkNoteOf(id))
    await bus.notes.remove(cutNames.note(id))
  }

  async function loseCut({ id, node }: CutNote, at: number): Promise<void> {
    const reason = `${node}, which took it, does not go on with it`
    const lost = await giveUp(shelf, id, { at, reason })
    if (lost !== undefined) trace({ is: 'cut.lost', cut: id, reason })
  }

  async function expire(id: string, at: number): Promise<void> {
    try {
      await removeCut(shelf, id, { realm: bus.realm.name, at })
      trace({ is: 'cut.removed', cut: id, by: bySchedule })
    } catch (error) {
      // Somebody else removed it, or made a fork of it just now.
      if (!isFault(error, 'cut.unknown') && !isFault(error, 'cut.held')) throw error
    }
  }

  async function trying(what: string, work: () => Promise<unknown>): Promise<void> {
    try {
      if (!isOver) await work()
    } catch (error) {
      if (!isOver) trace({ is: 'cuts.unkept', what, fault: storedFaultOf(error) })
    }
  }

  async function look(): Promise<void> {
    if (isFirst()) {
      await trying('schedule', lead)
      await trying('store', async () => {
        if (storeTurn.isDue(await notesNow())) storeTurn.took(await sweeper.sweepStore())
      })
    }
    await trying('archive', async () => {
      if (archiveTurn.isDue(await notesNow())) archiveTurn.took(await sweeper.sweepArchive())
    })
  }

  function next(): void {
    if (isOver) return
    alarm = clock.at(clock.now() + lookMs, () => {
      running = look().finally(() => {
        running = undefined
        next()
      })
    })
  }

  return {
    start: next,
    async stop() {
      isOver = true
      serving.stop()
      alarm?.cancel()
      await running
      await chores.stop()
    },
  }
}

function isLost({ state, deadline }: CutNote, now: number): boolean {
  return (state === 'begun' || state === 'recorded') && now > deadline + skewMs
}

type Turn = {
  isDue(notes: readonly CutNote[]): boolean
  took(swept: { readonly left: number }): void
}

/** A sweep lists everything, so there is one when something became useless, and until that is gone. */
function turnOf(clock: Clock, everyMs: number): Turn {
  const known = new Set<string>()
  let isWanted = true
  let at = Number.NEGATIVE_INFINITY
  return {
    isDue(notes) {
      for (const { id, state } of notes) {
        if ((state !== 'removed' && state !== 'abandoned') || known.has(id)) continue
        known.add(id)
        isWanted = true
      }
      for (const id of known) if (!notes.some((note) => note.id === id)) known.delete(id)
      const pastMs = clock.now() - at
      return pastMs >= sweepAllMs || (isWanted && pastMs >= everyMs)
    },
    took({ left }) {
      at = clock.now()
      isWanted = left > 0
    },
  }
}
