/**
 * What those may do with cuts who keep them: verify, compare, take out into a file and in again,
 * remove. It serves "verify, diff, rm, export, import". Invariant: looking changes nothing, not even
 * what this machine keeps.
 */
import type { ActorKind } from '#protocol/actor.ts'
import { tokenOf } from '#protocol/address.ts'
import { decode, encode } from '#protocol/codec.ts'
import type { CutDrill } from '#protocol/cut-drill.ts'
import type { CutNote } from '#protocol/cut.ts'
import { isFault } from '#protocol/fault.ts'
import { subjects } from '#protocol/subject.ts'
import type { Archive } from '#store/archive.ts'
import type { Bus } from '#runtime/bus.ts'
import type { Clock } from '#runtime/clock.ts'
import { blueprintOf } from '#runtime/core/blueprint.ts'
import { type CutCopy, keepDrill, readCopy, readDrills } from '#runtime/cuts/keeping/chores.ts'
import { type FileProgress, openCutFile, writeCutFile } from '#runtime/cuts/reading/cut-file.ts'
import type { CutShelf } from '#runtime/cuts/reading/cut-shelf.ts'
import { readingOf, storedSource } from '#runtime/cuts/reading/cut-source.ts'
import { type ActorDifference, diffCuts, type DiffOptions } from '#runtime/cuts/reading/diff-cuts.ts'
import { drillCut, type DrillProgress } from '#runtime/cuts/keeping/drill.ts'
import { importCut, type ImportProgress } from '#runtime/cuts/keeping/import-cut.ts'
import { openCut } from '#runtime/cuts/reading/open-cut.ts'
import { removeCut } from '#runtime/cuts/keeping/remove-cut.ts'
import { isAnythingSince } from '#runtime/cuts/keeping/since-cut.ts'
import { type Verified, verifyCut, type VerifyProgress } from '#runtime/cuts/reading/verify-cut.ts'
import type { Operations } from './operate.ts'

export type CutUpkeep = {
  /** Out of all lists at once; its bytes go once nothing can need them. */
  remove(cut: string): Promise<CutNote>
  /** Every signature, hash and segment as they lie in the object store. */
  verify(cut: string, onProgress?: (progress: VerifyProgress) => void): Promise<Verified>
  /** Restores it into a scratch realm and throws that away; the report is kept where `drills` and doctor find it. */
  drill(
    cut: string,
    actors: readonly ActorKind[],
    asked: { readonly by: string; readonly onProgress?: (progress: DrillProgress) => void },
  ): Promise<CutDrill>
  /** Reports of the last ones, the newest last, also of cuts that are gone. */
  drills(): Promise<readonly CutDrill[]>
  /** Nodes that take no part in cuts: they lack the key, as a rule. */
  absent(): Promise<readonly string[]>
  /** Whether anything stands on the log behind a cut. */
  isBehind(cut: string): Promise<boolean>
  /** The last copy to a second place. */
  copied(): Promise<CutCopy | undefined>
  /** Partition by partition, in the order of addresses. */
  diff(a: string, b: string, options?: DiffOptions): AsyncIterable<ActorDifference>
  /** One file that stands alone; it must not be there. */
  exportTo(
    cut: string,
    path: string,
    onProgress?: (progress: FileProgress) => void,
  ): Promise<{ readonly bytes: number }>
  /** Its note once all of it is in the object store. */
  importFrom(path: string, onProgress?: (progress: ImportProgress) => void): Promise<CutNote>
}

type World = {
  readonly bus: Bus
  readonly clock: Clock
  readonly operate: Pick<Operations, 'nodes'>
  readonly shelf: () => CutShelf
  readonly archive: () => Archive
  /** One that is whole, by its id or name. */
  readonly wholeOf: (cut: string) => Promise<string>
  readonly anyOf: (cut: string) => Promise<CutNote>
}

const heldMs = 10_000

export function cutUpkeepOf({ bus, clock, operate, shelf, archive, wholeOf, anyOf }: World): CutUpkeep {
  const { name: realm } = bus.realm
  const stored = storedSource(bus.cuts)

  /** Nodes that do not answer are passed over: they hold nothing that could be used now. */
  async function heldBy(names: readonly string[]): Promise<ReadonlyMap<string, readonly string[]>> {
    const found = new Map<string, string[]>()
    const { nodes } = await operate.nodes()
    for (const { name } of nodes) {
      try {
        const answer = await bus.request(subjects.cutHeld(bus.realm, tokenOf(name)), encode(names), heldMs)
        for (const held of decode(answer) as string[]) found.set(held, [...(found.get(held) ?? []), name])
      } catch (error) {
        if (!isFault(error)) throw error
      }
    }
    return found
  }

  async function isTaking(node: string): Promise<boolean> {
    try {
      await bus.request(subjects.cutHeld(bus.realm, tokenOf(node)), encode([]), heldMs)
      return true
    } catch (error) {
      if (isFault(error, 'bus.nobody')) return false
      throw error
    }
  }

  const view = async (cut: string) =>
    openCut({ shelf: readingOf(stored, archive(), realm), archive: archive() }, await wholeOf(cut))

  return {
    async remove(cut) {
      const { id } = await anyOf(cut)
      return await removeCut(shelf(), id, { realm, at: clock.now() })
    },
    async verify(cut, onProgress) {
      const named = { cut: await wholeOf(cut), realm }
      return await verifyCut({ source: stored, archive: archive(), heldBy }, named, onProgress)
    },
    async drill(cut, actors, { by, onProgress }) {
      const kinds = new Map(actors.map((one) => [one.kind, blueprintOf(one)]))
      const named = { cut: await wholeOf(cut), realm, node: 'client', by }
      const { maxPayload } = bus
      const report = await drillCut({ source: stored, archive: archive(), clock, maxPayload, kinds }, named, onProgress)
      await keepDrill(bus.notes, report)
      return report
    },
    drills: () => readDrills(bus.notes),
    copied: () => readCopy(bus.notes),
    async absent() {
      const { nodes } = await operate.nodes()
      const asked = nodes.map(async ({ name }) => ((await isTaking(name)) ? [] : [name]))
      return (await Promise.all(asked)).flat()
    },
    async isBehind(cut) {
      const { slices } = await shelf().manifest(cut)
      return await isAnythingSince(bus, Math.max(...slices.map(({ commit }) => commit)))
    },
    async *diff(a, b, options) {
      yield* diffCuts(await view(a), await view(b), options)
    },
    async exportTo(cut, path, onProgress) {
      const id = await wholeOf(cut)
      return await writeCutFile(
        path,
        { source: stored, archive: archive(), realm },
        { cut: id, ...(onProgress && { onProgress }) },
      )
    },
    async importFrom(path, onProgress) {
      await using file = await openCutFile(path)
      return await importCut({ bus, clock, archive: archive(), shelf: shelf() }, file, {
        node: 'import',
        ...(onProgress && { onProgress }),
      })
    },
  }
}
