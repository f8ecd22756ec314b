/**
 * What an actor was given, as the record says it: the envelopes themselves from the log, and what
 * never stood there as an entry for it (timers, emitted events it followed, notes of its node) from
 * its own states. It serves "the exact envelopes it had received". Invariant: inputs come in the order
 * in which they were stepped, each once, and one that cannot be read any more is still named.
 */
import type { Address } from '#protocol/address.ts'
import { type AnyEvent, type Arrived, decodeEnvelope } from '#protocol/envelope.ts'
import { isFault } from '#protocol/fault.ts'
import { decodeOutside } from '#protocol/outside.ts'
import type { StepNote } from '#protocol/record.ts'
import { type ActorState, type Effect, stateOfArray } from '#protocol/state.ts'
import { matches, parseStored, topicOf } from '#protocol/subject.ts'
import type { Bus, LogEntry } from '#runtime/bus.ts'
import type { Arrival } from '#runtime/core/arrival.ts'
import { emittedOf } from '#runtime/core/emitted.ts'
import { rewindType, thenOf } from '#runtime/core/rewind.ts'
import { readThrough } from '#runtime/partition/read-through.ts'
import { type Commit, stateAfter } from './records.ts'
import type { Trail } from './trail.ts'

export type Input = {
  /** The commit that consumed it: its number, where its record stands, and when it was made. */
  readonly n: number
  readonly record: number
  readonly at: number
  /** Where the envelope stands; 0 for what never was on the log as an entry for this actor. */
  readonly seq: number
  readonly type: string
  readonly mark: StepNote['mark']
  /** When it was stepped, as far as the record says. */
  readonly now: number
  /** Nothing when it cannot be read any more. */
  readonly arrival: Arrival | undefined
  /** What a timer told, where the state before it says so. */
  readonly event: AnyEvent | undefined
}

/** One commit with what led to it, and the states before and behind it. */
export type Taken = {
  readonly commit: Commit
  readonly before: ActorState | undefined
  readonly after: ActorState | undefined
  readonly inputs: readonly Input[]
}

export async function* takenOf(bus: Bus, trail: Trail): AsyncGenerator<Taken> {
  let array = trail.start
  for (const commit of trail.commits) {
    const before = array === undefined ? undefined : stateOfArray(array)
    array = stateAfter(array, commit.changes)
    const after = array === undefined ? undefined : stateOfArray(array)
    const inputs = await inputsOf(bus, trail.address, { commit, before, after })
    yield { commit, before, after, inputs }
  }
}

type Around = Omit<Taken, 'inputs'>

async function inputsOf(bus: Bus, address: Address, around: Around): Promise<readonly Input[]> {
  const { commit, before, after } = around
  const entries = await Promise.all(commit.steps.map(async ({ seq }) => (seq === 0 ? undefined : await bus.get(seq))))
  const unseen = await unseenOf(bus, around)
  const { n, seq: record, at } = commit
  return commit.steps.map(({ seq, type, mark }, index) => {
    const entry = entries[index]
    const arrival =
      seq === 0 ? unseen.take(type, address) : entry === undefined ? undefined : partOf(arrivedOf(entry, address), type)
    const timer = arrival?.by === 'timer' ? before?.book.timers?.[arrival.name] : undefined
    return { n, record, at, seq, type, mark, now: after?.steppedAt ?? at, arrival, event: timer?.event }
  })
}

/** An entry of the mailbox, as its owner took it. */
function arrivedOf(entry: LogEntry, address: Address): Arrival | undefined {
  const stored = parseStored(entry.subject)
  if (stored.is !== 'in') return undefined
  const { sender } = stored
  try {
    const read =
      sender === 'x'
        ? decodeOutside({ ...entry, to: stored.address, bytes: entry.data })
        : decodeEnvelope(stored.address, entry.data).envelope
    const envelope: Arrived = { ...read, seq: entry.seq, sender }
    return envelope.to === address ? { by: 'envelope', envelope } : undefined
  } catch (error) {
    // Its owner could not read it either, and parked it.
    if (isFault(error)) return undefined
    throw error
  }
}

/** A rewind and the event that came with it are two steps of one envelope. */
function partOf(arrival: Arrival | undefined, type: string): Arrival | undefined {
  const envelope = arrival?.by === 'envelope' ? arrival.envelope : undefined
  if (envelope?.content.is !== 'rewind' || envelope.content.then === undefined) return arrival
  const { then, ...content } = envelope.content
  return { by: 'envelope', envelope: type === rewindType ? { ...envelope, content } : thenOf(envelope, then) }
}

type Unseen = { take(type: string, address: Address): Arrival | undefined }

/** Notes say the type of what never was an entry; which one it was follows from what it changed. */
async function unseenOf(bus: Bus, { commit, before, after }: Around): Promise<Unseen> {
  const isUnseen = ({ seq, type }: Commit['steps'][number]): boolean => seq === 0 && !/^(?:timer:|perdure\.)/.test(type)
  const told = commit.steps.some(isUnseen) ? await toldOf(bus, { commit, before, after }) : []
  const settled = settledOf(before, after)
  const attempted = attemptedOf(before, after)
  return {
    take(type, address) {
      if (type.startsWith('timer:')) {
        const name = type.slice('timer:'.length)
        return { by: 'timer', address, name, visit: before?.book.timers?.[name]?.visit ?? 0 }
      }
      switch (type) {
        case 'perdure.settled': {
          const effect = settled.shift()
          return effect === undefined ? undefined : { by: 'settled', address, effect }
        }
        case 'perdure.attempted': {
          const effect = attempted.shift()
          return effect === undefined ? undefined : { by: 'attempted', address, ...attemptOf(effect) }
        }
        case 'perdure.start':
          return { by: 'start', address }
        case 'perdure.outbox':
          return { by: 'drain', address }
        case 'perdure.adapted':
          return { by: 'adapted', address }
        default: {
          const at = told.findIndex(({ event }) => event.type === type)
          const [one] = at < 0 ? [] : told.splice(at, 1)
          return one === undefined ? undefined : { by: 'topic', address, ...one }
        }
      }
    },
  }
}

type Told = { readonly pattern: string; readonly event: AnyEvent; readonly seq: number }

/** Emitted events between where each subscription stood before and where it stands now. */
async function toldOf(bus: Bus, { commit, before, after }: Around): Promise<Told[]> {
  const told: Told[] = []
  const { name } = bus.realm
  for (const { pattern, from } of before?.book.subscriptions ?? []) {
    const to = after?.book.subscriptions?.find((one) => one.pattern === pattern)?.from ?? commit.seq
    if (to <= from) continue
    await readThrough(
      bus,
      `${name}.ev.${pattern}`,
      (entry) => {
        if (entry.seq > to) return false
        // The markers of cuts stand among what is emitted.
        if (parseStored(entry.subject).is === 'ev' && matches(pattern, topicOf(entry.subject)))
          told.push({ pattern, event: emittedOf(entry.data), seq: entry.seq })
        return entry.seq < to
      },
      from + 1,
    )
  }
  return told.toSorted((a, b) => a.seq - b.seq)
}

/** Named actions that were pending before and are not behind it. */
function settledOf(before: ActorState | undefined, after: ActorState | undefined): string[] {
  const left = after?.book.effects ?? {}
  return Object.values(before?.book.effects ?? {}).flatMap(({ id, is }) =>
    is === 'action' && left[id] === undefined ? [id] : [],
  )
}

function attemptedOf(before: ActorState | undefined, after: ActorState | undefined): Effect[] {
  const known = before?.book.effects ?? {}
  return Object.values(after?.book.effects ?? {}).filter((effect) => {
    const was = known[effect.id]
    return was !== undefined && (was.attempt !== effect.attempt || was.notBefore !== effect.notBefore)
  })
}

type Attempt = Pick<Extract<Arrival, { by: 'attempted' }>, 'effect' | 'attempt' | 'begun' | 'notBefore' | 'error'>

function attemptOf({ id, attempt, begun, notBefore, lastError }: Effect): Attempt {
  return { effect: id, attempt, begun, notBefore, error: lastError }
}
