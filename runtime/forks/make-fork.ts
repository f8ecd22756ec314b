/**
 * Makes a fork: a second realm beside the first, from the instant of a cut, whose states are segments
 * of the cut, by reference where those lie beside it. It serves "forks are realms". Invariants: nothing
 * is written to the realm that the cut is of but that its cut is needed; what the fork is stands with
 * its log before anybody may serve it; one that dies in between holds its cut, and is made again or
 * removed under its name.
 */
import type { CutSlice } from '#protocol/cut.ts'
import { Fault } from '#protocol/fault.ts'
import type { Fork, ForkEffects, ForkTimers } from '#protocol/fork.ts'
import type { Bus, Registry } from '#runtime/bus.ts'
import type { Clock } from '#runtime/clock.ts'
import { type CutView, slicesOf } from '#runtime/cuts/reading/open-cut.ts'
import { checkTable } from '#runtime/cuts/restoring/check-table.ts'
import type { SealedBaseOf } from '#runtime/cuts/restoring/put-layers.ts'
import type { BaseOf } from '#runtime/cuts/restoring/put-states.ts'
import { type OnProgress, restoreCut, type Restored, verified } from '#runtime/cuts/restoring/restore.ts'
import type { Generations } from '#runtime/generations.ts'
import { trace } from '#runtime/trace.ts'

export type ForkOptions = {
  readonly as: string
  readonly effects: ForkEffects
  readonly timers: ForkTimers
  readonly partitions?: number | undefined
}

export type ForkWorld = {
  readonly clock: Clock
  readonly baseOf: BaseOf
  /** Of the fork. */
  readonly generations: Generations
  /** Definitions as the parent has them; nothing where there is none. */
  readonly kinds: Registry | undefined
  /** Its nodes unpack while they serve; without it all is unpacked here. */
  readonly sealedBaseOf?: SealedBaseOf | undefined
  /** The cut stays as long as the fork is there; says whether it lies where the fork's nodes find it. */
  readonly hold: () => Promise<boolean>
  /** All of it is there, and nobody serves it yet. */
  readonly beforeOpen?: ((bus: Bus) => Promise<void>) | undefined
}

export type Made = Restored & { readonly fork: Fork }

export async function makeFork(
  world: ForkWorld,
  view: CutView,
  options: ForkOptions,
  onProgress: OnProgress,
): Promise<Made> {
  const { generations, clock, baseOf, sealedBaseOf, beforeOpen, kinds } = world
  const { manifest } = view
  await checkFree(generations, options.as, manifest.id)
  const looked = await slicesOf(view)
  // Segments that stay where they are were never touched: each is looked at by the node that unpacks it.
  const canShare = sealedBaseOf !== undefined && (options.partitions ?? manifest.partitions) === manifest.partitions
  if (!canShare) await verified(view, onProgress)
  await checkTable(view, generations.maxPayload)
  const of = forkOf(view, looked, { ...options, madeAt: clock.now() })
  const isShared = (await world.hold()) && canShare
  if (canShare && !isShared) await verified(view, onProgress)
  const restored = await restoreCut(
    { generations, clock, baseOf, sealedBaseOf, beforeOpen },
    view,
    {
      ...{ looked, partitions: options.partitions, fork: { of, kinds } },
      timers: options.timers === 'frozen' ? 'frozen' : 'deadline',
      ...{ isLazy: true, isShared },
    },
    onProgress,
  )
  const { actors, envelopes } = restored
  trace({ is: 'fork.made', fork: options.as, of: of.of, cut: of.cut, actors, envelopes })
  return { ...restored, fork: of }
}

/** One of the same cut that was begun and did not end is begun again. */
async function checkFree(generations: Generations, value: string, cut: string): Promise<void> {
  const present = await generations.newest()
  if (present === undefined || (present.state === 'restoring' && present.fork?.cut === cut)) return
  const { fork } = present
  throw new Fault('fork.taken', { value, what: fork === undefined ? 'no fork' : `a fork of "${fork.of}"` })
}

function forkOf(
  { manifest }: CutView,
  slices: readonly CutSlice[],
  { effects, timers, madeAt }: Pick<ForkOptions, 'effects' | 'timers'> & { readonly madeAt: number },
): Fork {
  const { realm, id, generation, log, partitions, begunAt } = manifest
  const markers = slices.toSorted((a, b) => a.partition - b.partition).map(({ marker }) => marker)
  return { of: realm, cut: id, generation, log, partitions, markers, effects, timers, cutAt: begunAt, madeAt }
}
