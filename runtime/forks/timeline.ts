/**
 * What each commit made of each actor, read from a log as it grows. It serves "the first state where
 * they part (address, step, paths)". Invariant: a state is followed from the cut on, change by change,
 * as a fold does it, so what is compared is what was committed and nothing else.
 */
import type { Address } from '#protocol/address.ts'
import { decode } from '#protocol/codec.ts'
import { type CommitRecord, joinPart, type RecordPart } from '#protocol/record.ts'
import { type ActorState, stateOfArray } from '#protocol/state.ts'
import { parseStored } from '#protocol/subject.ts'
import type { LogEntry } from '#runtime/bus.ts'
import { recordIn, stateAfter } from '#runtime/past/records.ts'

/** An actor behind one commit. */
export type Moment = {
  readonly address: Address
  readonly at: number
  readonly seq: number
  /** How many steps it had made. */
  readonly step: number
  /** Nothing where it is gone. */
  readonly state: ActorState | undefined
}

export type Timeline = {
  /** Takes what was appended since. */
  read(entries: readonly LogEntry[]): Promise<readonly Moment[]>
  /** As it is now; of one that was never touched, as it was in the cut. */
  stateOf(address: Address): Promise<ActorState | undefined>
  /** Whoever was touched. */
  readonly touched: Iterable<Address>
}

/** `begun`: an actor as it was in the cut. */
export function timelineOf(begun: (address: Address) => Promise<Uint8Array | undefined>): Timeline {
  const states = new Map<Address, unknown[] | undefined>()
  const split = new Map<string, readonly RecordPart[]>()
  const seen = new Set<string>()

  async function arrayOf(address: Address): Promise<unknown[] | undefined> {
    if (states.has(address)) return states.get(address)
    const bytes = await begun(address)
    return bytes === undefined ? undefined : (decode(bytes) as unknown[])
  }

  function wholeIn(entry: LogEntry): CommitRecord | undefined {
    const stored = parseStored(entry.subject)
    const partition =
      stored.is === 'commit' ? stored.partition : stored.is === 'in' ? Number(stored.sender) : Number.NaN
    const record = Number.isInteger(partition) ? recordIn(entry, partition) : undefined
    if (record === undefined || record.is === 'claim') return undefined
    const key = `${partition} ${record.n}`
    if (seen.has(key)) return undefined
    const whole = record.is === 'commit' ? record : joinPart(split, record)
    // A commit whose outcome was not known stands there twice.
    if (whole !== undefined) seen.add(key)
    return whole
  }

  return {
    async read(entries) {
      const moments: Moment[] = []
      for (const entry of entries) {
        const record = wholeIn(entry)
        for (const address of new Set(record?.changes.map((change) => change.address))) {
          const changes = (record as CommitRecord).changes.filter((change) => change.address === address)
          const before = await arrayOf(address)
          const array = stateAfter(before, changes)
          states.set(address, array)
          const state = array === undefined ? undefined : stateOfArray(array)
          const { at } = record as CommitRecord
          moments.push({ address, at, seq: entry.seq, step: state?.steps ?? stepsOf(before) + 1, state })
        }
      }
      return moments
    },
    async stateOf(address) {
      const array = await arrayOf(address)
      return array === undefined ? undefined : stateOfArray(array)
    },
    get touched() {
      return states.keys()
    },
  }
}

/** The step that ended it counts as one. */
function stepsOf(before: unknown[] | undefined): number {
  return before === undefined ? 0 : stateOfArray(before).steps
}
