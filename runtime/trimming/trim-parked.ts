/**
 * Forgets parked envelopes that lay there for longer than they are kept, or take more of the disk
 * than they may: the oldest go first. Invariants: what goes is counted in a trace; an envelope in
 * several entries goes whole; what was replayed or dropped meanwhile counts for nothing.
 */
import { isParkedRest } from '#protocol/parked.ts'
import type { Bus, LogEntry, Reading } from '#runtime/bus.ts'
import type { Clock } from '#runtime/clock.ts'
import { trace } from '#runtime/trace.ts'

export type ParkedOptions = {
  readonly parkedKeepMs: number
  readonly parkedBytes: number
}

/** `seq`: of its last entry. */
type Parked = { seq: number; readonly at: number; bytes: number }

type World = { readonly bus: Bus; readonly clock: Clock }

/** The last one may be replayed or dropped before it is read, and then it never comes. */
const readMostMs = 10_000

/** A round; resolves with the number of entries that went. */
export function parkedTrimmerOf({ bus, clock }: World, options: ParkedOptions): () => Promise<number> {
  const filter = `${bus.realm.name}.parked.>`
  let known: Parked[] = []
  let read = 0

  /** Reads what came since; all of it when `read` is 0. */
  async function look(): Promise<void> {
    const end = (await bus.lastMatching(filter)) ?? 0
    if (end <= read) return
    let reading: Reading | undefined
    let alarm: { cancel(): void } | undefined
    try {
      await new Promise<void>((resolve, reject) => {
        const onEntry = (entry: LogEntry): void => {
          if (entry.seq > end || entry.seq <= read) return
          read = entry.seq
          note(entry)
          if (entry.seq === end) resolve()
        }
        bus.read({ filter, from: read + 1, onEntry }).then((opened) => (reading = opened), reject)
        alarm = clock.at(clock.now() + readMostMs, resolve)
      })
    } finally {
      alarm?.cancel()
      await reading?.stop()
    }
  }

  function note({ seq, at, data }: LogEntry): void {
    const last = known.at(-1)
    if (last !== undefined && isParkedRest(data)) {
      last.seq = seq
      last.bytes += data.length
    } else known.push({ seq, at, bytes: data.length })
  }

  function expired(): { readonly count: number; readonly because: 'age' | 'bytes' } {
    const since = clock.now() - options.parkedKeepMs
    const old = known.findLastIndex(({ at }) => at < since) + 1
    let bytes = known.reduce((sum, one) => sum + one.bytes, 0)
    let many = 0
    while (bytes > options.parkedBytes) bytes -= (known[many++] as Parked).bytes
    return many > old ? { count: many, because: 'bytes' } : { count: old, because: 'age' }
  }

  return async () => {
    await look()
    if (expired().count === 0) return 0
    // Some may have been replayed or dropped since they were counted.
    known = []
    read = 0
    await look()
    const { count, because } = expired()
    if (count === 0) return 0
    const upTo = (known[count - 1] as Parked).seq
    const { removed } = await bus.purge(filter, upTo)
    known = known.slice(count)
    if (removed > 0) trace({ is: 'parked.expired', removed, upTo, because })
    return removed
  }
}
