/**
 * The owner of one partition: a sequential process that receives, steps and commits. Invariants:
 * arrivals are stepped in log order; one commit is in flight; what a step sends leaves with its
 * own commit; after a refusal everything in memory is dropped and the store is kept.
 */
import { type Address, addressOf, kindOf } from '#protocol/address.ts'
import { isFault, storedFaultOf } from '#protocol/fault.ts'
import { partitionOf } from '#protocol/partition.ts'
import type { Change, CommitRecord } from '#protocol/record.ts'
import type { Subscription } from '#protocol/state.ts'
import { parseStored, subjects } from '#protocol/subject.ts'
import type { FoldedPartition, Needs, Store } from '#store/store.ts'
import { alarmsOf } from './alarms.ts'
import type { Bus, LogEntry, Reading } from './bus.ts'
import type { Clock } from './clock.ts'
import type { Committer } from './committer.ts'
import { admissionOf } from './core/admission.ts'
import type { Arrival, Circumstances } from './core/arrival.ts'
import { chooseForm, planOf, recordOf, type Staged } from './core/compose.ts'
import { dueNow, needsOf } from './core/needs.ts'
import { advance } from './core/position.ts'
import { queueOf } from './core/queue.ts'
import type { Effects } from './effects.ts'
import type { Folder } from './folder.ts'
import { type Kinds, type Resident, residentsOf } from './residents.ts'
import { stepperOf } from './stepper.ts'
import { isTraced, trace } from './trace.ts'

export type PartitionOptions = {
  /** Entries of one batch, its record included. */
  readonly entriesMost: number
  /** Up to so many single sends go one by one instead of as a batch. */
  readonly cheapMost: number
  /** Arrivals that may wait in memory before reading pauses. */
  readonly queueMost: number
  /** Steps that may wait for their commit. */
  readonly stagedMost: number
  readonly stateBytesMost: number
  readonly clientKeepMs: number
  /** Where a kind says nothing of its own. */
  readonly deferLimit: number
  readonly retainMs: number
}

export type PartitionWorld = {
  readonly bus: Bus
  readonly store: Store
  readonly folder: Folder
  readonly committer: Committer
  readonly effects: Effects
  readonly clock: Clock
  readonly kinds: Kinds
  /** The log's end as far as this node has seen it. */
  readonly lastSeq: () => number
  /** An actor's state was committed; `settled` when nothing newer of it waits. */
  readonly onMoved: (address: Address, change: Change, settled: boolean) => void
  readonly onSubscribed: (address: Address, subscriptions: readonly Subscription[]) => void
  readonly onLost: (partition: number, error: unknown) => void
}

export type Ownership = { readonly epoch: number; readonly nonce: string; readonly fence: number; readonly folded: FoldedPartition }

export type Partition = {
  readonly partition: number
  readonly position: FoldedPartition
  readonly residents: number
  /** How much waits: read but not stepped, stepped but not committed. */
  readonly depth: { readonly queued: number; readonly staged: number }
  open(): Promise<void>
  arrive(arrival: Arrival): void
  /** The resident for looking at, if it is in memory. */
  peek(address: Address): Resident | undefined
  depthOf(address: Address): number
  /** What was committed until now is in the store. */
  settle(): Promise<void>
  folded(position: FoldedPartition): void
  evict(before: number, most: number): number
  /** Stops reading, commits what was stepped, resolves when all of it is on the log. */
  drain(): Promise<void>
  close(): Promise<void>
}

/** Stepping goes on for so long at once, so that it never starves timers and reading. */
const sliceMs = 4

/** Room in a batch for the parts of a large record. */
const recordParts = 99

/** Room in an entry for what the server and the envelope add. */
const marginBytes = 4096

export function ownPartition(world: PartitionWorld, partition: number, own: Ownership, options: PartitionOptions): Partition {
  const { bus, store, folder, committer, effects, clock, kinds } = world
  const { realm } = bus
  const openedAt = clock.now()
  const absentMs = own.folded.n === 0 ? 0 : Math.max(0, openedAt - Math.max(store.alive.get() ?? 0, own.folded.at))
  const awayMs = own.folded.awayMs + absentMs
  const outputsMost = options.entriesMost - recordParts
  const halfPayload = Math.floor(bus.maxPayload / 2)

  const residents = residentsOf({ store, kinds }, () => clock.now())
  const admission = admissionOf(realm.generation, own.folded)
  const stepper = stepperOf(
    { residents, kinds, around, onStepped },
    { eventBytesMost: halfPayload - marginBytes, stateBytesMost: options.stateBytesMost },
  )
  const alarms = alarmsOf(clock, ring)
  const entries = queueOf<LogEntry>()
  const arrivals = queueOf<Arrival>()
  const quiet: (() => void)[] = []

  let position: FoldedPartition = { ...own.folded, epoch: own.epoch, awayMs, openedAt }
  let fence = own.fence
  let foldedN = own.folded.n
  let staged: Staged[] = []
  let needs = new Map<Address, Needs>()
  let steps = 0
  let isAsked = false
  let isScheduled = false
  let isPaused = false
  let isDraining = false
  let isClosed = false
  let reading: Reading | undefined

  function schedule(): void {
    if (isScheduled || isClosed) return
    isScheduled = true
    setImmediate(run)
  }

  /** Steps what has arrived for at most one slice, then asks for a commit. */
  function run(): void {
    isScheduled = false
    if (isClosed) return
    try {
      const until = clock.now() + sliceMs
      for (let count = 0; staged.length < options.stagedMost && takeNext(); count++) {
        if ((count & 15) === 15 && clock.now() > until) break
      }
      if (waits() > 0 && staged.length < options.stagedMost) schedule()
      if (isPaused && entries.length < options.queueMost / 2) {
        isPaused = false
        reading?.resume()
      }
      afterStepping()
    } catch (error) {
      lose(error)
    }
  }

  const waits = (): number => entries.length + arrivals.length

  function takeNext(): boolean {
    const arrival = arrivals.shift()
    if (arrival !== undefined) {
      stage(stepper.take(arrival))
      return true
    }
    const entry = entries.shift()
    if (entry === undefined) return false
    const admitted = admission.admit(entry)
    if (admitted?.is === 'envelope') stage(stepper.take({ by: 'envelope', envelope: admitted.envelope }, admitted.origin))
    else if (admitted !== undefined) stage([stepper.pass(admitted)])
    return true
  }

  function afterStepping(): void {
    askToCommit()
    if (!isDraining) alarms.arm()
    settleQuiet()
  }

  function around(): Circumstances {
    return { now: clock.now(), generation: realm.generation, stepId: `${realm.generation}-${own.nonce}-${++steps}`, awayMs, openedAt, lastSeq: Math.max(world.lastSeq(), position.seq, position.cursor), outputsMost, deferLimit: options.deferLimit, retainMs: options.retainMs }
  }

  function stage(all: readonly Staged[]): void {
    for (const one of all) {
      staged.push(one)
      for (const { address } of one.changes) {
        const resident = residents.peek(address)
        if (resident === undefined) continue
        resident.staged++
        if (resident.live !== undefined) needs.set(address, needsOf(resident.live, position))
      }
    }
  }

  function onStepped(resident: Resident): void {
    rearm(resident)
    tellSubscriptions(resident)
  }

  function rearm(resident: Resident): void {
    const due = resident.live === undefined ? undefined : needsOf(resident.live, position).due
    if (due === undefined || (resident.alarmAt <= due && resident.alarmAt >= clock.now())) return
    resident.alarmAt = due
    alarms.add(due, resident.address)
  }

  function tellSubscriptions(resident: Resident): void {
    const now = resident.live?.book.subscriptions
    if (now === undefined && !resident.subscribed) return
    resident.subscribed = now !== undefined
    world.onSubscribed(resident.address, now ?? [])
  }

  /** Timers that are due step like envelopes that never were on the log. */
  function ring(addresses: readonly Address[], now: number): void {
    if (isClosed || isDraining) return
    try {
      for (const address of addresses) {
        if (!kinds.has(kindOf(address))) continue
        const resident = residents.get(address)
        resident.alarmAt = Number.POSITIVE_INFINITY
        if (resident.live === undefined) continue
        for (const due of dueNow(resident.live, position, now)) {
          if (isTraced() && now - due.due > 5) trace({ is: 'timer.late', address, name: due.name, ms: now - due.due })
          stage(stepper.take({ by: 'timer', address, name: due.name, visit: due.visit }))
        }
        rearm(resident)
      }
      afterStepping()
    } catch (error) {
      lose(error)
    }
  }

  function askToCommit(): void {
    if (isAsked || staged.length === 0 || isClosed) return
    isAsked = true
    committer.ready(commit)
  }

  /** Called when this partition may have a commit in flight. */
  async function commit(): Promise<void> {
    try {
      if (isClosed || staged.length === 0) return
      const choice = chooseForm(staged, { cheapMost: bus.replicas === 1 ? options.cheapMost : 0, entriesMost: outputsMost })
      const taken = staged.slice(0, choice.steps)
      const takenNeeds = needs
      staged = staged.slice(choice.steps)
      needs = new Map()
      const { cursor, heard, seq: previous } = position
      const head = { generation: realm.generation, partition, epoch: own.epoch, n: position.n + 1, previous, cursor, heard, at: clock.now(), awayMs, openedAt }
      const record = recordOf(head, taken)
      const plan = planOf(realm, record, taken, { form: choice.form, fence, partBytes: halfPayload, entryBytes: bus.maxPayload - marginBytes })
      const { seq } = await committer.submit(plan)
      if (isClosed) return
      if (plan.form !== 'cheap') fence = seq
      committed(record, seq, taken, takenNeeds)
      trace({ is: 'committed', partition, n: record.n, seq, steps: taken.length, form: plan.form })
    } catch (error) {
      lose(error)
    } finally {
      isAsked = false
      if (!isClosed) {
        askToCommit()
        if (waits() > 0) schedule()
        settleQuiet()
      }
    }
  }

  function committed(record: CommitRecord, seq: number, taken: readonly Staged[], takenNeeds: ReadonlyMap<Address, Needs>): void {
    position = advance(position, record, seq, options.clientKeepMs)
    for (const change of record.changes) {
      const resident = residents.peek(change.address)
      if (resident !== undefined) resident.lastN = record.n
    }
    folder.add(position, record, seq, takenNeeds)
    for (const one of taken) act(one)
  }

  /** What follows a commit: effects, logs, and those who look on. */
  function act(one: Staged): void {
    for (const change of one.changes) {
      const resident = residents.peek(change.address)
      if (resident !== undefined) {
        resident.staged--
        resident.committed = change.is === 'full' ? change.state : undefined
      }
      world.onMoved(change.address, change, resident?.staged === 0)
    }
    for (const deed of one.deeds) {
      switch (deed.is) {
        case 'begin': {
          const { live } = residents.get(one.address)
          // An effect whose state was left before this commit was acknowledged has nothing to begin.
          if (live?.book.effects?.[deed.effect.id] !== undefined) effects.begin(one.address, live.blueprint, deed.effect, true)
          break
        }
        case 'abort':
          effects.abort(deed.effect, deed.reason)
          break
        case 'tell':
          effects.tell(deed.effect, deed.event)
          break
        case 'log':
          trace({ is: 'actor.log', address: one.address, label: deed.label, value: deed.value })
      }
    }
  }

  /** What the state says goes on: timers, effects that were pending, subscriptions, outboxes. */
  function resume(): void {
    for (const [address, need] of store.needs(partition)) {
      if (need.due !== undefined) alarms.add(need.due, address)
      if ((need.effects !== true && need.subscribed !== true) || !kinds.has(kindOf(address))) continue
      const resident = residents.get(address)
      const { live } = resident
      if (live === undefined || live.book.unfit !== undefined) continue
      tellSubscriptions(resident)
      if (live.book.outbox !== undefined) arrivals.push({ by: 'drain', address })
      for (const effect of Object.values(live.book.effects ?? {})) effects.begin(address, live.blueprint, effect, false)
    }
    for (const [kind, { options: given }] of kinds) {
      if (given.cron === undefined) continue
      const address = addressOf(kind, given.cron.key ?? 'main')
      if (partitionOf(address, realm.partitions) === partition) arrivals.push({ by: 'start', address })
    }
  }

  function onEntry(entry: LogEntry): void {
    if (isClosed || isDraining) return
    entries.push(entry)
    if (!isPaused && entries.length > options.queueMost) {
      isPaused = true
      reading?.pause()
    }
    schedule()
  }

  function isQuiet(): boolean {
    return waits() === 0 && staged.length === 0 && !isAsked
  }

  function settleQuiet(): void {
    if (isQuiet()) for (const wake of quiet.splice(0)) wake()
  }

  function lose(error: unknown): void {
    if (isClosed) return
    shut()
    if (!isFault(error, 'bus.closed')) trace({ is: 'partition.lost', partition, fault: storedFaultOf(error) })
    world.onLost(partition, error)
  }

  function shut(): void {
    isClosed = true
    alarms.stop()
    effects.drop(partition)
    void reading?.stop()
    entries.clear()
    arrivals.clear()
    staged = []
    residents.clear()
    for (const wake of quiet.splice(0)) wake()
  }

  return {
    partition,
    get position() {
      return position
    },
    get residents() {
      return residents.size
    },
    get depth() {
      return { queued: waits(), staged: staged.length + (isAsked ? 1 : 0) }
    },
    async open() {
      resume()
      reading = await bus.read({
        filter: subjects.mailbox(realm, partition),
        from: position.cursor + 1,
        onEntry,
        onRepair: (reason) => trace({ is: 'reader.repaired', partition, reason }),
      })
      alarms.arm()
      schedule()
    },
    arrive(arrival) {
      if (isClosed) return
      arrivals.push(arrival)
      schedule()
    },
    peek: (address) => residents.peek(address),
    depthOf(address) {
      let count = 0
      for (const entry of entries) {
        const stored = parseStored(entry.subject)
        if (stored.is === 'in' && stored.address === address) count++
      }
      return count
    },
    settle: () => folder.flush(),
    folded(now) {
      foldedN = now.n
    },
    evict: (before, most) => residents.evict({ before, most, foldedN }),
    async drain() {
      isDraining = true
      await reading?.stop()
      // What was read and not stepped is still on the log; only what was stepped must go there.
      entries.clear()
      if (!isClosed && !isQuiet()) await new Promise<void>((resolve) => quiet.push(resolve))
    },
    async close() {
      if (!isClosed) shut()
      await reading?.stop()
    },
  }
}
