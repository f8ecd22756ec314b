/**
 * What was on its way when a cut was taken: the state of the channels in Chandy and Lamport's sense.
 * From partition p to partition q that is what p sent before its recorded state and q had not
 * consumed in its own. Invariant: each envelope is exactly one of consumed before, in flight, sent
 * after. Pure.
 *
 * What came from outside, from effects and from operators is in flight when it stood before the
 * marker: what stands behind it is after the cut. Timers and pending effects are no channels; they
 * are part of the states.
 */
import { partitionOf } from '#protocol/partition.ts'
import { matches, parseStored, topicOf, type Sender } from '#protocol/subject.ts'

/** A partition's recorded state, as far as channels begin and end there. */
export type Recorded = {
  readonly partition: number
  readonly marker: number
  /** Where its marker commit stands: what it sent lies before. */
  readonly commit: number
  readonly cursor: number
  /** Up to which (n, index) of each sender was consumed. */
  readonly marks: Readonly<Record<number, readonly [number, number]>>
  readonly unheard: readonly (readonly [pattern: string, from: number])[]
}

export type Passing = { readonly seq: number; readonly subject: string }

/** Of an envelope between partitions, the number by which its receiver tells a copy. */
export type Numbered = { readonly n: number; readonly index: number; readonly generation: number }

export type Flight = { readonly from: string; readonly to: number }

export type Channels = {
  /** Which channels an entry is in flight on; the log is read in its order. `numberOf` is asked for envelopes between partitions only. */
  take(entry: Passing, numberOf: () => Numbered | undefined): Flight | undefined
  /** The first positions that can be in flight in mailboxes and among emitted events, and the last; none where the first is higher. */
  readonly mailboxesFrom: number
  readonly topicsFrom: number
  readonly to: number
}

export function channelsOf(recorded: readonly Recorded[], ours: { readonly generation: number }): Channels {
  const all = new Map(recorded.map((one) => [one.partition, one] as const))
  /** What was seen of each channel on the way: a commit that was sent again stands there twice. */
  const marks = new Map(
    recorded.map(({ partition, marks: seen }) => [partition, new Map(Object.entries(seen))] as const),
  )
  const last = Math.max(0, ...recorded.map(({ commit }) => commit))

  function isNew(to: number, sender: number, { n, index, generation }: Numbered): boolean {
    if (generation !== ours.generation) return false
    const known = marks.get(to) as Map<string, readonly [number, number]>
    const seen = known.get(String(sender))
    if (seen !== undefined && (n < seen[0] || (n === seen[0] && index <= seen[1]))) return false
    known.set(String(sender), [n, index])
    return true
  }

  function between(seq: number, to: number, sender: Sender): boolean {
    const receiver = all.get(to)
    if (receiver === undefined || seq <= receiver.cursor || sender === 'm') return false
    if (typeof sender !== 'number') return seq < receiver.marker
    const from = all.get(sender)
    return from !== undefined && seq < from.commit
  }

  return {
    mailboxesFrom: Math.min(last, ...recorded.map(({ cursor }) => cursor)) + 1,
    topicsFrom: Math.min(last, ...recorded.flatMap(({ unheard }) => unheard.map(([, from]) => from))) + 1,
    to: last,
    take({ seq, subject }, numberOf) {
      const stored = parseStored(subject)
      if (stored.is === 'in') {
        const { partition: to, sender } = stored
        if (!between(seq, to, sender)) return undefined
        if (typeof sender !== 'number') return { from: sender, to }
        const number = numberOf()
        // What cannot be read has no number: its receiver parks it, here or wherever the cut is restored.
        return number === undefined || isNew(to, sender, number) ? { from: String(sender), to } : undefined
      }
      if (stored.is !== 'ev') return undefined
      const emitter = all.get(partitionOf(stored.address, all.size))
      if (emitter === undefined || seq >= emitter.commit) return undefined
      const told = topicOf(subject)
      const waits = recorded.some(({ unheard }) =>
        unheard.some(([pattern, from]) => seq > from && matches(pattern, told)),
      )
      return waits ? { from: 'ev', to: emitter.partition } : undefined
    },
  }
}
