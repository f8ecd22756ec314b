/**
 * Holds a cut against what a program says must hold in it, and gives each predicate what it kept at an
 * earlier one. It serves "declared predicates are evaluated on every cut". Invariant: a predicate that
 * throws, takes too long or keeps too much is a fault of that predicate and of nothing else; where there
 * is a fault nothing is said, and nothing kept.
 */
import { isAddress, kindOf } from '#protocol/address.ts'
import { decode, encode } from '#protocol/codec.ts'
import { type InvariantResult, keptMost } from '#protocol/cut-check.ts'
import type { FlightRow } from '#protocol/cut.ts'
import { decodeEnvelope } from '#protocol/envelope.ts'
import { Fault, isFault, storedFaultOf, reasonOf } from '#protocol/fault.ts'
import { decodeOutside } from '#protocol/outside.ts'
import { decodeState } from '#protocol/state.ts'
import { parseStored } from '#protocol/subject.ts'
import type { Clock } from '#runtime/clock.ts'
import { emittedOf } from '#runtime/core/emitted.ts'
import type { CheckedCut, CutMemory, FlyingEnvelope, Invariant, Said } from './invariant.ts'
import type { Kept } from './kept-before.ts'
import type { CutView } from './open-cut.ts'
import { pausing } from './pausing.ts'
import { ofKind } from './wanted-segments.ts'

export type HoldWorld = {
  readonly view: CutView
  readonly clock: Clock
  readonly invariants: readonly Invariant[]
  /** Nothing where there is no earlier cut to speak of. */
  readonly before?: Kept | undefined
}

export type HoldOptions = {
  /** The most that one predicate may take. */
  readonly checkMs: number
  /** Ends it in the middle. */
  readonly signal?: AbortSignal | undefined
}

/** So many are named; a realm in which everything waits has more than anybody reads. */
export const namedMost = 20
const textMost = 300

export async function holdAgainst(world: HoldWorld, options: HoldOptions): Promise<readonly InvariantResult[]> {
  const results: InvariantResult[] = []
  for (const one of world.invariants) {
    options.signal?.throwIfAborted()
    results.push(await resultOf(one, world, options))
  }
  return results
}

async function resultOf(
  { name, holds: ask }: Invariant,
  { view, clock, before }: HoldWorld,
  { checkMs, signal }: HoldOptions,
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
  let keeps: unknown
  const memory: CutMemory = { before: before?.get(name), keep: (value) => (keeps = value) }
  try {
    const asked = Promise.resolve().then(() => ask(lookOf(view, either), either, memory))
    // What it does after it was given up is nobody's fault.
    asked.catch(() => undefined)
    const said = await Promise.race([asked, late.promise])
    const kept = keptOf(name, keeps)
    return end({ ...verdictOf(said), fault: undefined, ...(kept === undefined ? {} : { kept }) })
  } catch (error) {
    const { code, message } = own.some((one) => isFault(error, one))
      ? storedFaultOf(error)
      : storedFaultOf(new Fault('invariant.throws', { value: name, reason: reasonOf(error) }, { cause: error }))
    return end({ holds: undefined, found: [], fault: { code, message: message.slice(0, textMost * 2) } })
  } finally {
    alarm.cancel()
    over.abort()
  }
}

const own = ['invariant.late', 'invariant.keepsTooMuch'] as const

function verdictOf(said: Said): Pick<InvariantResult, 'holds' | 'found'> {
  if (said === true || said === undefined) return { holds: true, found: [] }
  const found = said === false ? [] : typeof said === 'string' ? [said] : said
  return {
    holds: typeof said === 'object' && said.length === 0,
    found: found.slice(0, namedMost).map((one) => one.slice(0, textMost)),
  }
}

/** As the next one will read it, apart from what the predicate still holds. */
function keptOf(name: string, keeps: unknown): unknown {
  if (keeps === undefined) return undefined
  const bytes = encode(keeps)
  if (bytes.length > keptMost)
    throw new Fault('invariant.keepsTooMuch', { value: name, bytes: bytes.length, limit: keptMost })
  return decode(bytes)
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
