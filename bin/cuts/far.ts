/** Says how far long work is, to standard error: seldom enough to be read, and not at all when it is short. */
import type { Call } from '#bin/command.ts'
import { systemClock } from '#runtime/index.ts'

const everyMs = 2_000

export function farOf<P>({ out, json }: Call, textOf: (progress: P) => string): (progress: P) => void {
  let told = systemClock.now()
  return (progress) => {
    if (json || systemClock.now() - told < everyMs) return
    told = systemClock.now()
    out.note(textOf(progress))
  }
}
