/**
 * What a node does about cuts: records its partitions' parts of them, hears of markers further on,
 * and takes one when it is asked to. It serves "a cut never stops the realm".
 */
import { tokenOf } from '#protocol/address.ts'
import { decode, encode } from '#protocol/codec.ts'
import { decodeCutCall } from '#protocol/cut-call.ts'
import type { CutManifest, KindInCut } from '#protocol/cut.ts'
import { isFault, storedFaultOf } from '#protocol/fault.ts'
import { subjects } from '#protocol/subject.ts'
import type { Archive } from '#store/archive.ts'
import type { Store } from '#store/store.ts'
import type { Bus } from '#runtime/bus.ts'
import type { Clock } from '#runtime/clock.ts'
import type { Blueprint } from '#runtime/core/blueprint.ts'
import type { Folder } from '#runtime/partition/folder.ts'
import type { Partition } from '#runtime/partition/partition.ts'
import type { CheckOptions } from './reading/check-cut.ts'
import { cutChecksOf } from './taking/cut-checks.ts'
import { cutShelfOf } from './reading/cut-shelf.ts'
import type { Invariant } from './reading/invariant.ts'
import { type KeeperOptions, openKeeper } from './keeping/keeper.ts'
import type { SliceOptions } from './taking/record-slice.ts'
import { recordSlices } from './taking/record-slices.ts'
import { type Asked, takeCut, type TakeOptions, type Taking } from './taking/take-cut.ts'

export type CutOptions = SliceOptions & TakeOptions & KeeperOptions & CheckOptions

type World = {
  readonly bus: Bus
  readonly store: Store
  readonly archive: Archive
  readonly clock: Clock
  readonly folder: Folder
  readonly owned: ReadonlyMap<number, Partition>
  readonly kinds: ReadonlyMap<string, Blueprint>
  readonly invariants: readonly Invariant[]
}

export type Cuts = {
  take(asked: Asked): Taking
  /** The log may not be trimmed now: a cut that is not archived refers to it. */
  readonly holdsTrim: boolean
  stop(): Promise<void>
}

export function cutsOf(world: World, options: CutOptions): Cuts {
  const { bus, store, archive, clock, folder, owned, kinds } = world
  const shelf = cutShelfOf({ bus, archive })
  const checks = cutChecksOf(world, options)
  const recorder = recordSlices({ bus, store, clock, folder, shelf }, options)
  const takings = new Set<Promise<CutManifest>>()
  let holds = 0

  const calling = bus.hear(subjects.cutCalled(bus.realm), (data) => {
    try {
      const { id, markers } = decodeCutCall(data)
      markers.forEach((marker, partition) => owned.get(partition)?.foresee(id, marker))
    } catch (error) {
      // Of a release that speaks otherwise: the markers themselves are met all the same.
      if (!isFault(error)) throw error
    }
  })

  const kindsNow = (): readonly KindInCut[] =>
    [...kinds.values()].map(({ kind, version, hash }) => ({ kind, version, hash }))

  function holdTrim(): () => void {
    holds++
    return () => void holds--
  }

  function take(asked: Asked): Taking {
    const taking = takeCut({ bus, archive, clock, shelf, kinds: kindsNow, holdTrim }, asked, options)
    takings.add(taking.whole)
    taking.whole.then(
      () => {
        takings.delete(taking.whole)
        checks.whole(taking.id)
      },
      () => takings.delete(taking.whole),
    )
    return taking
  }

  const keeper = openKeeper({ bus, archive, clock, shelf, kinds, take, isFirst: () => owned.has(0) }, options)
  keeper.start()
  const serving = bus.serve(subjects.cut(bus.realm, tokenOf(options.name)), async (data) => {
    const { name, by } = decode(data) as Asked
    const taking = take({ name, by })
    try {
      await taking.begun
      return encode({ id: taking.id })
    } catch (error) {
      return encode({ fault: storedFaultOf(error) })
    }
  })

  return {
    take,
    get holdsTrim() {
      return holds > 0 || recorder.waiting > 0
    },
    async stop() {
      calling.stop()
      serving.stop()
      await keeper.stop()
      await checks.stop()
      await recorder.stop()
    },
  }
}
