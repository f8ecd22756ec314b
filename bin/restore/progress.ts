/** How far a restore is, on standard error: each step once, and the long ones now and then. */
import type { Call } from '#bin/command.ts'
import { systemClock } from '#runtime/index.ts'
import type { OnProgress, RestoreProgress } from '#runtime/cuts/restoring/restore.ts'

const everyMs = 1000

export function progressOf({ out, json }: Call): OnProgress {
  let last: RestoreProgress['is'] | undefined
  let saidAt = 0
  return (progress) => {
    const isEnd = progress.done === progress.of
    if (json || (progress.is === last && !isEnd && systemClock.now() - saidAt < everyMs)) return
    last = progress.is
    saidAt = systemClock.now()
    out.note(textOf(progress))
  }
}

function textOf({ is, done, of }: RestoreProgress): string {
  const count = of === undefined ? String(done) : `${done} of ${of}`
  switch (is) {
    case 'verified':
      return `looked at ${count} segments`
    case 'sealed':
      return 'the realm takes nothing more until it is open again'
    case 'states':
      return `states: ${count} partitions`
    case 'flights':
      return `in flight: ${count} envelopes`
    case 'replayed':
      return `delivered again: ${count} events`
    case 'open':
      return 'open: nodes may serve it'
  }
}
