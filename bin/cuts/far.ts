/** Says how far long work is, to standard error: seldom enough to be read, and not at all when it is short. */
import type { Call } from '#bin/command.ts'
import { systemClock } from '#runtime/index.ts'

const everyMs = 2_000

export function farOf({ out, json }: Call, text: (done: number, of: number) => string) {
  let told = systemClock.now()
  return ({ done, of }: { readonly done: number; readonly of: number }): void => {
    if (json || systemClock.now() - told < everyMs) return
    told = systemClock.now()
    out.note(text(done, of))
  }
}
