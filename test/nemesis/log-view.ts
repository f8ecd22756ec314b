/**
 * The log as one who stands outside sees it: by positions, so that what the server lost and the
 * nodes appended again stands where it stood. Invariant: an entry has the instant at which it was
 * seen first, for judges go by when something was asked for, and a copy does not tell.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { subjects } from '#protocol/subject.ts'
import type { Bus, LogEntry } from '#runtime/bus.ts'
import { systemClock } from '#runtime/clock.ts'
import { placedLogOf } from '#runtime/mending/placed-log.ts'

export type LogView = {
  readonly entries: readonly LogEntry[]
  /** Reads all of it again, as it does by itself when positions mean something else. */
  again(): Promise<void>
  stop(): void
}

/** A mending writes its table several times. */
const quietMs = 100

export async function openLogView(raw: Bus, onEntry: (entry: LogEntry) => void): Promise<LogView> {
  const seenAt = new Map<string, number>()
  let entries: LogEntry[] = []
  let stop = (): Promise<void> => Promise.resolve()
  let turn = Promise.resolve()
  let asked = 0

  function again(): Promise<void> {
    turn = turn.catch(() => undefined).then(readAgain)
    return turn
  }

  async function readAgain(): Promise<void> {
    await stop()
    const mine: LogEntry[] = (entries = [])
    const { bus } = await placedLogOf({ bus: raw, clock: systemClock }, { retryMs: 10 })
    const reading = await bus.read({
      filter: `${raw.realm.name}.>`,
      from: 1,
      onEntry(found) {
        // The table of a mending speaks of sequences, and is nobody's record.
        if (mine !== entries || found.subject.endsWith('.commit.mended')) return
        const key = `${found.seq} ${found.subject}`
        const at = seenAt.get(key)
        const entry = at === undefined ? found : { ...found, at }
        mine.push(entry)
        if (at !== undefined) return
        seenAt.set(key, found.at)
        onEntry(entry)
      },
    })
    stop = () => reading.stop()
  }

  const mendings = raw.hear(subjects.mended(raw.realm), () => {
    const mine = ++asked
    // Without a server nothing can be read; who struck it reads again when it is back.
    void pause(quietMs)
      .then(() => (mine === asked ? again() : undefined))
      .catch(() => undefined)
  })
  await again()
  return {
    get entries() {
      return entries
    },
    again,
    stop: () => mendings.stop(),
  }
}
