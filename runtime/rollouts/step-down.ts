/**
 * Brings the actors of one partition back to an earlier version of their kind, while it is served:
 * first all that are stored, in slices, then, when nothing is read any more, those that were
 * stepped meanwhile. It serves the clause "its new state". Invariant: once it is frozen, nothing in
 * the partition stands above that version but what could not be taken back and is set aside whole.
 */
import { type Address, kindOf } from '#protocol/address.ts'
import { storedFaultOf } from '#protocol/fault.ts'
import { type ActorState, stateOfArray } from '#protocol/state.ts'
import type { Change } from '#protocol/record.ts'
import type { Store } from '#store/store.ts'
import { type Clock, pause } from '#runtime/clock.ts'
import type { Staged } from '#runtime/core/compose.ts'
import { stateOf, type Live } from '#runtime/core/live.ts'
import type { LiveNeeds } from '#runtime/core/needs.ts'
import { isAbove, steppedDown } from '#runtime/core/step-down.ts'
import type { Resident, Residents } from '#runtime/partition/residents.ts'
import { trace } from '#runtime/trace.ts'

export type StepDown = {
  /** Nothing is stepped any more. */
  readonly isFrozen: boolean
  /** All that are stored; resolves when that is on the log. */
  begin(kind: string, to: number): Promise<void>
  /** What was stepped since, when the reading has ended; nothing is stepped after it. */
  finish(): Promise<void>
  /** It is not wanted any more. */
  forget(kind: string): void
  /** An actor's state was changed by a step. */
  touched(address: Address): void
}

type World = {
  readonly partition: number
  readonly store: Store
  readonly clock: Clock
  readonly residents: Residents
  readonly needsOf: (live: Live) => LiveNeeds
  readonly stage: (steps: readonly Staged[]) => void
  /** Resolves when everything that was staged is on the log. */
  readonly drain: () => Promise<void>
  readonly isClosed: () => boolean
}

type Pass = { readonly to: number; readonly touched: Set<Address>; done: number; left: number }

/** Actors that are taken back without a pause. */
const sliceActors = 64
/** How soon it looks again whether a slice is on the log. */
const lookMs = 2

export function stepDownOf(world: World): StepDown {
  const { partition, store, clock, residents } = world
  const passes = new Map<string, Pass>()
  let isFrozen = false

  function above(address: Address, to: number): Resident | undefined {
    const array = residents.peek(address)?.writer.current() ?? store.read(address)
    if (array === undefined || !isAbove(stateOfArray(array), to)) return undefined
    return residents.get(address)
  }

  function stepOne(address: Address, pass: Pass): Staged | undefined {
    const resident = above(address, pass.to)
    const live = resident?.live
    // One that is set aside stays as it is, for whoever can read it.
    if (resident === undefined || live === undefined || live.book.unfit !== undefined) return undefined
    let state: ActorState
    try {
      state = steppedDown(live.blueprint, stateOf(live), pass.to)
    } catch (error) {
      pass.left++
      trace({ is: 'actor.unfit', address, fault: storedFaultOf(error) })
      return undefined
    }
    const change = residents.rewrite(resident, state)
    if (change === undefined) return undefined
    pass.done++
    return stagedOf(address, change, world.needsOf(live))
  }

  async function onLog(slice: readonly Address[]): Promise<void> {
    const isWaiting = (): boolean => slice.some((address) => (residents.peek(address)?.staged ?? 0) > 0)
    while (!world.isClosed() && isWaiting()) await pause(clock, lookMs)
  }

  function stepAll(addresses: readonly Address[], pass: Pass): void {
    world.stage(addresses.flatMap((address) => stepOne(address, pass) ?? []))
  }

  return {
    get isFrozen() {
      return isFrozen
    },
    async begin(kind, to) {
      const pass: Pass = { to, touched: new Set(), done: 0, left: 0 }
      passes.set(kind, pass)
      for (let after: Address | undefined; !world.isClosed() && passes.get(kind) === pass;) {
        const range = { partition, kind, limit: sliceActors }
        const slice = [...store.addresses(after === undefined ? range : { ...range, after })]
        after = slice.at(-1)
        if (after === undefined) break
        stepAll(slice, pass)
        await onLog(slice)
        trace({ is: 'rollout.back', kind, partition, to, done: pass.done, left: pass.left })
      }
    },
    async finish() {
      for (;;) {
        await world.drain()
        const rising = [...passes.values()].filter(({ touched }) => touched.size > 0)
        if (rising.length === 0 || world.isClosed()) break
        for (const pass of rising) {
          const touched = [...pass.touched]
          pass.touched.clear()
          stepAll(touched, pass)
        }
      }
      isFrozen = true
    },
    forget: (kind) => void passes.delete(kind),
    touched(address) {
      if (passes.size > 0) passes.get(kindOf(address))?.touched.add(address)
    },
  }
}

function stagedOf(address: Address, change: Change, needs: LiveNeeds): Staged {
  return {
    address,
    changes: [change],
    needs: [needs],
    outputs: [],
    deeds: [],
    note: { seq: 0, type: 'perdure.down' },
    cursor: undefined,
    mark: undefined,
    client: undefined,
    traceparent: undefined,
    raw: undefined,
  }
}
