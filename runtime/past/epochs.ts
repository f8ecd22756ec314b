/**
 * Which log an instant belongs to: a restore begins another one, and the ones before stay readable.
 * It serves "any actor at any past instant", also right across restores. Invariant: a place belongs
 * to one log for ever, because each begins with positions above all that the one before ever gave out.
 */
import { subjects } from '#protocol/subject.ts'
import type { Bus } from '#runtime/bus.ts'
import type { Clock } from '#runtime/clock.ts'
import { positionAt } from '#runtime/core/incarnations.ts'
import { decodeMendHead } from '#runtime/core/mend-row.ts'
import type { Generations } from '#runtime/generations.ts'
import { openPlacedView } from '#runtime/mending/placed-view.ts'
import type { Bound } from './instant.ts'

/** One generation of the realm, by positions. */
export type Epoch = {
  readonly bus: Bus
  /** Its nodes can be asked. */
  readonly isPresent: boolean
  /** Its first position; nothing of an earlier one was committed here. */
  readonly from: number
  readonly createdAt: number
  /** The cut that it was restored from. */
  readonly cut: string | undefined
}

export type OpenGenerations = () => Promise<Generations & Partial<AsyncDisposable>>

export type EpochWorld = {
  readonly bus: Bus
  readonly clock: Clock
  /** Where earlier generations are found; without it there is the present one alone. */
  readonly generations?: OpenGenerations | undefined
}

export type Epochs = AsyncDisposable & {
  /** The one in which that instant lies. */
  at(bound: Bound): Promise<Epoch>
  of(generation: number): Promise<Epoch | undefined>
}

export function epochsOf({ bus, clock, generations }: EpochWorld, options: { readonly retryMs: number }): Epochs {
  const opened = new Map<number, Promise<Epoch | undefined>>()
  const closes: (() => Promise<unknown>)[] = []
  let source: Promise<(Generations & Partial<AsyncDisposable>) | undefined> | undefined

  async function find(generation: number): Promise<Epoch | undefined> {
    if (generation === bus.realm.generation) return await epochOf(bus, true)
    source ??= Promise.resolve(generations?.())
    const raw = await (await source)?.past(generation)
    if (raw === undefined) return undefined
    const view = await openPlacedView({ bus: raw, clock }, options)
    closes.push(() => view.close())
    return await epochOf(view, false)
  }

  function of(generation: number): Promise<Epoch | undefined> {
    const known = opened.get(generation) ?? find(generation)
    opened.set(generation, known)
    return known
  }

  return {
    of,
    async at(bound) {
      let nearest: Epoch | undefined
      for (let generation = bus.realm.generation; generation >= 0; generation--) {
        const epoch = await of(generation)
        // One that was thrown away is passed over: those before it may still be there.
        if (epoch === undefined) continue
        nearest = epoch
        if ('seq' in bound ? epoch.from <= bound.seq : epoch.createdAt <= bound.time) break
      }
      return nearest as Epoch
    },
    async [Symbol.asyncDispose]() {
      for (const close of closes) await close()
      await (await source)?.[Symbol.asyncDispose]?.()
    },
  }
}

async function epochOf(bus: Bus, isPresent: boolean): Promise<Epoch> {
  const [{ createdAt }, table] = await Promise.all([bus.logState(), bus.last(subjects.mended(bus.realm))])
  const plain = { bus, isPresent, from: 0, createdAt: Date.parse(createdAt), cut: undefined }
  if (table === undefined || bus.realm.generation === 0) return plain
  const { mends, lineage } = decodeMendHead(table.data)
  const [after, incarnation] = mends[0] ?? [0, 0]
  return { ...plain, from: positionAt(incarnation, after + 1), cut: lineage[0]?.[1] }
}
