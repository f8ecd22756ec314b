/**
 * Which versions and kinds serve where, kept in step with the realm's registry: this node's eye on
 * it, and its hand in it. It serves the clause of the claim. Invariants: a partition is opened only
 * when the registry, read after its claim, says that this node may go on from its states; what
 * cannot be stepped here is never parked while another node could.
 */
import { storedFaultOf } from '#protocol/fault.ts'
import type { Heartbeat } from '#protocol/heartbeat.ts'
import { subjects } from '#protocol/subject.ts'
import type { Store } from '#store/store.ts'
import type { Bus } from '#runtime/bus.ts'
import type { Clock } from '#runtime/clock.ts'
import type { Blueprint } from '#runtime/core/blueprint.ts'
import type { KindEntry } from '#runtime/core/kind-entry.ts'
import {
  carriersOf,
  lackingOf,
  movedOf,
  type Requirements,
  requirementsOf,
  viewOf,
} from '#runtime/core/requirements.ts'
import { broughtBack, raisedBy, wayBack, withNeed } from '#runtime/core/rollout.ts'
import { changeKind, kindEntries } from './kinds.ts'
import type { Partition } from '#runtime/partition/partition.ts'
import { trace } from '#runtime/trace.ts'
import { waitingOf } from './waiting.ts'
import { waysBackOf } from './way-back.ts'

export type Rollouts = {
  /** Reads the registry and does what follows from who is there; its failure is the caller's. */
  begin(): Promise<void>
  /** Somebody came, went or carries something else. */
  consider(): void
  requirements(): (Requirements & { readonly key: string }) | undefined
  /** Of partitions that were just claimed, those that may be opened here. */
  confirm(claimed: readonly number[]): Promise<ReadonlySet<number>>
  /** Kinds that other nodes carry and this one does not. */
  lacking(): ReadonlySet<string>
  /** Something of such a kind came: whether there is a node that can go on with all that is in the partition. */
  passOn(partition: number, kind: string): boolean
  mayGive(partition: number, to: string): boolean
  /** What has to be done with a partition that is drained, before that node gets it. */
  beforeGiving(partition: number, to: string): ((one: Partition) => Promise<void>) | undefined
  stop(): void
}

export type RolloutsOptions = {
  readonly name: string
  readonly beatMs: number
  /** How often the registry is asked whether it changed, for those who missed the call. */
  readonly claimLookMs: number
}

type World = {
  readonly bus: Bus
  readonly clock: Clock
  readonly store: Pick<Store, 'addresses'>
  readonly kinds: ReadonlyMap<string, Blueprint>
  readonly owned: ReadonlyMap<number, Partition>
  /** This node first. */
  readonly nodes: () => readonly Heartbeat[]
  /** What is required may be otherwise now. */
  readonly onChange: () => void
  readonly release: (partition: number) => Promise<void>
}

/** A rise may make room for the next; more in a row would be a circle. */
const risesMost = 8

export function rolloutsOf(world: World, options: RolloutsOptions): Rollouts {
  const { bus, clock, store, kinds, owned } = world
  const { partitions } = bus.realm
  const isAlone = options.beatMs === 0
  const author = (): { by: string; at: number } => ({ by: options.name, at: clock.now() })
  const waiting = waitingOf(partitions)
  /** Partitions that this node reads no more, since it lacks a kind. */
  const halted = new Map<number, string>()
  let entries: readonly KindEntry[] = []
  let seen = -1
  let known: { readonly key: string; readonly value: Requirements & { readonly key: string } } | undefined
  let present = ''
  /** Asked for every envelope, so it is made when something changes. */
  let lacks: ReadonlySet<string> = new Set()
  let looking: Promise<void> = Promise.resolve()
  let isAsked = false
  /** Before that instant it may not have heard of everybody, and must not take anybody for gone. */
  let heardAllAt = Number.POSITIVE_INFINITY
  let isOver = false
  let alarm: { cancel(): void } | undefined

  const waysBack = waysBackOf({ ...world, entries: () => entries, onPrepared: () => world.onChange() })
  const hearing = isAlone ? undefined : bus.hear(subjects.kinds(bus.realm), () => look())

  function requirements(): (Requirements & { readonly key: string }) | undefined {
    if (isAlone) return undefined
    const nodes = world.nodes()
    const key = `${seen} ${viewOf(nodes, entries)}`
    if (known?.key !== key) known = { key, value: { ...requirementsOf(entries, nodes, partitions), key } }
    return known.value
  }

  async function read(): Promise<void> {
    const revision = await bus.registry.revision()
    if (revision === seen) return
    entries = await kindEntries(bus)
    seen = revision
    noteKinds()
  }

  function noteKinds(): void {
    if (!isAlone) lacks = lackingOf(world.nodes(), kinds, entries)
    for (const entry of entries) {
      const own = kinds.get(entry.kind)
      if (own === undefined) continue
      own.readable.clear()
      for (const { version } of entry.definitions)
        if (version > own.version && wayBack(entry, own.version, version).is === 'as they are')
          own.readable.add(version)
    }
  }

  /** One node writes at once, the others only what is still to be done when they look again. */
  async function raise(isPatient: boolean): Promise<void> {
    for (let rises = 0; rises < risesMost; rises++) {
      const nodes = world.nodes()
      const ready = nodes.filter(({ phase }) => phase === 'ready').map(({ name }) => name)
      if (ready.length === 0 || clock.now() < heardAllAt || (isPatient && ready.toSorted()[0] !== options.name)) return
      const rising = entries.filter((entry) => raisedBy(entry, carriersOf(entry.kind, nodes), author()) !== undefined)
      if (rising.length === 0) return
      for (const { kind } of rising)
        await changeKind(bus, kind, (now) => now && raisedBy(now, carriersOf(kind, nodes), author()))
      await read()
    }
  }

  /** Kinds that one node carries and another lacks, this one among them. */
  function scattered(): ReadonlySet<string> {
    const [, ...others] = world.nodes().filter(({ phase }) => phase === 'ready')
    const own = [...kinds.keys()].filter((kind) =>
      others.some((one) => !one.kinds.some(([carried]) => carried === kind)),
    )
    return new Set([...own, ...lacks])
  }

  /** Of those, what is stored in partitions of this node: they must go to nobody who lacks it. */
  async function findNeeds(): Promise<void> {
    for (const kind of scattered()) {
      const needed = new Set(entries.find((entry) => entry.kind === kind)?.needed)
      const found = [...owned.keys()].filter((partition) => !needed.has(partition) && holds(partition, kind))
      if (found.length > 0) await changeKind(bus, kind, (now) => now && withNeed(now, found))
    }
    for (const [partition, kind] of halted) {
      const entry = entries.find((one) => one.kind === kind)
      if (!owned.has(partition)) halted.delete(partition)
      else if (kinds.has(kind) || entry === undefined) await readAgain(partition)
      else if (!entry.needed.includes(partition))
        await changeKind(bus, kind, (now) => now && withNeed(now, [partition]))
    }
  }

  /** Whoever takes it next reads on from where it stopped, this node or another. */
  async function readAgain(partition: number): Promise<void> {
    halted.delete(partition)
    await world.release(partition)
  }

  function holds(partition: number, kind: string): boolean {
    for (const _ of store.addresses({ partition, kind, limit: 1 })) return true
    return false
  }

  function look(isPatient = true): void {
    if (isOver || isAsked) return
    isAsked = true
    looking = looking.then(async () => {
      isAsked = false
      if (isOver) return
      try {
        await read()
        noteKinds()
        if (!isAlone) await findNeeds()
        await raise(isPatient)
        await read()
        waysBack.tidy()
        tellWaiting()
        world.onChange()
      } catch (error) {
        if (!isOver) trace({ is: 'duty.failed', fault: storedFaultOf(error) })
      }
    })
  }

  function keepLooking(): void {
    if (isOver) return
    look(false)
    alarm = clock.at(clock.now() + options.claimLookMs, keepLooking)
  }

  function tellWaiting(): void {
    const now = requirements()
    if (now !== undefined) waiting.tell(now, halted)
  }

  /** What that node lacks, of which something is stored here. */
  function missing(partition: number, to: string): readonly string[] {
    const carried = new Set(
      world
        .nodes()
        .find(({ name }) => name === to)
        ?.kinds.map(([kind]) => kind),
    )
    return [...kinds.keys()].filter((kind) => !carried.has(kind) && holds(partition, kind))
  }

  return {
    async begin() {
      const isFirst = world.nodes().length === 1
      heardAllAt = clock.now() + (isFirst ? 0 : 2 * options.beatMs)
      await read()
      await raise(false)
      if (isAlone) return
      tellWaiting()
      alarm = clock.at(clock.now() + (isFirst ? options.claimLookMs : 2 * options.beatMs), keepLooking)
    },
    consider() {
      if (heardAllAt === Number.POSITIVE_INFINITY) return
      const key = viewOf(world.nodes(), entries)
      if (key === present) return
      present = key
      noteKinds()
      look()
    },
    requirements,
    async confirm(claimed) {
      if (isAlone) return new Set(claimed)
      await read()
      // What is stored there may be of a kind that others carry.
      if (lacks.size > 0) look()
      const now = requirements()
      return new Set(claimed.filter((partition) => now?.mayServe(options.name, partition) !== false))
    },
    lacking: () => lacks,
    passOn(partition, kind) {
      const heir = world.nodes().find(({ name, phase, capacity, kinds: carried }) => {
        const isThere = name !== options.name && phase === 'ready' && capacity > 0
        if (!isThere || !carried.some(([one]) => one === kind)) return false
        return requirements()?.fits(name, partition) !== false && missing(partition, name).length === 0
      })
      if (heir === undefined) return false
      halted.set(partition, kind)
      look()
      return true
    },
    mayGive(partition, to) {
      if (isAlone) return true
      const absent = missing(partition, to)
      for (const kind of absent)
        changeKind(bus, kind, (now) => now && withNeed(now, [partition])).then(
          () => look(),
          () => undefined,
        )
      const isPrepared = waysBack.to(to).map((one) => waysBack.prepare(partition, one))
      return absent.length === 0 && isPrepared.every(Boolean)
    },
    beforeGiving(partition, to) {
      const all = isAlone ? [] : waysBack.to(to)
      if (all.length === 0) return undefined
      return async (one) => {
        await one.stepDown.finish()
        for (const { kind } of all) {
          await changeKind(
            bus,
            kind,
            (now) => now && broughtBack(now, partition, movedOf(kind, now.rollout?.share ?? 0, partitions), author()),
          )
        }
        await read()
      }
    },
    stop() {
      isOver = true
      alarm?.cancel()
      hearing?.stop()
    },
  }
}
