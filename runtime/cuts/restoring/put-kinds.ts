/**
 * The definitions of kinds as they were agreed on when the cut was taken: what was rolled out since
 * was rolled out of the world that goes on. It serves "after a bad deploy". Invariant: a definition
 * that the states of the cut were made by is never taken away; a kind that came later stays known.
 */
import type { Bus, Registry } from '#runtime/bus.ts'
import { changeEntry } from '#runtime/change-entry.ts'
import type { Generations } from '#runtime/generations.ts'
import { sequenceIn } from '#runtime/core/incarnations.ts'
import type { CutView } from '#runtime/cuts/reading/open-cut.ts'

/** `from`: of the realm that the cut is of, when this is another one. */
export async function putKinds(bus: Bus, instant: number, from: Registry = bus.registry): Promise<void> {
  for (const [kind] of await from.all()) {
    const before = await from.asOf(kind, instant)
    if (before === undefined || before.length === 0) continue
    // A conflict is another restore, or our own answer that was lost.
    await changeEntry(bus.registry, kind, (value) =>
      value !== undefined && Buffer.from(before).equals(value) ? undefined : before,
    )
  }
}

/** By the server's clock where its log is at hand; the taker's may be another. */
export async function instantOf(generations: Pick<Generations, 'past'>, { manifest }: CutView): Promise<number> {
  const [slice] = manifest.slices
  const past = await generations.past(manifest.generation)
  if (past === undefined || slice === undefined) return manifest.begunAt
  try {
    const { createdAt } = await past.logState()
    const marker = createdAt === manifest.log ? await past.get(sequenceIn(slice.marker)) : undefined
    return marker?.subject.endsWith(`.m.cut.${manifest.id}`) === true ? marker.at : manifest.begunAt
  } finally {
    await past.close()
  }
}
