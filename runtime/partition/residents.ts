/**
 * The actors of one partition that are in memory: loaded by one read of the store when an
 * arrival needs them, forgotten when idle. Invariant: only an actor whose last commit is folded
 * may be forgotten, so the store's answer is never older than what was forgotten.
 */
import { type Address, isChild, kindOf, rootOf } from '#protocol/address.ts'
import type { Ref } from '#protocol/codec.ts'
import { openStateWriter, type StateWriter } from '#protocol/delta.ts'
import { Fault, storedFaultOf } from '#protocol/fault.ts'
import type { Change } from '#protocol/record.ts'
import { type ActorState, stateArrayOf, stateOfArray } from '#protocol/state.ts'
import type { Store } from '#store/store.ts'
import type { Blueprint } from '#runtime/core/blueprint.ts'
import { type Family, familyOfBook, type Live, revive, reviveUnfit, stateOf } from '#runtime/core/live.ts'
import { trace } from '#runtime/trace.ts'
import { isUnreadable } from './unreadable.ts'

export type Resident = {
  readonly address: Address
  live: Live | undefined
  writer: StateWriter
  /** Steps that wait for their commit, and the number of the last commit that changed it. */
  staged: number
  lastN: number
  /** Its last committed state, when that was written in full. */
  committed: Uint8Array | undefined
  /** The earliest instant for which the owner's alarm knows this actor. */
  alarmAt: number
  usedAt: number
  /** Whether the topics of this node know it. */
  subscribed: boolean
}

export type Residents = {
  readonly size: number
  /** The highest number of visits of any root that is gone, deletions that wait for their commit included. */
  readonly visitFloor: number
  /** The resident, loaded if need be; its `live` is absent when no such actor exists. */
  get(address: Address): Resident
  /** Only if it is in memory now. */
  peek(address: Address): Resident | undefined
  /** The actor as it was last written, after a step on it threw. */
  restore(resident: Resident): void
  /** What was written last, for a step that writes several: if one fails, none was written. */
  keep(resident: Resident): () => void
  /** What the record says of this actor now. */
  write(resident: Resident, gone: boolean): Change | undefined
  /** A state of another version in its place; the actor goes on as it is in memory. */
  rewrite(resident: Resident, state: ActorState): Change | undefined
  familyOf(address: Address, touched: (root: Resident) => void): Family
  /** Forgets those not used since `before`, or more than `most`, that the store has; returns how many. */
  evict(options: { readonly before: number; readonly most: number; readonly foldedN: number }): number
  clear(): void
}

export type Kinds = ReadonlyMap<string, Blueprint>

type World = { readonly store: Pick<Store, 'read'>; readonly kinds: Kinds; readonly now: () => number }

type Options = { readonly stateBytesMost: number; readonly visitFloor: number }

export function residentsOf({ store, kinds, now }: World, { stateBytesMost, ...folded }: Options): Residents {
  let { visitFloor } = folded
  const all = new Map<Address, Resident>()
  /** None was used before this instant: until idleness reaches it there is nobody to look at. */
  let oldest = 0

  function blueprintOfKind(address: Address): Blueprint {
    const kind = kindOf(address)
    const blueprint = kinds.get(kind)
    if (blueprint === undefined)
      throw new Fault('kind.unknown', { value: kind, known: [...kinds.keys()].join(', ') || 'none' })
    return blueprint
  }

  function load(address: Address, array: unknown[]): Live {
    const root = blueprintOfKind(address)
    if (typeof array[0] !== 'number')
      throw new Fault('state.undecodable', {
        size: array.length,
        reason: `what is stored of ${address} is not a state`,
      })
    const { book: stored, ...rest } = stateOfArray(array)
    // Whether it fits is judged anew: the definition, or a migrate step, may have been mended since.
    const { unfit: _, ...book } = stored
    const state = { ...rest, book }
    try {
      return revive(
        root,
        address,
        state,
        familyOf(address, () => undefined),
      )
    } catch (error) {
      if (isUnreadable(error)) throw error
      const fault = storedFaultOf(error)
      trace({ is: 'actor.unfit', address, fault })
      return reviveUnfit(root, address, { ...state, book: { ...book, unfit: fault } })
    }
  }

  function familyOf(address: Address, touched: (root: Resident) => void): Family {
    const root = (): Resident => get(rootOf(address))
    // A family lives in one partition, so a look at a member is a look into the same memory.
    const snapshotOf = (ref: Ref): unknown => {
      if (ref.effectId !== undefined || rootOf(ref.address) !== rootOf(address)) return undefined
      const { live } = get(ref.address)
      return live?.stored ?? live?.snapshot
    }
    return {
      ...familyOfBook(
        () => root().live?.book,
        () => touched(root()),
      ),
      snapshotOf,
    }
  }

  function get(address: Address): Resident {
    const known = all.get(address)
    if (known !== undefined) {
      known.usedAt = now()
      return known
    }
    const array = store.read(address)
    const resident: Resident = {
      address,
      live: undefined,
      writer: openStateWriter(array, address),
      staged: 0,
      lastN: 0,
      committed: undefined,
      alarmAt: Number.POSITIVE_INFINITY,
      usedAt: now(),
      subscribed: false,
    }
    // Kept from here on, so that looking up the family during revival finds it.
    all.set(address, resident)
    try {
      if (array !== undefined) resident.live = load(address, array)
    } catch (error) {
      all.delete(address)
      throw error
    }
    return resident
  }

  function changeTo({ address, writer }: Resident, state: ActorState): Change | undefined {
    const written = writer.write(stateArrayOf(state), stateBytesMost)
    if (written.is === 'same') return undefined
    return written.is === 'full'
      ? { address, is: 'full', state: written.bytes }
      : { address, is: 'delta', delta: written.bytes }
  }

  return {
    get size() {
      return all.size
    },
    get visitFloor() {
      return visitFloor
    },
    get,
    peek: (address) => all.get(address),
    restore(resident) {
      const array = resident.writer.current()
      resident.live = array === undefined ? undefined : load(resident.address, array)
    },
    keep(resident) {
      const before = resident.writer.current()
      return () => {
        resident.writer = openStateWriter(before, resident.address)
      }
    },
    write(resident, gone) {
      const { address, live } = resident
      if (gone || live === undefined) {
        const visits = visitsOf(resident)
        visitFloor = Math.max(visitFloor, visits)
        resident.writer = openStateWriter(undefined, address)
        return visits === 0 ? { address, is: 'gone' } : { address, is: 'gone', visits }
      }
      return changeTo(resident, stateOf(live))
    },
    rewrite: changeTo,
    familyOf,
    evict({ before, most, foldedN }) {
      if (all.size <= most && oldest >= before) return 0
      let count = 0
      oldest = now()
      for (const resident of all.values()) {
        const isWanted = resident.usedAt >= before && all.size <= most
        if (isWanted || resident.staged > 0 || resident.lastN > foldedN) {
          if (resident.usedAt < oldest) oldest = resident.usedAt
        } else {
          all.delete(resident.address)
          count++
        }
      }
      return count
    },
    clear: () => all.clear(),
  }
}

/** How far it had counted. A child's own numbers go with it: nobody is ever born under its address again. */
function visitsOf({ address, writer }: Resident): number {
  const array = isChild(address) ? undefined : writer.current()
  return array === undefined ? 0 : stateOfArray(array).visits
}
