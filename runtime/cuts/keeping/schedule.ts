/**
 * When the realm's own cuts are due: after so much time or so much log, whichever is first. It
 * serves "every N seconds or M megabytes of log". Invariants: none is begun while one of the schedule
 * is under way, none of a realm in which nothing happened since the last; whoever begins one says so
 * over what was said before, so that of two only one does.
 */
import { decode, encode } from '#protocol/codec.ts'
import type { CutNote } from '#protocol/cut.ts'
import { isFault } from '#protocol/fault.ts'
import type { Bus } from '#runtime/bus.ts'
import type { Clock } from '#runtime/clock.ts'
import type { CutShelf } from '#runtime/cuts/reading/cut-shelf.ts'
import { bySchedule } from './retention.ts'
import { isAnythingSince } from './since-cut.ts'
import type { Asked, Taking } from '#runtime/cuts/taking/take-cut.ts'

export type ScheduleOptions = {
  readonly name: string
  readonly cutDeadlineMs: number
  /** 0: never by time, or never by bytes; with both 0 there is no schedule. */
  readonly cutEveryMs: number
  readonly cutEveryBytes: number
}

type World = {
  readonly bus: Bus
  readonly clock: Clock
  readonly shelf: Pick<CutShelf, 'manifest'>
  readonly take: (asked: Asked) => Taking
}

export type Schedule = { consider(notes: readonly CutNote[]): Promise<void> }

export function scheduleOf({ bus, clock, shelf, take }: World, options: ScheduleOptions): Schedule {
  const { cutEveryMs: everyMs, cutEveryBytes: everyBytes, cutDeadlineMs } = options
  /** One that was abandoned is not tried again at once: what hindered it may last. */
  const retryMs = Math.min(everyMs || cutDeadlineMs, cutDeadlineMs)
  let last: { readonly cut: string; readonly upTo: number } | undefined
  /** Up to where nothing happened since that cut: what it left there is not read again at every look. */
  let rest: { readonly cut: string; readonly upTo: number } | undefined

  /** The position of its last marker commit; what stands behind is not in it. */
  async function endOf(cut: string): Promise<number> {
    if (last?.cut !== cut) {
      const { slices } = await shelf.manifest(cut)
      last = { cut, upTo: Math.max(...slices.map(({ commit }) => commit)) }
    }
    return last.upTo
  }

  async function isDue(notes: readonly CutNote[]): Promise<boolean> {
    const now = clock.now()
    const own = notes.filter(({ by, generation }) => by === bySchedule && generation === bus.realm.generation)
    if (own.some(({ state, deadline }) => (state === 'begun' || state === 'recorded') && now <= deadline)) return false
    const newest = own.findLast(({ state }) => state === 'whole')
    const { lastSeq, entries, bytes, createdAt } = await (bus.order?.state() ?? bus.logState())
    if (newest === undefined) {
      const isOld = everyMs > 0 && now - Date.parse(createdAt) >= everyMs && lastSeq > 0
      return isOld || (everyBytes > 0 && bytes >= everyBytes)
    }
    const end = await endOf(newest.id)
    const upTo = bus.order?.positionOf(lastSeq) ?? lastSeq
    if (everyMs > 0 && now - newest.begunAt >= everyMs) {
      if (rest?.cut === newest.id && rest.upTo === upTo) return false
      if (await isAnythingSince(bus, end)) return true
      rest = { cut: newest.id, upTo }
      return false
    }
    return everyBytes > 0 && ((upTo - end) * bytes) / Math.max(1, entries) >= everyBytes
  }

  /** Whoever is first; the other one looks again later. */
  async function claim(): Promise<boolean> {
    const { value, revision } = await bus.notes.entry(turnNote)
    const [, at = 0] = value === undefined ? [] : (decode(value) as [number, number, string])
    const now = clock.now()
    if (now - at < retryMs) return false
    try {
      await bus.notes.put(turnNote, encode([format, now, options.name]), revision)
      return true
    } catch (error) {
      if (isFault(error, 'bus.conflict')) return false
      throw error
    }
  }

  return {
    async consider(notes) {
      if (everyMs === 0 && everyBytes === 0) return
      if (!(await isDue(notes)) || !(await claim())) return
      const { whole } = take({ name: undefined, by: bySchedule })
      // Its note, a trace and doctor say what became of it.
      whole.catch(() => undefined)
    },
  }
}

const turnNote = 'schedule'
const format = 1
