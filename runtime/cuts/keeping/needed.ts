/**
 * What the cuts that there are need. It serves the sweep. Invariant: where it cannot be said what a
 * cut needs, because a document of it is missing or not understood, it says so by a fault, and
 * nothing is swept: what cannot be read here may be read from another copy.
 */
import { setImmediate } from 'node:timers/promises'
import { cutNames, type CutNote, decodeSlice } from '#protocol/cut.ts'
import type { Archive } from '#store/archive.ts'
import { type CutSource, outlineOf, segmentsOf } from '#runtime/cuts/reading/cut-source.ts'

export type Needed = {
  /** Cuts whose documents stay. */
  readonly cuts: ReadonlySet<string>
  readonly segments: ReadonlySet<string>
}

export type NeededBy = {
  /** `names`: of all documents there are where it is swept. */
  of(notes: readonly CutNote[], names: Iterable<string>): Promise<Needed>
}

const addedAtOnce = 20_000

type World = {
  readonly source: CutSource
  readonly archive: Pick<Archive, 'hashOf' | 'isSigned'>
  readonly realm: string
}

export function neededBy({ source, archive, realm }: World): NeededBy {
  /** What a whole cut names never changes. */
  const known = new Map<string, readonly string[]>()

  async function ofWhole(cut: string): Promise<readonly string[]> {
    const found = known.get(cut) ?? [...(await outlineOf(source, archive, { cut, realm })).segments.keys()]
    known.set(cut, found)
    return found
  }

  /** As far as its slices are there; what none of them names yet is too young to be swept. */
  async function ofOpen(names: readonly string[]): Promise<readonly string[]> {
    const found: string[] = []
    for (const name of names) {
      const bytes = await source.document(name)
      if (bytes !== undefined) found.push(...segmentsOf(decodeSlice(bytes)).map(({ id }) => id))
    }
    return found
  }

  return {
    async of(notes, names) {
      const living = notes.filter(({ state }) => state === 'begun' || state === 'recorded' || state === 'whole')
      const segments = new Set<string>()
      let seen = 0
      const documents = [...names]
      for (const { id, state } of living) {
        for (const segment of await (state === 'whole' ? ofWhole(id) : ofOpen(slicesAmong(documents, id)))) {
          segments.add(segment)
          // Whoever steps beside it waits for no more than some of them.
          if (++seen % addedAtOnce === 0) await setImmediate()
        }
      }
      for (const cut of known.keys()) if (!living.some(({ id }) => id === cut)) known.delete(cut)
      return { cuts: new Set(living.map(({ id }) => id)), segments }
    },
  }
}

function slicesAmong(documents: readonly string[], cut: string): readonly string[] {
  const prefix = cutNames.slice(cut, 0).slice(0, -1)
  return documents.filter((name) => name.startsWith(prefix))
}
