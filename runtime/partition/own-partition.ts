/**
 * The owner of one partition: a sequential process that receives, steps and commits. Invariants:
 * arrivals are stepped in log order; one commit is in flight; what a step sends leaves with its
 * own commit; after a refusal everything in memory is dropped and the store is kept.
 */
import { Fault, isFault, storedFaultOf } from '#protocol/fault.ts'
import { subjects } from '#protocol/subject.ts'
import { alarmsOf } from './alarms.ts'
import { awayOf, circumstancesOf } from './circumstances.ts'
import { admissionOf } from '#runtime/core/admission.ts'
import { chooseForm, planOf, recordOf, type Staged } from '#runtime/core/compose.ts'
import { needsOf } from '#runtime/core/needs.ts'
import { progressOf } from '#runtime/core/position.ts'
import { follow } from './follow.ts'
import type { Folding } from './folder.ts'
import { holdOf } from '#runtime/mending/hold.ts'
import { inboxOf, lackingKind } from './inbox.ts'
import { markingOf } from './marking.ts'
import { type Resident, residentsOf } from './residents.ts'
import { stagingOf } from './staging.ts'
import { standingIn } from '#runtime/effects/standing.ts'
import { stepDownOf } from '#runtime/rollouts/step-down.ts'
import { stepperOf } from './stepper.ts'
import { takeUp, takeUpKind } from './take-up.ts'
import { trace } from '#runtime/trace.ts'
import { dropFold, isUnreadable } from './unreadable.ts'
import type { PartitionOptions, PartitionWorld, Ownership, Partition } from './partition.ts'

/** Stepping goes on for so long at once, so that it never starves timers and reading. */
const sliceMs = 4

/** Room in a batch for the parts of a large record. */
const recordParts = 99

/** Room in an entry for what the server and the envelope add. */
const marginBytes = 4096

type Taken = { readonly taken: readonly Staged[] }

export function ownPartition(
  world: PartitionWorld,
  partition: number,
  own: Ownership,
  options: PartitionOptions,
): Partition {
  const { bus, store, folder, committer, effects, clock, kinds } = world
  const { realm } = bus
  const { openedAt } = own.folded
  const awayMs = awayOf(own)
  const outputsMost = options.entriesMost - recordParts
  const halfPayload = Math.floor(bus.maxPayload / 2)

  const away = { ...own.folded, askLateMs: options.askLateMs, isStill: own.stoodSince !== undefined }
  const begun = { position: { ...own.folded, epoch: own.epoch }, clients: own.clients }
  const residents = residentsOf(
    { store, kinds, now: () => clock.now() },
    { stateBytesMost: options.stateBytesMost, visitFloor: own.folded.visitFloor ?? 0 },
  )
  const admission = admissionOf(realm.generation, begun, options)
  const owner = { partition, epoch: own.epoch, ownIds: `${realm.generation}-${own.nonce}-` }
  const progress = progressOf(begun, options)
  const hold = holdOf(options)
  const marking = markingOf(own.folded)
  const lastSeq = (): number => Math.max(world.lastSeq(), progress.position.seq, progress.position.cursor)
  const about = { generation: realm.generation, awayMs, openedAt, outputsMost, ownIds: owner.ownIds }
  const around = circumstancesOf({ clock, residents, lastSeq }, about, options)
  const stepper = stepperOf(
    { residents, kinds, lacking: world.lacking, around, needsOf: (live) => needsOf(live, away), onStepped },
    { eventBytesMost: halfPayload - marginBytes },
  )
  const staging = stagingOf(residents)
  const inbox = inboxOf(options.queueMost, schedule)
  const alarms = alarmsOf({ clock, residents, kinds, away, arrive: inbox.push, onError: lose })
  const quiet: (() => void)[] = []
  const ways = { arm: alarms.add, arrive: inbox.push, onSubscribed: tellSubscriptions }
  const stored = { store, kinds, residents, effects, ...ways }
  const aside = { partition, store, clock, residents, stage, drain, isClosed: () => isClosed }
  const stepDown = stepDownOf({ ...aside, needsOf: (live) => needsOf(live, away) })

  let fence = own.fence
  let foldedN = own.folded.n
  let isAsked = false
  let isScheduled = false
  /** Until what is stored was taken up and the mailbox is read, nothing is stepped and no timer fires. */
  let isOpen = false
  let isDraining = false
  let isClosed = false

  function schedule(): void {
    if (isScheduled || isClosed || !isOpen) return
    isScheduled = true
    world.turns.ask(run)
  }

  /** Steps what has arrived for at most one slice, then asks for a commit. */
  function run(): void {
    isScheduled = false
    if (isClosed || stepDown.isFrozen) return
    try {
      const until = clock.now() + sliceMs
      for (let count = 0; staging.length < options.stagedMost && takeNext(); count++) {
        if ((count & 15) === 15 && clock.now() > until) break
      }
      if (inbox.length > 0 && staging.length < options.stagedMost) schedule()
      inbox.relax()
      afterStepping()
    } catch (error) {
      lose(error)
    }
  }

  function takeNext(): boolean {
    const next = inbox.next()
    if (next === undefined) return false
    if ('arrival' in next) {
      staging.push(stepper.take(next.arrival))
      return true
    }
    const lacking = lackingKind(next.entry.subject, world.lacking())
    if (lacking !== undefined && world.onLacking(partition, lacking)) return halt()
    const admitted = admission.admit(next.entry)
    hold.note(admitted, next.entry)
    if (admitted?.is === 'marker') staging.push([marking.meet(admitted.cut, admitted.seq)])
    else if (admitted?.is === 'envelope')
      staging.push(stepper.take({ by: 'envelope', envelope: admitted.envelope }, admitted.origin))
    else if (admitted !== undefined) staging.push([stepper.pass(admitted)])
    return true
  }

  /** Not parked: a node that carries this kind goes on from here, in order. */
  function halt(): false {
    void inbox.stop()
    return false
  }

  function afterStepping(): void {
    askToCommit()
    if (!isDraining) alarms.arm()
    settleQuiet()
  }

  function onStepped(resident: Resident): void {
    stepDown.touched(resident.address)
    alarms.rearm(resident)
    tellSubscriptions(resident)
  }

  function tellSubscriptions(resident: Resident): void {
    const now = resident.live?.book.subscriptions
    if (now === undefined && !resident.subscribed) return
    resident.subscribed = now !== undefined
    world.onSubscribed(resident.address, now ?? [])
  }

  function stage(steps: readonly Staged[], ahead?: Staged): void {
    staging.first(ahead)
    staging.push(steps)
    askToCommit()
  }

  function askToCommit(): void {
    if (isAsked || staging.length === 0 || isClosed) return
    isAsked = true
    committer.ready(commit)
  }

  /** Called when this partition may have a commit in flight. */
  async function commit(): Promise<void> {
    try {
      if (isClosed || staging.length === 0) return
      const choice = chooseForm(staging.steps, {
        cheapMost: bus.replicas === 1 ? options.cheapMost : 0,
        entriesMost: outputsMost,
        bytesMost: halfPayload * (recordParts - 35),
      })
      const { taken, needs } = staging.take(choice.steps)
      const { n, cursor, heard, seq: previous } = progress.position
      const place = { partition, epoch: own.epoch, n: n + 1, previous, cursor, heard }
      const head = { generation: realm.generation, ...place, at: clock.now(), awayMs: awayMs(clock.now()), openedAt }
      const record = recordOf(head, taken)
      const plan = planOf(realm, record, taken, {
        form: choice.form,
        fence,
        partBytes: halfPayload,
        entryBytes: bus.maxPayload - marginBytes,
      })
      const { seq } = await committer.submit(plan)
      if (isClosed) return
      if (plan.form !== 'cheap') fence = seq
      committed({ record, seq, taken, needs, held: hold.of({ plan, cursor: record.cursor, seq }) })
      trace({ is: 'committed', partition, n: record.n, seq, steps: taken.length, form: plan.form })
    } catch (error) {
      lose(error)
    } finally {
      isAsked = false
      if (!isClosed) {
        askToCommit()
        if (inbox.length > 0) schedule()
        settleQuiet()
      }
    }
  }

  function committed({ taken, ...one }: Omit<Folding, 'position' | 'clients'> & Taken): void {
    const { record, seq } = one
    const clients = progress.take(record, seq)
    for (const change of record.changes) {
      const resident = residents.peek(change.address)
      if (resident !== undefined) resident.lastN = record.n
    }
    folder.add({ position: progress.position, clients, ...one })
    for (const one of taken) follow({ residents, effects, onMoved: world.onMoved }, one)
  }

  function isQuiet(): boolean {
    return inbox.length === 0 && staging.length === 0 && !isAsked
  }

  function settleQuiet(): void {
    if (isQuiet()) for (const wake of quiet.splice(0)) wake()
  }

  function lose(error: unknown): void {
    if (isClosed) return
    shut()
    if (!isFault(error, 'bus.closed')) trace({ is: 'partition.lost', partition, fault: storedFaultOf(error) })
    const isGone = (): void => world.onLost(partition, error)
    if (!isUnreadable(error)) return isGone()
    // Taken up again as it is, it would fail again at the same place.
    const dropped = folder.flush().then(() => dropFold(store, partition, error))
    dropped.then(isGone, isGone)
  }

  function shut(): void {
    isClosed = true
    alarms.stop()
    effects.drop(partition)
    void inbox.stop()
    staging.clear()
    residents.clear()
    for (const wake of quiet.splice(0)) wake()
  }

  async function drain(): Promise<void> {
    isDraining = true
    await inbox.stop()
    if (!isClosed && !isQuiet()) await new Promise<void>((resolve) => quiet.push(resolve))
  }

  return {
    partition,
    get position() {
      return progress.position
    },
    get residents() {
      return residents.size
    },
    get depth() {
      return { queued: inbox.length, staged: staging.length + (isAsked ? 1 : 0) }
    },
    async open() {
      await takeUp(stored, owner, () => isClosed)
      if (isClosed) return
      await inbox.read(bus, {
        filter: subjects.mailbox(realm, partition),
        from: progress.position.cursor + 1,
        onRepair: (reason) => trace({ is: 'reader.repaired', partition, reason }),
      })
      isOpen = true
      alarms.arm()
      schedule()
    },
    async takeUp(kind) {
      await takeUpKind(stored, owner, kind, () => isClosed)
      if (isOpen) alarms.arm()
    },
    arrive(arrival) {
      if (!isClosed) inbox.push(arrival)
    },
    peek: (address) => residents.peek(address),
    namesOf: (address) => residents.familyOf(address, () => undefined),
    standingOf: standingIn({ residents, store }),
    depthOf: (address) => inbox.depths().get(address) ?? 0,
    depths: () => inbox.depths(),
    settle: () => folder.flush(),
    folded(now) {
      foldedN = now.n
    },
    foresee: (cut, marker) => stage([], isClosed ? undefined : marking.foresee(cut, marker)),
    fail: lose,
    fenced: (epoch) => lose(new Fault('partition.lost', { partition, have: epoch, want: own.epoch })),
    evict: (before, most) => residents.evict({ before, most, foldedN }),
    stepDown,
    drain,
    async close() {
      if (!isClosed) shut()
      await inbox.stop()
    },
  }
}
