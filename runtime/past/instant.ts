/**
 * An instant of the past, and what of a partition's log belongs to it. It serves "nearest cut and
 * fold to any sequence or instant". Invariant: what was committed at or before it, and nothing else,
 * is in the state of that instant, so an instant between two commits is that of the first.
 */
import { Fault } from '#protocol/fault.ts'

/** A cut, a place on the log, or milliseconds since 1970. */
export type Instant = { readonly cut: string } | { readonly seq: number } | { readonly time: number }

/** Up to where commits count: those at or before a place, or made at or before a time. */
export type Bound = { readonly seq: number } | { readonly time: number }

/** A commit, as far as it has a place in time. */
export type Dated = { readonly seq: number; readonly at: number }

export function isWithin(bound: Bound, { seq, at }: Dated): boolean {
  return 'seq' in bound ? seq <= bound.seq : at <= bound.time
}

const agoPattern = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/
const clockPattern = /^(\d{1,2}):(\d{2})(?::(\d{2}))?$/
const datePattern = /^\d{4}-\d{2}-\d{2}/

const dayMs = 86_400_000

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: dayMs }

/** What a person types; the prefixes `cut:`, `seq:` and `time:` say which it is where that is not clear. */
export function parseInstant(text: string, now: number): Instant {
  const [, prefix, rest = text] = /^(cut|seq|time):(.*)$/s.exec(text) ?? []
  if (prefix === 'cut') return { cut: rest }
  if (prefix === 'seq' || (prefix === undefined && /^\d+$/.test(rest))) return { seq: placeOf(rest) }
  const time = timeOf(rest, now)
  if (time !== undefined) return { time }
  if (prefix === 'time') throw new Fault('instant.unreadable', { value: text, reason: 'it cannot be read as a time' })
  return { cut: rest }
}

function placeOf(text: string): number {
  const seq = Number(text)
  if (/^\d+$/.test(text) && Number.isSafeInteger(seq)) return seq
  throw new Fault('instant.unreadable', { value: text, reason: 'a place is a whole number' })
}

function timeOf(text: string, now: number): number | undefined {
  const [, amount, unit = ''] = agoPattern.exec(text) ?? []
  if (amount !== undefined) return now - Number(amount) * (unitMs[unit] ?? 1)
  const [, hours, minutes, seconds = '0'] = clockPattern.exec(text) ?? []
  if (hours !== undefined) {
    const day = new Date(now)
    day.setHours(Number(hours), Number(minutes), Number(seconds), 0)
    // Of a time of day that is still to come the last one is meant.
    return day.getTime() - (day.getTime() > now ? dayMs : 0)
  }
  if (!datePattern.test(text)) return undefined
  const time = Date.parse(text)
  if (Number.isNaN(time)) throw new Fault('instant.unreadable', { value: text, reason: 'there is no such time' })
  return time
}

export function instantText(instant: Instant): string {
  if ('cut' in instant) return `the cut ${instant.cut}`
  return 'seq' in instant ? `place ${instant.seq}` : new Date(instant.time).toISOString()
}
