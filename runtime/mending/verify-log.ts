/**
 * A log that comes back shorter than what it acknowledged is noticed before anything is written
 * to it. It serves the clause "one atomic commit to the realm's log". Invariants: after each
 * reconnect an owner finds its own last record where it was acknowledged, by identity and not
 * only by position, before it publishes; what is acknowledged lies above all that was seen; a
 * store that is ahead of its log never becomes an owner.
 *
 * A log loses its end and nothing else, so one record that is still in its place vouches for
 * everything before it. What was lost is taken from those who hold it (see mend.ts); until then
 * nothing is published.
 */
import { decodeEnvelope } from '#protocol/envelope.ts'
import { Fault, isFault, storedFaultOf } from '#protocol/fault.ts'
import { decodeRecord } from '#protocol/record.ts'
import { parseStored } from '#protocol/subject.ts'
import type { Store } from '#store/store.ts'
import type { Bus, LogEntry, Placed } from '#runtime/bus.ts'
import { type Clock, pause } from '#runtime/clock.ts'
import { trace } from '#runtime/trace.ts'

/** A claim or a record by which an owner knows the log again. */
export type Landmark = {
  readonly seq: number
  readonly epoch: number
  /** Nothing for a claim. */
  readonly n: number | undefined
}

export type LogWatch = {
  /** The bus: what it shows of the log is noted, and what is appended waits until the log's end was looked at. */
  readonly bus: Bus
  /** The highest sequence seen so far. */
  readonly seen: number
  /** Counts connections. */
  readonly life: number
  /** An ownership begins with its claim, which was made over the connection of that number. */
  begin(partition: number, claim: Landmark, life: number): void
  end(partition: number): void
  /**
   * Nothing when the owner of this epoch may publish at once; rejects when it never may again,
   * because it is the owner no more (`partition.lost`) or the log lost its end (`log.shorter`).
   */
  beforeSending(partition: number, epoch: number): Promise<void> | undefined
  /** A record was acknowledged that was first sent when `seen` was so high; throws `log.shorter`. */
  acknowledged(partition: number, record: Landmark, seen: number): void
  /** Nothing is published any more: it has to be mended. */
  suspend(fault: Fault): void
  /** Aborted when that happens; what was read of the log until then need not be there again. */
  readonly signal: AbortSignal
  /** Whether what was claimed over the connection of that number counts: nothing had to be mended since. */
  isSound(life: number): boolean
  /** It was mended: what it is now counts as seen for the first time. */
  restart(): void
  stop(): void
}

type Watched = {
  readonly epoch: number
  last: Landmark
  /** The connection over which it was found in its place. */
  life: number
  looking: Promise<void> | undefined
}

type World = {
  readonly bus: Bus
  readonly clock: Clock
  /** When it was made, as the node found it at its start. */
  readonly createdAt: string
  /** Whether somebody mended it meanwhile, so that positions mean something else. */
  readonly isMended: () => Promise<boolean>
  /** Told once; a log that was made anew cannot be mended. */
  readonly onShorter: (fault: Fault, canMend: boolean) => void
}

export function watchLog(
  { bus, clock, createdAt, isMended, onShorter }: World,
  { retryMs }: { readonly retryMs: number },
): LogWatch {
  const watched = new Map<number, Watched>()
  let seen = 0
  let life = 0
  let wasUp = true
  /** The connection over which the log's end was found to be where it must be. */
  let wholeLife = 0
  let whole: { readonly life: number; readonly looking: Promise<void> } | undefined
  let broken: Fault | undefined
  let breaking = new AbortController()
  /** The first connection after the last mending. */
  let soundLife = 0
  /** The highest entry that was read, by which the log's end is known again. */
  let newest: LogEntry | undefined

  function shorter(reason: string, canMend = true): Fault {
    if (broken === undefined) {
      broken = shorterFault(bus, reason)
      onShorter(broken, canMend)
    }
    return broken
  }

  const see = (seq: number): void => {
    if (seq > seen) seen = seq
  }

  const connection = bus.onState((state) => {
    if (state === 'connected' && !wasUp) {
      life++
      // Who is at rest looks as well: what it reads would be another log's.
      for (const [partition, { epoch }] of watched) beforeSending(partition, epoch)?.catch(() => undefined)
      if (watched.size === 0) lookAtWhole().catch(() => undefined)
    }
    wasUp = state === 'connected'
  })

  /** Asks until there is an answer: without one nothing may be published anyway. */
  async function answered<T>(ask: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await ask()
      } catch (error) {
        if (!isFault(error) || error.verdict !== 'retry') throw error
        await pause(clock, retryMs)
      }
    }
  }

  /** Why it is not the log that was seen before, if it is not. */
  async function reasonAgainst(
    lastSeq: number,
    before: number,
    last: LogEntry | undefined,
  ): Promise<string | undefined> {
    if (await answered(isMended)) return 'its mendings are not those that this node goes by'
    if (lastSeq < before) return `it ends at ${lastSeq}, and ${before} was seen`
    const found = last === undefined ? undefined : await answered(() => bus.get(last.seq))
    const isOther =
      last !== undefined && found !== undefined && (found.at !== last.at || found.subject !== last.subject)
    return isOther ? `position ${last.seq} holds something else than what was read there` : undefined
  }

  /** The end of the log, once for each connection. */
  function lookAtWhole(): Promise<void> {
    if (whole?.life === life) return whole.looking
    const [before, mine, last] = [seen, life, newest]
    const looking = answered(() => bus.logState()).then(async (state) => {
      if (state.createdAt !== createdAt) throw shorter(`it was made anew at ${state.createdAt}`, false)
      const reason = await reasonAgainst(state.lastSeq, before, last)
      // Meanwhile the connection changed, or the log was mended: what was found is of another time.
      if (whole !== me) return await lookAtWhole()
      if (reason !== undefined) throw shorter(reason)
      wholeLife = mine
    })
    const me = { life, looking }
    whole = me
    return looking
  }

  async function look(partition: number, one: Watched): Promise<void> {
    for (;;) {
      const mine = life
      const { last } = one
      await lookAtWhole()
      const entry = await answered(() => bus.get(last.seq))
      if (mine !== life || last !== one.last) continue
      // Where nothing stands it was trimmed: the log is no shorter than what was seen.
      if (entry !== undefined && !isLandmark(entry, partition, last))
        throw shorter(`position ${last.seq} holds something else than ${nameOf(partition, last)}`)
      one.life = mine
      return
    }
  }

  function beforeSending(partition: number, epoch: number): Promise<void> | undefined {
    if (broken !== undefined) return Promise.reject(broken)
    const one = watched.get(partition)
    // A commit that was on its way when its owner let go is not tried again.
    if (one?.epoch !== epoch)
      return Promise.reject(new Fault('partition.lost', { partition, have: one?.epoch, want: epoch }))
    if (one.life === life) return undefined
    one.looking ??= look(partition, one).finally(() => (one.looking = undefined))
    return one.looking
  }

  /** Claims, and whatever else is not a record: a log without them is shorter than what was acknowledged. */
  function noted(placed: Placed): Placed {
    see(placed.seq)
    return placed
  }

  function afterLooking<T>(append: () => Promise<T>): Promise<T> {
    if (broken !== undefined) return Promise.reject(broken)
    return wholeLife === life ? append() : lookAtWhole().then(append)
  }

  return {
    bus: {
      ...bus,
      append: (entry) => afterLooking(() => bus.append(entry).then(noted)),
      appendAll: (entries) => afterLooking(() => bus.appendAll(entries).then(noted)),
      read: (options) =>
        bus.read({
          ...options,
          onEntry(entry) {
            if (entry.seq > seen) {
              seen = entry.seq
              newest = entry
            }
            options.onEntry(entry)
          },
        }),
    },
    get seen() {
      return seen
    },
    get life() {
      return life
    },
    begin(partition, claim, madeOver) {
      see(claim.seq)
      watched.set(partition, { epoch: claim.epoch, last: claim, life: madeOver, looking: undefined })
    },
    end: (partition) => void watched.delete(partition),
    beforeSending,
    acknowledged(partition, record, before) {
      if (record.seq <= before)
        throw shorter(`${nameOf(partition, record)} was stored at ${record.seq}, and ${before} was seen before`)
      see(record.seq)
      const one = watched.get(partition)
      if (one?.epoch === record.epoch) one.last = record
    },
    suspend(fault) {
      broken ??= fault
      breaking.abort(broken)
    },
    get signal() {
      return breaking.signal
    },
    isSound: (since) => broken === undefined && since >= soundLife,
    restart() {
      broken = undefined
      breaking = new AbortController()
      whole = undefined
      life++
      soundLife = life
      wholeLife = life
      seen = 0
      newest = undefined
      watched.clear()
    },
    stop: () => connection.stop(),
  }
}

/** Before a claim: what the store has folded must stand on the log. */
export async function checkStore(
  { bus, store }: { readonly bus: Bus; readonly store: Store },
  partitions: readonly number[],
): Promise<void> {
  const folded = partitions.flatMap((partition) => store.partition(partition) ?? []).filter(({ seq }) => seq > 0)
  const most = Math.max(0, ...folded.map(({ seq, cursor }) => Math.max(seq, cursor)))
  const { lastSeq } = await bus.logState()
  if (lastSeq < most) throw shorterFault(bus, `it ends at ${lastSeq}, and the store has it up to ${most}`)
  await Promise.all(
    folded.map(async ({ partition, seq, epoch, n }) => {
      const entry = await bus.get(seq)
      const isOurs = (count: number | undefined): boolean =>
        entry === undefined || isLandmark(entry, partition, { seq, epoch, n: count })
      // What the store has last is a record, or the claim of an owner that committed nothing yet.
      if (!isOurs(n) && !isOurs(undefined))
        throw shorterFault(
          bus,
          `position ${seq} holds something else than ${nameOf(partition, { seq, epoch, n })}, which the store has`,
        )
    }),
  )
}

export function isLandmark({ subject, data }: LogEntry, partition: number, { epoch, n }: Landmark): boolean {
  const stored = parseStored(subject)
  let bytes: Uint8Array | undefined
  if (stored.is === 'commit' && stored.partition === partition) bytes = data
  else if (stored.is === 'in' && stored.sender === partition) bytes = decodeEnvelope(stored.address, data).record
  const record = bytes === undefined ? undefined : decodeRecord(bytes)
  if (record === undefined || record.partition !== partition || record.epoch !== epoch) return false
  return record.is === 'claim' ? n === undefined : record.n === n
}

function nameOf(partition: number, { n }: Landmark): string {
  return n === undefined ? `the claim of partition ${partition}` : `record ${n} of partition ${partition}`
}

function shorterFault(bus: Bus, reason: string): Fault {
  const fault = new Fault('log.shorter', { value: bus.realm.name, reason })
  trace({ is: 'log.shorter', fault: storedFaultOf(fault) })
  return fault
}
