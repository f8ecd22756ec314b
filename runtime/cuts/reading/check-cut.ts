/**
 * What is looked at in every cut: whether actors wait for each other in a circle, or for one that is
 * not there, and what a program says must hold. It serves "declared predicates are evaluated on every
 * cut". Invariants: the cut is read as a stream, never held as a whole; a predicate that throws, or
 * takes too long, is a fault of that predicate and of nothing else.
 */
import { type Address, isAddress, isChild, kindOf } from '#protocol/address.ts'
import type { CutCheck, InvariantResult } from '#protocol/cut-check.ts'
import { decodeEnvelope } from '#protocol/envelope.ts'
import { Fault, isFault, storedFaultOf } from '#protocol/fault.ts'
import { decodeOutside } from '#protocol/outside.ts'
import { partitionOf } from '#protocol/partition.ts'
import { decodeState } from '#protocol/state.ts'
import { parseStored, topicOf } from '#protocol/subject.ts'
import type { FlightRow, StateRow } from '#protocol/cut.ts'
import type { Clock } from '#runtime/clock.ts'
import { emittedOf } from '#runtime/core/emitted.ts'
import { type Found, type UnderWay, waitsOf } from '#runtime/core/waits.ts'
import type { CheckedCut, FlyingEnvelope, Invariant } from './invariant.ts'
import type { CutView } from './open-cut.ts'
import { pausing } from './pausing.ts'
import { notQuiet, ofKind } from './wanted-segments.ts'

export type CheckOptions = {
  readonly name: string
  /** The most that one predicate may take. */
  readonly checkMs: number
  /** Ends it in the middle. */
  readonly signal?: AbortSignal | undefined
}

/** So many are named; a realm in which everything waits has more than anybody reads. */
const namedMost = 20
const textMost = 300

type World = { readonly view: CutView; readonly clock: Clock; readonly invariants: readonly Invariant[] }

export async function checkCut({ view, clock, invariants }: World, options: CheckOptions): Promise<CutCheck> {
  const begunAt = clock.now()
  const { deadlocks, orphans } = await findWaits(view, options.signal)
  const results: InvariantResult[] = []
  for (const one of invariants) {
    options.signal?.throwIfAborted()
    results.push(await resultOf(one, { view, clock }, options))
  }
  return {
    cut: view.manifest.id,
    at: clock.now(),
    node: options.name,
    ms: Math.round(clock.now() - begunAt),
    deadlocks: deadlocks.slice(0, namedMost),
    orphans: orphans.slice(0, namedMost),
    counts: { deadlocks: deadlocks.length, orphans: orphans.length },
    invariants: results,
  }
}

async function findWaits(view: CutView, signal: AbortSignal | undefined): Promise<Found> {
  const waits = waitsOf(view.manifest.begunAt)
  for await (const row of pausing(view.flights(), signal)) {
    const flying = wayOf(row)
    if (flying !== undefined) waits.fly(flying)
  }
  for (const { partition } of view.manifest.slices)
    for await (const row of pausing(view.states(partition, notQuiet), signal))
      if (row[1] !== null && mayWait(row)) waits.add(row[0], decodeState(row[1]))
  const there = await thereOf(view, waits.named, signal)
  return waits.found((address) => there.get(address))
}

/**
 * Most actors wait for nobody, and reading their states is most of the work: whoever holds a question
 * or an event that waits has a due instant or a flag, and who has a parent or children is known by addresses.
 */
function mayWait([address, state, due, flags = 0]: StateRow): boolean {
  if ((due !== null && due !== undefined) || flags !== 0 || isChild(address)) return true
  return state !== null && Buffer.from(state.buffer, state.byteOffset, state.length).includes(`${address}~`)
}

/** Looked up in the order in which they lie there: they may be very many. */
async function thereOf(
  view: CutView,
  named: Iterable<Address>,
  signal: AbortSignal | undefined,
): Promise<ReadonlyMap<Address, 'active' | 'ended'>> {
  const there = new Map<Address, 'active' | 'ended'>()
  const byPartition = Map.groupBy(named, (address) => partitionOf(address, view.manifest.partitions))
  for (const those of byPartition.values())
    for await (const address of pausing(those.toSorted(), signal)) {
      const state = await view.state(address)
      if (state !== undefined) there.set(address, decodeState(state).book.ended === undefined ? 'active' : 'ended')
    }
  return there
}

function wayOf([, subject]: FlightRow): UnderWay | undefined {
  const stored = parseStored(subject)
  if (stored.is === 'in') return { to: stored.address }
  return stored.is === 'ev' ? { topic: topicOf(subject) } : undefined
}

async function resultOf(
  { name, holds: ask }: Invariant,
  { view, clock }: Omit<World, 'invariants'>,
  { checkMs, signal }: CheckOptions,
): Promise<InvariantResult> {
  const begunAt = clock.now()
  const over = new AbortController()
  const either = signal === undefined ? over.signal : AbortSignal.any([over.signal, signal])
  const late = Promise.withResolvers<never>()
  const alarm = clock.at(begunAt + checkMs, () => {
    const fault = new Fault('invariant.late', { value: name, ms: checkMs })
    over.abort(fault)
    late.reject(fault)
  })
  late.promise.catch(() => undefined)
  const end = (result: Omit<InvariantResult, 'name' | 'ms'>): InvariantResult => ({
    name,
    ...result,
    ms: Math.round(clock.now() - begunAt),
  })
  try {
    const asked = Promise.resolve().then(() => ask(lookOf(view, either), either))
    // What it does after it was given up is nobody's fault.
    asked.catch(() => undefined)
    const said = await Promise.race([asked, late.promise])
    if (said === true || said === undefined) return end({ holds: true, found: [], fault: undefined })
    const found = said === false ? [] : Array.isArray(said) ? said : [String(said)]
    const isEmpty = Array.isArray(said) && said.length === 0
    return end({
      holds: isEmpty,
      found: found.slice(0, namedMost).map((one) => one.slice(0, textMost)),
      fault: undefined,
    })
  } catch (error) {
    const { code, message } = isFault(error, 'invariant.late')
      ? storedFaultOf(error)
      : storedFaultOf(new Fault('invariant.throws', { value: name, reason: reasonOf(error) }, { cause: error }))
    return end({ holds: undefined, found: [], fault: { code, message: message.slice(0, textMost * 2) } })
  } finally {
    alarm.cancel()
    over.abort()
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function lookOf(view: CutView, signal: AbortSignal): CheckedCut {
  const { id, realm, begunAt, partitions } = view.manifest
  return {
    ...{ id, realm, at: begunAt },
    async *actors(kind) {
      const isWanted = kind === undefined ? undefined : ofKind(kind)
      for (let partition = 0; partition < partitions; partition++)
        for await (const [address, bytes] of pausing(view.states(partition, isWanted), signal)) {
          if (bytes === null || (kind !== undefined && kindOf(address) !== kind)) continue
          const state = decodeState(bytes)
          const { value, status, context, output } = state.snapshot
          yield { address, value, status, context, output, state }
        }
    },
    async *inFlight() {
      for await (const row of pausing(view.flights(), signal)) {
        const flying = flyingOf(row)
        if (flying !== undefined) yield flying
      }
    },
  }
}

/** What nobody can read is parked by its receiver; it says nothing to a predicate either. */
function flyingOf([seq, subject, data, at, id]: FlightRow): FlyingEnvelope | undefined {
  const stored = parseStored(subject)
  try {
    if (stored.is === 'ev') return { seq, from: stored.address, to: undefined, event: emittedOf(data), at }
    if (stored.is !== 'in') return undefined
    const { address: to, sender } = stored
    const read =
      sender === 'x'
        ? decodeOutside({ to, at, bytes: data, ...(id === null || id === undefined ? {} : { id }) })
        : decodeEnvelope(to, data).envelope
    const from = read.from !== undefined && isAddress(read.from) ? read.from : undefined
    return { seq, from, to: read.to, event: read.content.is === 'event' ? read.content.event : undefined, at }
  } catch (error) {
    if (isFault(error)) return undefined
    throw error
  }
}
