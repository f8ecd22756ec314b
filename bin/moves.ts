/**
 * Partitions come and go many at a time; a person wants one line for all of them. Gathers what
 * the traces tell until it has been quiet for a moment, or a second is over. Invariant: nothing that moved is left out.
 */
import { type Clock, type Trace } from '#runtime/index.ts'
import { plural, rangesText } from './layout.ts'
import type { Told } from './trace-text.ts'

export type Move = {
  readonly told: Told
  readonly taken: readonly number[]
  readonly given: readonly number[]
  /** Claimed by another without having been given. */
  readonly lost: readonly number[]
  readonly owned: number
}

export type Moves = {
  hear(event: Trace): void
  /** Says now what is still kept back. */
  flush(): void
}

/** Longer than the pause between two hand-overs of a row, and too short to be waited for. */
const quietMs = 250
/** A long row of hand-overs shows how far it is. */
const longestMs = 1_000

export function movesOf(clock: Clock, say: (move: Move) => void): Moves {
  const owned = new Set<number>()
  let [taken, given, lost] = [new Set<number>(), new Set<number>(), new Set<number>()]
  let alarm: { cancel(): void } | undefined
  let since: number | undefined

  function flush(): void {
    alarm?.cancel()
    alarm = undefined
    since = undefined
    const moved = [taken, given, lost].map((some) => [...some].toSorted((a, b) => a - b))
    const [tookAll = [], gaveAll = [], lostAll = []] = moved
    const parts = [
      ...(taken.size === 0 ? [] : [`took ${amountText(tookAll)}`]),
      ...(given.size === 0 ? [] : [`gave away ${amountText(gaveAll)}`]),
      ...(lost.size === 0 ? [] : [`lost ${amountText(lostAll)} to others`]),
    ]
    const text = `${parts.join(', ')}; owns ${owned.size} now`
    const level = lost.size === 0 ? 'info' : 'warn'
    if (parts.length > 0)
      say({ told: { level, text }, taken: tookAll, given: gaveAll, lost: lostAll, owned: owned.size })
    ;[taken, given, lost] = [new Set(), new Set(), new Set()]
  }

  function later(): void {
    const now = clock.now()
    since ??= now
    alarm?.cancel()
    alarm = clock.at(Math.min(now + quietMs, since + longestMs), flush)
  }

  return {
    hear(event) {
      if (event.is === 'partition.claimed') {
        owned.add(event.partition)
        taken.add(event.partition)
      } else if (event.is === 'partition.released' || event.is === 'partition.lost') {
        owned.delete(event.partition)
        // Of one that failed the trace itself says why.
        if (event.is === 'partition.released') given.add(event.partition)
        else if (event.fault.code === 'partition.lost') lost.add(event.partition)
      } else return
      later()
    },
    flush,
  }
}

function amountText(partitions: readonly number[]): string {
  return `${plural(partitions.length, 'partition')} (${rangesText(partitions)})`
}
