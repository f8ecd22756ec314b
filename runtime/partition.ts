/**
 * The owner of one partition: a sequential process that receives, steps and commits. Invariants:
 * arrivals are stepped in log order; one commit is in flight; what a step sends leaves with its
 * own commit; after a refusal everything in memory is dropped and the store is kept.
 */
import { type Address, addressOf, kindOf } from '#protocol/address.ts'
import { type Arrived, decodeEnvelope, decodeOutside, encodeEnvelope } from '#protocol/envelope.ts'
import { Fault, isFault, type StoredFault, storedFaultOf } from '#protocol/fault.ts'
import { partitionOf } from '#protocol/partition.ts'
import { type Change, encodeRecord } from '#protocol/record.ts'
import type { Subscription } from '#protocol/state.ts'
import { parseStored, subjects } from '#protocol/subject.ts'
import type { FoldedPartition, Needs, Store } from '#store/store.ts'
import type { Bus, Entry, LogEntry, Reading } from './bus.ts'
import type { Clock } from './clock.ts'
import type { Committer } from './committer.ts'
import type { Arrival, Circumstances, Output } from './core/arrival.ts'
import { chooseForm, encodeParts, entriesOf, type Form, recordOf, type Staged } from './core/compose.ts'
import { heapOf } from './core/heap.ts'
import { dueNow, needsOf } from './core/needs.ts'
import { roughSize } from './core/rough-size.ts'
import { step, type Stepped } from './core/step.ts'
import { supervise } from './core/supervise.ts'
import type { Effects } from './effects.ts'
import type { Folder } from './folder.ts'
import { type Kinds, type Resident, residentsOf } from './residents.ts'
import { isTraced, trace } from './trace.ts'

export type PartitionOptions = {
  readonly entriesMost: number
  readonly cheapMost: number
  /** Arrivals that may wait in memory before reading pauses. */
  readonly queueMost: number
  /** Steps that may wait for their commit. */
  readonly stagedMost: number
  readonly stateBytesMost: number
  readonly clientKeepMs: number
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
  /** An actor's state moved: for those who watch it. */
  readonly onMoved: (address: Address, change: Change, settled: boolean) => void
  readonly onSubscribed: (address: Address, subscriptions: readonly Subscription[]) => void
  readonly onLost: (partition: number, error: unknown) => void
}

export type Ownership = { readonly epoch: number; readonly nonce: string; readonly fence: number; readonly folded: FoldedPartition }

export type Partition = {
  readonly partition: number
  readonly position: FoldedPartition
  /** How much waits: read but not stepped, stepped but not committed. */
  readonly depth: { readonly queued: number; readonly staged: number }
  open(): Promise<void>
  arrive(arrival: Arrival): void
  /** The resident for looking at, if it is in memory. */
  peek(address: Address): Resident | undefined
  /** What was committed until now is in the store. */
  settle(): Promise<void>
  depthOf(address: Address): number
  folded(position: FoldedPartition): void
  evict(before: number, most: number): number
  readonly residents: number
  /** Stops reading, commits what was stepped, resolves when all of it is on the log. */
  drain(): Promise<void>
  close(): Promise<void>
}

type Staging = Pick<Staged, 'address' | 'changes' | 'outputs' | 'cursor' | 'mark' | 'client' | 'raw'> & {
  readonly outcome: Stepped['outcome'] | undefined
  readonly type: string
  readonly note: Staged['note']['mark']
  readonly envelope: Arrived | undefined
}

const blankStaging: Staging = { address: '/' as Address, outcome: undefined, changes: [], outputs: [], cursor: undefined, mark: undefined, client: undefined, raw: undefined, type: '', note: undefined, envelope: undefined }

type Queued = { readonly entry: LogEntry } | { readonly arrival: Arrival }

/** Wakes come in slices of this length, so that one loop never starves timers and reading. */
const sliceMs = 4

export function ownPartition(world: PartitionWorld, partition: number, own: Ownership, options: PartitionOptions): Partition {
  const { bus, store, folder, committer, effects, clock, kinds } = world
  const { realm } = bus
  const residents = residentsOf({ store, kinds }, clock.now)
  const alarms = heapOf<Address>()
  const marks = new Map<number, readonly [number, number]>(Object.entries(own.folded.marks).map(([sender, mark]) => [Number(sender), mark]))
  const clients = new Map<string, readonly [number, number]>(Object.entries(own.folded.clients))
  const openedAt = clock.now()
  const awayMs = own.folded.awayMs + (own.folded.n === 0 ? 0 : Math.max(0, openedAt - (store.alive.get() ?? own.folded.at)))
  const queue: Queued[] = []
  let head = 0
  let staged: Staged[] = []
  let needsStaged = new Map<Address, Needs>()
  let position: FoldedPartition = { ...own.folded, epoch: own.epoch, awayMs, openedAt }
  let fence = own.fence
  let previous = own.folded.seq
  let foldedN = own.folded.n
  let stepCount = 0
  let asked = false
  let scheduled = false
  let paused = false
  let closed = false
  let draining = false
  let reading: Reading | undefined
  let alarm: { readonly at: number; readonly handle: { cancel(): void } } | undefined
  const quiet: (() => void)[] = []

  function schedule(): void {
    if (scheduled || closed) return
    scheduled = true
    setImmediate(run)
  }

  /** Steps what has arrived for at most one slice, then asks for a commit. */
  function run(): void {
    scheduled = false
    if (closed) return
    try {
      const until = performance.now() + sliceMs
      while (head < queue.length && staged.length < options.stagedMost) {
        const next = queue[head++] as Queued
        if ('entry' in next) receive(next.entry)
        else take(next.arrival, undefined)
        if ((head & 15) === 0 && performance.now() > until) break
      }
      if (head === queue.length) {
        queue.length = 0
        head = 0
      } else if (head > 4096) {
        queue.splice(0, head)
        head = 0
      }
      if (head < queue.length && staged.length < options.stagedMost) schedule()
      if (paused && queue.length - head < options.queueMost / 2) {
        paused = false
        reading?.resume()
      }
      commitSoon()
      setAlarm()
      settleQuiet()
    } catch (error) {
      lose(error)
    }
  }

  function commitSoon(): void {
    if (asked || staged.length === 0 || closed) return
    asked = true
    committer.ready(commit)
  }

  function receive(entry: LogEntry): void {
    const stored = parseStored(entry.subject)
    if (stored.is !== 'in') return
    const { sender, address } = stored
    let envelope: Arrived
    try {
      if (sender === 'x') envelope = { ...decodeOutside({ to: address, at: entry.at, bytes: entry.data, id: entry.id, traceparent: entry.traceparent }), seq: entry.seq, sender }
      else envelope = { ...decodeEnvelope(address, entry.data).envelope, seq: entry.seq, sender }
    } catch (error) {
      return stageParked(entry, address, sender, storedFaultOf(error))
    }
    let mark: Staged['mark']
    let client: Staged['client']
    if (typeof sender === 'number') {
      const seen = marks.get(sender)
      if (seen !== undefined && (envelope.n < seen[0] || (envelope.n === seen[0] && envelope.index <= seen[1]))) return skip(entry.seq)
      marks.set(sender, [envelope.n, envelope.index])
      mark = [sender, envelope.n, envelope.index]
    } else if (sender === 'x' && envelope.session !== undefined && envelope.n > 0) {
      const seen = clients.get(envelope.session)
      if (seen !== undefined && envelope.n <= seen[0]) return skip(entry.seq)
      clients.set(envelope.session, [envelope.n, envelope.at])
      client = [envelope.session, envelope.n, envelope.at]
    }
    if (envelope.generation !== realm.generation && sender !== 'x') return skip(entry.seq)
    take({ by: 'envelope', envelope }, { mark, client })
  }

  /** A copy of something that was consumed: only the cursor moves on. */
  function skip(seq: number): void {
    stage({ ...blankStaging, cursor: seq, type: 'perdure.copy', note: 'duplicate' })
  }

  function stageParked(entry: LogEntry, address: Address, sender: Arrived['sender'], fault: StoredFault): void {
    const envelope: Arrived = { to: address, content: { is: 'event', event: { type: 'perdure.undecodable' } }, from: undefined, at: entry.at, id: entry.id, n: 0, index: 0, generation: realm.generation, cause: undefined, ask: undefined, deadline: undefined, traceparent: entry.traceparent, seq: entry.seq, sender }
    trace({ is: 'parked', address, fault })
    stage({ ...blankStaging, address, cursor: entry.seq, type: 'perdure.undecodable', note: 'parked', outputs: [{ is: 'park', envelope, fault }], raw: entry.data })
  }

  function around(): Circumstances {
    return { now: clock.now(), generation: realm.generation, stepId: `${realm.generation}-${own.nonce}-${++stepCount}`, awayMs, openedAt, lastSeq: world.lastSeq() }
  }

  function addressOfArrival(arrival: Arrival): Address {
    return arrival.by === 'envelope' ? arrival.envelope.to : arrival.address
  }

  function take(arrival: Arrival, from: { readonly mark: Staged['mark']; readonly client: Staged['client'] } | undefined): void {
    const address = addressOfArrival(arrival)
    const envelope = arrival.by === 'envelope' ? arrival.envelope : undefined
    const root = kinds.get(kindOf(address))
    if (root === undefined) {
      if (envelope === undefined) return
      const fault = storedFaultOf(new Fault('kind.unknown', { value: kindOf(address), known: [...kinds.keys()].join(', ') || 'none' }))
      trace({ is: 'parked', address, fault })
      return stage({ ...blankStaging, ...from, address, cursor: envelope.seq, type: 'perdure.unknown', note: 'parked', outputs: [{ is: 'park', envelope, fault }], envelope })
    }
    const resident = residents.get(address)
    const touched = new Set<Resident>()
    const family = residents.familyOf(address, (one) => touched.add(one))
    const input = { root, address, arrival, around: around(), family }
    let stepped: Stepped
    let changes: Change[]
    try {
      stepped = step({ ...input, live: resident.live })
      checkSizes(stepped.outcome.outputs)
      changes = writeAll(resident, stepped, touched)
    } catch (error) {
      // The machine threw, or its state cannot be stored: back to what was written last.
      residents.restore(resident)
      touched.clear()
      stepped = supervise({ ...input, live: resident.live }, error)
      changes = writeAll(resident, stepped, touched)
    }
    const { outcome } = stepped
    const { outputs } = outcome
    // What never was on the log and changed nothing leaves no record.
    if (envelope === undefined && changes.length === 0 && outputs.length === 0 && outcome.deeds.length === 0) return
    if (isTraced()) tell(address, envelope?.seq ?? 0, stepped)
    const first = outputs.slice(0, outputsMost())
    stage({ ...blankStaging, ...from, address, outcome, changes, cursor: envelope?.seq, type: outcome.type, note: outcome.mark, outputs: first, envelope })
    // More than one batch holds: numbered chunks, each a commit of its own, before anything else.
    for (let at = first.length; at < outputs.length; at += outputsMost()) {
      stage({ ...blankStaging, address, type: 'perdure.outbox', outputs: outputs.slice(at, at + outputsMost()) })
    }
    for (const one of [resident, ...touched]) rearm(one)
    tellSubscriptions(resident)
  }

  function outputsMost(): number {
    return options.entriesMost - 10
  }

  function writeAll(resident: Resident, stepped: Stepped, touched: ReadonlySet<Resident>): Change[] {
    const changes: Change[] = []
    const { outcome } = stepped
    resident.live = stepped.live
    if (outcome.changed || outcome.gone) {
      const change = residents.write(resident, outcome.gone)
      if (change !== undefined) changes.push(checkState(change))
    }
    for (const one of touched) {
      if (one === resident) continue
      const change = residents.write(one, false)
      if (change !== undefined) changes.push(change)
    }
    return changes
  }

  function checkState(change: Change): Change {
    const size = change.is === 'full' ? change.state.length : change.is === 'delta' ? change.delta.length : 0
    if (size > options.stateBytesMost) throw new Fault('actor.tooBig', { value: change.address, size, limit: options.stateBytesMost })
    return change
  }

  /** An event over the server's limit is refused at its sender, before anything of it is written. */
  function checkSizes(outputs: readonly Output[]): void {
    const limit = Math.floor(bus.maxPayload / 2)
    for (const output of outputs) {
      const value = output.is === 'send' ? output.content : output.is === 'emit' ? output.event : output.is === 'reply' ? output.answer : undefined
      if (value === undefined || roughSize(value, limit / 4) < limit / 4) continue
      const size = encodeEnvelope({ to: '/' as Address, content: { is: 'event', event: { type: 'x', value } }, from: undefined, at: 0, id: undefined, n: 0, index: 0, generation: 0, cause: undefined, ask: undefined, deadline: undefined, traceparent: undefined }).length
      if (size > limit - 1024) throw new Fault('event.tooBig', { value: output.is === 'send' && output.content.is === 'event' ? output.content.event.type : output.is, size, limit: limit - 1024 })
    }
  }

  function tell(address: Address, seq: number, { outcome }: Stepped): void {
    trace({ is: 'stepped', address, type: outcome.type, seq, mark: outcome.mark })
    if (outcome.mark === 'unhandled') trace({ is: 'unhandled', address, type: outcome.type })
    for (const output of outcome.outputs) if (output.is === 'park') trace({ is: 'parked', address: output.envelope.to, fault: output.fault })
  }

  function stage(one: Staging): void {
    for (const change of one.changes) {
      const resident = residents.peek(change.address)
      if (resident !== undefined) resident.staged++
      if (resident?.live !== undefined && change.is !== 'gone') needsStaged.set(change.address, needsOf(resident.live, position))
    }
    const { decision } = one.outcome ?? {}
    staged.push({
      address: one.address,
      changes: one.changes,
      outputs: one.outputs,
      deeds: one.outcome?.deeds ?? [],
      note: { seq: one.cursor ?? 0, type: one.type, ...(one.note === undefined ? {} : { mark: one.note }), ...(decision === undefined ? {} : { decision }) },
      cursor: one.cursor,
      mark: one.mark,
      client: one.client,
      traceparent: one.envelope?.traceparent,
      raw: one.raw,
    })
  }

  /** Called when this partition may have a commit in flight. */
  async function commit(): Promise<void> {
    try {
      if (closed || staged.length === 0) return
      const choice = chooseForm(staged, { cheapMost: bus.replicas === 1 ? options.cheapMost : 0, entriesMost: outputsMost() })
      const steps = staged.slice(0, choice.steps)
      const now = clock.now()
      const n = position.n + 1
      const record = recordOf({ generation: realm.generation, partition, epoch: own.epoch, n, previous, cursor: position.cursor, heard: position.heard, at: now, awayMs, openedAt }, steps)
      const bytes = encodeRecord(record)
      const { entries, form, recordAt } = entriesFor(choice.form, record, bytes, steps)
      staged = staged.slice(choice.steps)
      const needs = needsStaged
      needsStaged = new Map()
      const { seq } = await committer.submit({ partition, epoch: own.epoch, n, entries, recordAt, recordEnd: entries.length - 1, form })
      if (closed) return
      if (form !== 'cheap') fence = seq
      previous = seq
      position = advance(record, seq)
      for (const change of record.changes) {
        const resident = residents.peek(change.address)
        if (resident !== undefined) resident.lastN = n
      }
      folder.add(position, record, seq, needs)
      trace({ is: 'committed', partition, n, seq, steps: steps.length, form })
      for (const one of steps) after(one)
    } catch (error) {
      lose(error)
    } finally {
      asked = false
      if (!closed) {
        commitSoon()
        if (head < queue.length) schedule()
        settleQuiet()
      }
    }
  }

  function entriesFor(form: Form, record: Parameters<typeof entriesOf>[1], bytes: Uint8Array, steps: readonly Staged[]): { readonly entries: Entry[]; readonly form: Form; readonly recordAt: number } {
    const half = Math.floor(bus.maxPayload / 2)
    const subject = subjects.commit(realm, partition)
    if (form === 'cheap' && bytes.length < half) {
      const [only] = entriesOf(realm, record, steps, bytes)
      if (only !== undefined && only.data.length < bus.maxPayload - 4096) return { entries: [{ ...only, check: { seq: fence, subject } }], form: 'cheap', recordAt: 0 }
    }
    const sent = form === 'record' ? [] : entriesOf(realm, record, steps)
    const parts = encodeParts(record, bytes, half)
    const own = parts.map((data, index): Entry => ({ subject, data, ...(index === 0 ? { check: { seq: fence } } : {}) }))
    const entries = [...sent, ...own]
    return { entries, form: entries.length > 1 ? 'batch' : 'record', recordAt: sent.length }
  }

  function advance(record: Parameters<typeof entriesOf>[1], seq: number): FoldedPartition {
    const clientMarks = { ...position.clients }
    for (const [name, count, at] of record.clients) clientMarks[name] = [count, at]
    const nextMarks = { ...position.marks }
    for (const [sender, n, index] of record.marks) nextMarks[sender] = [n, index]
    return { ...position, n: record.n, seq, cursor: record.cursor, at: record.at, marks: nextMarks, clients: record.clients.length > 0 ? pruned(clientMarks, record.at) : position.clients }
  }

  /** A client that has long been silent retries nothing any more. */
  function pruned(all: Record<string, readonly [number, number]>, now: number): Record<string, readonly [number, number]> {
    const names = Object.keys(all)
    if (names.length < 64) return all
    return Object.fromEntries(Object.entries(all).filter(([, [, at]]) => at > now - options.clientKeepMs))
  }

  /** What follows a commit: effects, logs, and those who look on. */
  function after(one: Staged): void {
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
          const resident = residents.get(one.address)
          // An effect that ended before its own commit was acknowledged has nothing left to begin.
          if (resident.live?.book.effects?.[deed.effect.id] !== undefined) effects.begin(one.address, resident.live.blueprint, deed.effect, true)
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

  function tellSubscriptions({ address, live, subscribed }: Resident): void {
    const now = live?.book.subscriptions
    if (now === undefined && !subscribed) return
    const resident = residents.peek(address)
    if (resident !== undefined) resident.subscribed = now !== undefined
    world.onSubscribed(address, now ?? [])
  }

  function rearm(resident: Resident): void {
    const { live, address } = resident
    if (live === undefined) return
    const { due } = needsOf(live, position)
    if (due === undefined) {
      resident.alarmAt = Number.POSITIVE_INFINITY
      return
    }
    if (due < resident.alarmAt || resident.alarmAt < clock.now()) {
      resident.alarmAt = due
      alarms.push(due, address)
    }
  }

  function setAlarm(): void {
    const due = alarms.peek()
    if (due === undefined || closed || draining) return
    if (alarm !== undefined && alarm.at <= due) return
    alarm?.handle.cancel()
    alarm = { at: due, handle: clock.at(due, ring) }
  }

  /** Timers that are due step like envelopes that never were on the log. */
  function ring(): void {
    alarm = undefined
    if (closed || draining) return
    try {
      const now = clock.now()
      for (let due = alarms.peek(); due !== undefined && due <= now; due = alarms.peek()) {
        const address = alarms.pop() as Address
        if (!kinds.has(kindOf(address))) continue
        const resident = residents.get(address)
        resident.alarmAt = Number.POSITIVE_INFINITY
        if (resident.live === undefined) continue
        for (const one of dueNow(resident.live, position, now)) {
          if (isTraced() && now - one.due > 5) trace({ is: 'timer.late', address, name: one.name, ms: now - one.due })
          take({ by: 'timer', address, name: one.name, visit: one.visit }, undefined)
        }
        rearm(resident)
      }
      commitSoon()
      setAlarm()
    } catch (error) {
      lose(error)
    }
  }

  function settleQuiet(): void {
    if (head < queue.length || staged.length > 0 || asked) return
    for (const wake of quiet.splice(0)) wake()
  }

  function lose(error: unknown): void {
    if (closed) return
    shut()
    if (!isFault(error, 'bus.closed')) trace({ is: 'partition.lost', partition, fault: storedFaultOf(error) })
    world.onLost(partition, error)
  }

  function shut(): void {
    closed = true
    alarm?.handle.cancel()
    alarm = undefined
    effects.drop(partition)
    void reading?.stop()
    queue.length = 0
    head = 0
    staged = []
    residents.clear()
    alarms.clear()
    for (const wake of quiet.splice(0)) wake()
  }

  return {
    partition,
    get position() {
      return position
    },
    get depth() {
      return { queued: queue.length - head, staged: staged.length }
    },
    get residents() {
      return residents.size
    },
    async open() {
      for (const [address, needs] of store.needs(partition)) {
        if (needs.due !== undefined) alarms.push(needs.due, address)
        if ((needs.effects !== true && needs.subscribed !== true) || !kinds.has(kindOf(address))) continue
        const resident = residents.get(address)
        const { live } = resident
        if (live === undefined || live.book.unfit !== undefined) continue
        tellSubscriptions(resident)
        for (const effect of Object.values(live.book.effects ?? {})) effects.begin(address, live.blueprint, effect, false)
      }
      for (const [kind, blueprint] of kinds) startCron(kind, blueprint.options.cron?.key)
      reading = await bus.read({
        filter: subjects.mailbox(realm, partition),
        from: position.cursor + 1,
        onEntry(entry) {
          if (closed) return
          queue.push({ entry })
          if (!paused && queue.length - head > options.queueMost) {
            paused = true
            reading?.pause()
          }
          schedule()
        },
        onRepair: (reason) => trace({ is: 'reader.repaired', partition, reason }),
      })
      schedule()
    },
    arrive(arrival) {
      if (closed) return
      queue.push({ arrival })
      schedule()
    },
    peek: (address) => residents.peek(address),
    settle: () => folder.flush(),
    depthOf(address) {
      let count = 0
      for (let at = head; at < queue.length; at++) {
        const one = queue[at] as Queued
        const stored = 'entry' in one ? parseStored(one.entry.subject) : undefined
        if (stored?.is === 'in' && stored.address === address) count++
      }
      return count
    },
    folded(now) {
      foldedN = now.n
    },
    evict: (before, most) => residents.evict({ before, most, foldedN }),
    async drain() {
      draining = true
      await reading?.stop()
      alarm?.handle.cancel()
      if (closed || (head >= queue.length && staged.length === 0 && !asked)) return
      await new Promise<void>((resolve) => quiet.push(resolve))
    },
    async close() {
      if (!closed) shut()
      await reading?.stop()
    },
  }

  function startCron(kind: string, key: string | undefined): void {
    const blueprint = kinds.get(kind)
    if (blueprint?.options.cron === undefined) return
    const address = addressOf(kind, key ?? 'main')
    if (partitionOf(address, realm.partitions) === partition) queue.push({ arrival: { by: 'start', address } })
  }
}
