/**
 * Takes partitions over: claims them, folds what is missing, opens them. It serves the clause of
 * the claim. Invariants: nothing is opened before its claim is on the log and its fold is through;
 * what lacks little does not wait for what lacks much, nor any for one that cannot be taken.
 */
import { Fault, isFault } from '#protocol/fault.ts'
import { subjects } from '#protocol/subject.ts'
import type { Standstill } from '#protocol/standstill.ts'
import type { Store } from '#store/store.ts'
import type { Bus } from '#runtime/bus.ts'
import { type Claimed, claimPartition, ownershipOf } from '#runtime/partition/claim.ts'
import type { Clock } from '#runtime/clock.ts'
import type { Folder } from '#runtime/partition/folder.ts'
import { type HoldOptions, holdingOf } from '#runtime/mending/holding.ts'
import type { Follower } from './follower.ts'
import type { Kinds } from '#runtime/partition/residents.ts'
import type { Ownership } from '#runtime/partition/partition.ts'
import { foldThrough } from '#runtime/partition/rebuild.ts'
import type { Rollouts } from '#runtime/rollouts/rollouts.ts'
import { turnsOf } from '#runtime/turns.ts'
import { within } from './within.ts'
import { checkStore, type LogWatch } from '#runtime/mending/verify-log.ts'

export type TakeOverOptions = HoldOptions & {
  readonly name: string
  readonly clientKeepMs: number
  readonly clientsMost: number
}

type World = {
  readonly bus: Bus
  readonly log: Pick<LogWatch, 'life' | 'signal' | 'isSound'>
  readonly store: Store
  readonly clock: Clock
  readonly kinds: Kinds
  readonly folder: Pick<Folder, 'flush'>
  readonly follower: Pick<Follower, 'leave' | 'isOpening'>
  readonly rollouts: () => Pick<Rollouts, 'confirm'>
  /** Whether timers stand still. */
  readonly standstill: () => Standstill | undefined
  /** While it goes on, this node holds more and more. */
  readonly onFolding: <T>(folding: Promise<T>) => Promise<T>
  /** About to open. */
  readonly onClaimed: (claims: readonly Claimed[]) => void
  /** `life`: the connection over which it was claimed. */
  readonly open: (claimed: Claimed, own: Ownership, life: number) => Promise<void>
}

type Outcomes = ReadonlyMap<number, Promise<void>>

type Settle = (number: number, outcome: Promise<void>) => void

type Begun = { readonly life: number; readonly flushed: Promise<void>; readonly settle: Settle }

type Confirming = {
  readonly life: number
  /** Those that this node may go on from. */
  readonly confirmed: Promise<ReadonlySet<number>>
}

/** Lacking no more entries than this, a partition is up to date in a moment. */
const littleEntries = 20_000
/** What comes through so soon after the first shares one reading of the log with it. */
const togetherMs = 20
/** Partitions that are read alone because the reading of all failed. */
const aloneMost = 4

export function takeOverOf(world: World, options: TakeOverOptions) {
  const { bus, log, store, clock, kinds, folder, follower } = world
  const turns = turnsOf(aloneMost)

  const seqOf = (partition: number): number => store.partition(partition)?.seq ?? 0

  /** What the store has of it must stand on the log before anything is claimed; mostly one look does for all. */
  function check(numbers: readonly number[]): (number: number) => Promise<void> {
    const all = checkStore({ bus, store }, numbers)
    all.catch(() => undefined)
    return (number) =>
      all.catch((error: unknown) => {
        if (numbers.length === 1 || isOfAll(error)) throw error
        return checkStore({ bus, store }, [number])
      })
  }

  /** All claims are on their way at once; those that come through together go on together. */
  async function begin(numbers: readonly number[], settle: Settle): Promise<void> {
    const { life } = log
    const checked = check(numbers)
    // What this node has of them as an owner may still be on its way into the store.
    const flushed = folder.flush()
    flushed.catch(() => undefined)
    let claims: Claimed[] = []
    const pending = new Map<number, Promise<void>>()
    for (const number of numbers) {
      const mayAppend = checked(number)
      mayAppend.catch(() => undefined)
      const claiming = claimPartition({ bus, clock, mayAppend }, number, options.name).then(
        (claimed) => void claims.push(claimed),
        (error: unknown) => settle(number, Promise.reject(error)),
      )
      pending.set(
        number,
        claiming.finally(() => pending.delete(number)),
      )
    }
    while (pending.size > 0) {
      await Promise.race(pending.values())
      await within(clock, togetherMs, Promise.all(pending.values()))
      const group = claims
      claims = []
      if (group.length > 0) goOn(group, { life, flushed, settle })
    }
  }

  function goOn(claims: readonly Claimed[], { life, flushed, settle }: Begun): void {
    world.onClaimed(claims)
    // Asked only now: what a newer version made of them before our claims stands in the registry.
    const confirmed = world.rollouts().confirm(claims.map(({ partition }) => partition))
    confirmed.catch(() => undefined)
    // One that was about to be followed may be reading a base, which the others need not wait for.
    const isSlow = ({ partition }: Claimed): boolean => follower.isOpening(partition)
    for (const group of [claims.filter((one) => !isSlow(one)), ...claims.filter(isSlow).map((one) => [one])]) {
      const folds = foldApart(group, flushed)
      for (const claimed of group) {
        const folded = folds.then((all) => all.get(claimed.partition))
        settle(
          claimed.partition,
          folded.then(() => open(claimed, { life, confirmed })),
        )
      }
    }
  }

  /** Those that lack nothing, those that lack little, those that lack much: each at its own pace. */
  async function foldApart(claims: readonly Claimed[], flushed: Promise<void>): Promise<Outcomes> {
    // They were followed until now, so that there is next to nothing left to read.
    await Promise.all([flushed, ...claims.map(({ partition }) => follower.leave(partition))])
    const behind = claims.filter(({ partition, newest }) => newest > seqOf(partition))
    const isNear = ({ partition, seq }: Claimed): boolean => seq - seqOf(partition) < littleEntries
    return new Map([...foldAll(behind.filter(isNear)), ...foldAll(behind.filter((one) => !isNear(one)))])
  }

  /** One reading for all of them; when one cannot be folded, the others need not suffer from it. */
  function foldAll(claims: readonly Claimed[]): Outcomes {
    if (claims.length === 0) return new Map()
    const through = new Map(claims.map(({ partition }) => [partition, Promise.withResolvers<void>()]))
    const together = fold(claims, (partition) => through.get(partition)?.resolve())
    const alone = (one: Claimed): Promise<void> =>
      together.catch((error: unknown) => {
        if (claims.length === 1 || isOfAll(error)) throw error
        return turns(() => fold([one]))
      })
    // One that is through opens, however long the others take.
    const first = (one: Claimed): Promise<void> => Promise.race([through.get(one.partition)?.promise, alone(one)])
    return new Map(claims.map((one) => [one.partition, first(one)]))
  }

  function fold(claims: readonly Claimed[], onThrough?: (partition: number) => void): Promise<void> {
    const through = Math.max(...claims.map(({ seq }) => seq))
    const { clientKeepMs, clientsMost, mendKeepMs } = options
    const limits = {
      through,
      clientKeepMs,
      clientsMost,
      mendKeepMs,
      signal: log.signal,
      ...(onThrough && { onThrough }),
    }
    return world.onFolding(foldThrough({ bus, store, clock, kinds }, claims, limits))
  }

  async function open(claimed: Claimed, { life, confirmed }: Confirming): Promise<void> {
    const { partition, seq, data } = claimed
    // The claim may be lost, and so may be what was folded for it.
    if (!log.isSound(life)) throw new Fault('log.mending', { value: bus.realm.name })
    const own = ownershipOf(store, claimed, clock.now(), world.standstill())
    const holding = holdingOf(clock, options)
    holding.add({ seq, subject: subjects.commit(bus.realm, partition), data, at: 0 })
    await world.onFolding(store.fold([{ partition: own.folded, changes: [], history: [] }], holding.take()))
    if ((await confirmed).has(partition)) await world.open(claimed, own, life)
  }

  /** What becomes of each. */
  return (numbers: readonly number[]): Outcomes => {
    const outcomes = new Map(numbers.map((number) => [number, Promise.withResolvers<void>()]))
    begin(numbers, (number, outcome) => outcomes.get(number)?.resolve(outcome)).catch((error: unknown) => {
      for (const { reject } of outcomes.values()) reject(error)
    })
    return new Map([...outcomes].map(([number, { promise }]) => [number, promise]))
  }
}

/** The way to the log failed, or the log itself, or this process as a whole, and not the partition. */
export function isOfAll(error: unknown): boolean {
  if (!isFault(error)) return false
  return error.verdict === 'retry' || error.code.startsWith('bus.') || ofAll.has(error.code)
}

const ofAll: ReadonlySet<string> = new Set(['store.closed', 'log.shorter'])
