/**
 * What was found in a cut, and looking again with predicates of one's own. It serves "anybody can
 * look": a node looks at each cut by itself, and a program may hold one against what it knows.
 */
import type { CutCheck } from '#protocol/cut-check.ts'
import type { Archive } from '#store/archive.ts'
import type { Bus } from '#runtime/bus.ts'
import type { Clock } from '#runtime/clock.ts'
import { checkCut } from '#runtime/cuts/reading/check-cut.ts'
import { readCheck } from '#runtime/cuts/taking/cut-checks.ts'
import type { CutShelf } from '#runtime/cuts/reading/cut-shelf.ts'
import type { Invariant } from '#runtime/cuts/reading/invariant.ts'
import { keptBefore } from '#runtime/cuts/reading/kept-before.ts'
import { openCut } from '#runtime/cuts/reading/open-cut.ts'

export type CheckGiven = {
  readonly invariants?: readonly Invariant[] | undefined
  /** The most that one of them may take; 30 seconds by default. */
  readonly checkMs?: number | undefined
}

export type CutChecking = {
  /** What the nodes found in it; nothing while none has looked. */
  checked(cut: string): Promise<CutCheck | undefined>
  /** Looks here and now, and notes nothing; what an invariant remembers is what the nodes noted of it before. */
  check(cut: string, given?: CheckGiven): Promise<CutCheck>
}

type World = {
  readonly bus: Bus
  readonly clock: Clock
  readonly shelf: () => CutShelf
  readonly archive: () => Archive
  readonly wholeOf: (cut: string) => Promise<string>
}

const checkMostMs = 30_000

export function cutCheckingOf({ bus, clock, shelf, archive, wholeOf }: World): CutChecking {
  return {
    // By its id at once, so that a list of them costs one look each.
    checked: async (cut) => (await readCheck(bus, cut)) ?? (await readCheck(bus, await wholeOf(cut))),
    async check(cut, { invariants = [], checkMs = checkMostMs } = {}) {
      const view = await openCut({ shelf: shelf(), archive: archive() }, await wholeOf(cut))
      const checked = (earlier: string): Promise<CutCheck | undefined> => readCheck(bus, earlier)
      const before = await keptBefore({ shelf: shelf(), checked }, view.manifest, invariants)
      return await checkCut({ view, clock, invariants, before }, { name: 'here', checkMs })
    },
  }
}
