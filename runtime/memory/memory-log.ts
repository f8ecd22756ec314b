/**
 * The log itself, in memory: what the server does with an append. It keeps the server's own rules
 * (checks are made against the state before a batch, all or nothing, contiguous, public addresses
 * are transformed), so that a law proved in virtual time holds on the real one.
 */
import type { Address } from '#protocol/address.ts'
import { Fault } from '#protocol/fault.ts'
import { transformedTo } from '#protocol/partition.ts'
import { matches, storedSubjectsOf } from '#protocol/subject.ts'
import type { Entry, LogEntry } from '#runtime/bus.ts'

export type Outside = { readonly id?: string | undefined; readonly traceparent?: string | undefined }

export type Log = {
  isStored(subject: string): boolean
  /** The sequence of the last entry; throws the fault of a refusal. */
  append(entries: readonly Entry[], outside?: Outside): number
  last(filter: string): LogEntry | undefined
  get(seq: number): LogEntry | undefined
  /** The first entry that matches at or after the sequence. */
  nextOf(isWanted: (subject: string) => boolean, from: number): LogEntry | undefined
  purge(filter: string, upTo: number): number
  removeEntry(seq: number): boolean
  /** Forgets what came after the sequence, and gives those sequences out again. */
  truncate(lastSeq: number): void
  state(): { readonly firstSeq: number; readonly lastSeq: number; readonly entries: number; readonly bytes: number }
  /** All of them, or those from a sequence on. */
  all(from?: number): LogEntry[]
}

export function openLog(name: string, partitions: number, now: () => number, firstSeq = 1): Log {
  const patterns = storedSubjectsOf(name).map(matcherOf)
  const publicAddress = matcherOf(`${name}.to.*.*`)
  /** Index 0 holds the sequence `base`; purged entries leave holes. */
  let entries: (LogEntry | undefined)[] = []
  let base = firstSeq
  let count = 0
  let bytes = 0
  const bySubject = new Map<string, number[]>()

  const lastSeq = (): number => base + entries.length - 1
  const isStored = (subject: string): boolean => patterns.some((isMatch) => isMatch(subject))

  function storedSubject(subject: string): string {
    if (!publicAddress(subject)) return subject
    const [, , kind, token] = subject.split('.') as [string, string, string, string]
    const address: Address = `${kind}/${token}`
    return `${name}.in.${transformedTo(address, partitions)}.x.${kind}.${token}`
  }

  function lastSeqOf(filter: string): number {
    if (!isPattern(filter)) return bySubject.get(filter)?.at(-1) ?? 0
    const isMatch = matcherOf(filter)
    for (let at = entries.length - 1; at >= 0; at--) {
      const entry = entries[at]
      if (entry !== undefined && isMatch(entry.subject)) return entry.seq
    }
    return 0
  }

  function remove(at: number): void {
    const entry = entries[at]
    if (entry === undefined) return
    entries[at] = undefined
    count--
    bytes -= sizeOf(entry)
    const seqs = bySubject.get(entry.subject) as number[]
    seqs.splice(seqs.indexOf(entry.seq), 1)
    if (seqs.length === 0) bySubject.delete(entry.subject)
  }

  /** The log begins at its first entry, or behind its last place when it is empty. */
  function forgetHoles(): void {
    const firstKept = entries.findIndex((entry) => entry !== undefined)
    const holes = firstKept < 0 ? entries.length : firstKept
    entries = entries.slice(holes)
    base += holes
  }

  function get(seq: number): LogEntry | undefined {
    return entries[seq - base]
  }

  return {
    isStored,
    append(wanted, outside) {
      const subjects = wanted.map((entry) => storedSubject(entry.subject))
      for (const [at, entry] of wanted.entries()) {
        // The real server answers nothing at all on such a subject.
        if (!isStored(entry.subject)) throw new Fault('bus.unreachable', { value: entry.subject })
        if (entry.check === undefined) continue
        const checked = entry.check.subject ?? subjects[at] ?? entry.subject
        // As the real one: a check cannot be decided on a subject that this batch writes before it.
        if (subjects.slice(0, at).includes(checked)) throw new Fault('bus.inProgress', { value: checked })
        const have = lastSeqOf(checked)
        if (have !== entry.check.seq) {
          throw new Fault('bus.conflict', { value: entry.subject, want: entry.check.seq, have })
        }
      }
      const at = now()
      for (const [index, { data }] of wanted.entries()) {
        const subject = subjects[index] as string
        const entry: LogEntry = {
          seq: lastSeq() + 1,
          subject,
          data,
          at,
          id: outside?.id,
          traceparent: outside?.traceparent,
        }
        entries.push(entry)
        count++
        bytes += sizeOf(entry)
        const seqs = bySubject.get(subject)
        if (seqs === undefined) bySubject.set(subject, [entry.seq])
        else seqs.push(entry.seq)
      }
      return lastSeq()
    },
    last: (filter) => get(lastSeqOf(filter)),
    get,
    nextOf(isWanted, from) {
      for (let at = Math.max(0, from - base); at < entries.length; at++) {
        const entry = entries[at]
        if (entry !== undefined && isWanted(entry.subject)) return entry
      }
      return undefined
    },
    purge(filter, upTo) {
      const isMatch = matcherOf(filter)
      const before = count
      for (let at = 0; at <= Math.min(upTo - base, entries.length - 1); at++) {
        const entry = entries[at]
        if (entry !== undefined && isMatch(entry.subject)) remove(at)
      }
      forgetHoles()
      return before - count
    },
    removeEntry(seq) {
      if (get(seq) === undefined) return false
      remove(seq - base)
      forgetHoles()
      return true
    },
    truncate(last) {
      while (lastSeq() > last && entries.length > 0) {
        remove(entries.length - 1)
        entries.pop()
      }
      if (entries.length === 0) base = Math.min(base, last + 1)
    },
    state: () => ({ firstSeq: base, lastSeq: lastSeq(), entries: count, bytes }),
    all: (from = base) => entries.slice(Math.max(0, from - base)).filter((entry) => entry !== undefined),
  }
}

function sizeOf(entry: LogEntry): number {
  return entry.subject.length + entry.data.length
}

function isPattern(filter: string): boolean {
  return filter.includes('*') || filter.endsWith('>')
}

/** One test per entry and reader: the common filters, a name and a prefix, do not split. */
export function matcherOf(filter: string): (subject: string) => boolean {
  if (!isPattern(filter)) return (subject) => subject === filter
  const prefix = filter.slice(0, -1)
  if (filter.endsWith('.>') && !filter.includes('*')) {
    return (subject) => subject.startsWith(prefix) && subject.length > prefix.length
  }
  return (subject) => matches(filter, subject)
}
