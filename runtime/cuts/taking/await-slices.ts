/**
 * Waits for the slices of a cut as they become durable. It serves "it exists only when it is whole".
 * Invariants: a slice counts once its document is in the object store; who says that there will be
 * none ends the waiting, and so does the deadline. It listens from before the markers are stored.
 */
import { cutNames, type CutSlice, decodeSlice } from '#protocol/cut.ts'
import { decode, encode } from '#protocol/codec.ts'
import { Fault, isFault } from '#protocol/fault.ts'
import { subjects } from '#protocol/subject.ts'
import type { Bus } from '#runtime/bus.ts'
import type { Clock } from '#runtime/clock.ts'
import { inOrder } from '#runtime/cuts/reading/in-order.ts'

export type Found = { readonly slice: CutSlice; readonly bytes: Uint8Array }

/** Of one partition: its document is stored, or will not be. */
export type SliceTold = {
  readonly cut: string
  readonly partition: number
  /** Nothing: it is too large to be told, and read from the object store. */
  readonly bytes?: Uint8Array | undefined
  readonly failure?: string | undefined
}

/** What is larger may be more than a server takes at once. */
const tellBytes = 60_000
const lookMs = 250
const looksAtOnce = 8

export function tellSlice(bus: Bus, { cut, partition, bytes, failure }: SliceTold): void {
  const told = bytes !== undefined && bytes.length < tellBytes ? bytes : null
  bus.tell(subjects.cutSliced(bus.realm), encode([cut, partition, told, failure ?? null]))
}

export type AwaitedSlices = {
  all(deadline: number, deadlineMs: number): Promise<readonly Found[]>
  stop(): void
}

export function awaitSlices({ bus, clock }: { readonly bus: Bus; readonly clock: Clock }, cut: string): AwaitedSlices {
  const { partitions } = bus.realm
  const found = new Map<number, Found>()
  /** Stored, and not read yet. */
  const told = new Set<number>()
  let failure: string | undefined
  let wake = Promise.withResolvers<void>()

  const hearing = bus.hear(subjects.cutSliced(bus.realm), (data) => {
    const [id, partition, bytes, failed] = decode(data) as [string, number, Uint8Array | null, string | null]
    if (id !== cut) return
    if (failed !== null) failure ??= failed
    else if (bytes === null || !take(partition, bytes)) told.add(partition)
    wake.resolve()
  })

  /** What cannot be read here, of another release perhaps, is looked at again where it is stored. */
  function take(partition: number, bytes: Uint8Array): boolean {
    try {
      found.set(partition, { slice: decodeSlice(bytes), bytes })
      return true
    } catch (error) {
      if (isFault(error)) return false
      throw error
    }
  }

  const missing = (): number[] =>
    Array.from({ length: partitions }, (_, partition) => partition).filter((partition) => !found.has(partition))

  async function look(partition: number): Promise<void> {
    told.delete(partition)
    // Its owner's archive has it sooner; what stands there alone may die with that machine.
    const bytes = await bus.cuts.get(cutNames.slice(cut, partition))
    if (bytes !== undefined) found.set(partition, { slice: decodeSlice(bytes), bytes })
  }

  return {
    async all(deadline, deadlineMs) {
      for (let looks = 1; missing().length > 0; looks++) {
        if (failure !== undefined) throw new Fault('cut.abandoned', { value: cut, reason: failure })
        // One that was not told of is looked for too, but not by all of them all the time.
        await inOrder(looks % 4 === 0 ? missing() : [...told].filter((one) => !found.has(one)), look, looksAtOnce)
        if (missing().length === 0) break
        if (clock.now() >= deadline) throw late(cut, missing(), deadlineMs)
        const alarm = clock.at(Math.min(deadline, clock.now() + lookMs), () => wake.resolve())
        await wake.promise
        wake = Promise.withResolvers()
        alarm.cancel()
      }
      return Array.from({ length: partitions }, (_, partition) => found.get(partition) as Found)
    },
    stop: () => hearing.stop(),
  }
}

function late(value: string, missing: readonly number[], deadlineMs: number): Fault {
  const reason = `after ${deadlineMs} ms the slices of partitions ${missing.join(', ')} are missing, because nobody owns them or their owner was lost meanwhile`
  return new Fault('cut.abandoned', { value, reason })
}
