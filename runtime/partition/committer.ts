/**
 * Brings commits onto the log: "one atomic commit to the realm's log". Invariants: one commit in
 * flight per partition; an unknown outcome is resolved by sending the identical bytes again and
 * never by regrouping; a refusal is decided by identity, the last record's (epoch, n), never by
 * position alone.
 */
import { Fault, isFault, storedFaultOf } from '#protocol/fault.ts'
import { type AnyRecord, decodeRecord } from '#protocol/record.ts'
import { subjects } from '#protocol/subject.ts'
import type { Bus, Entry, LogEntry } from '#runtime/bus.ts'
import { type Clock, pause } from '#runtime/clock.ts'
import type { Plan } from '#runtime/core/compose.ts'
import { trace } from '#runtime/trace.ts'
import type { LogWatch } from '#runtime/mending/verify-log.ts'

export type Committed = {
  /** The sequence of the record's last entry. */
  readonly seq: number
}

export type Committer = {
  /** Calls back when this partition may put a commit together now; fair between partitions. */
  ready(go: () => Promise<void>): void
  /** Resolves when the commit is on the log; rejects with `partition.lost` when it never will be. */
  submit(plan: Plan): Promise<Committed>
}

export type CommitterOptions = {
  /** Plain publishes in flight over all partitions: fewer make larger groups. */
  readonly inFlightMost: number
  readonly entriesMost: number
  readonly retryMs: number
}

type Waiting = {
  readonly plan: Plan
  readonly done: (result: Committed) => void
  readonly failed: (error: unknown) => void
}

export type CommitterWorld = {
  readonly bus: Bus
  readonly clock: Clock
  readonly log: Pick<LogWatch, 'seen' | 'beforeSending' | 'acknowledged'>
}

/**
 * A refusal with nobody above us on the log: a leader that was elected a moment ago may not show
 * yet what was stored before it, and what it does not show is most likely our own commit.
 */
const looksMost = 6

function isRecordOf(plan: Plan, record: AnyRecord): boolean {
  return record.is !== 'claim' && record.epoch === plan.epoch && record.n === plan.n
}

export function committerOf({ bus, clock, log }: CommitterWorld, options: CommitterOptions): Committer {
  const turns: (() => Promise<void>)[] = []
  let busy = 0
  let isNext = false
  let waiting: Waiting[] = []
  let batching = false

  /**
   * What arrived in one chunk asks for many commits, one after the other. The first goes at once;
   * those behind it wait for the next turn of the loop and leave in one write to the socket,
   * because a write for each costs more than the commit itself.
   */
  function next(): void {
    if (isNext || turns.length === 0 || busy >= options.inFlightMost) return
    if (busy === 0) return begin()
    isNext = true
    setImmediate(begin)
  }

  function begin(): void {
    isNext = false
    for (const go of turns.splice(0, options.inFlightMost - busy)) {
      busy++
      void go().finally(() => {
        busy--
        next()
      })
    }
  }

  /** Sends until the server has said yes or no. `seen`: of the log, when it was sent for the first time. */
  async function insist(plan: Plan, seen: number, send: () => Promise<number>): Promise<number> {
    for (let tries = 0; ; tries++) {
      try {
        const checking = log.beforeSending(plan.partition, plan.epoch)
        if (checking !== undefined) await checking
        const seq = await send()
        log.acknowledged(plan.partition, { ...plan, seq }, seen)
        return seq
      } catch (error) {
        if (!isFault(error)) throw error
        if (error.code === 'bus.conflict') return await resolve(plan, seen, error)
        if (error.verdict !== 'retry') throw error
        // Unknown or refused for now: the same bytes again.
        trace({ is: 'commit.unknown', partition: plan.partition, n: plan.n, fault: storedFaultOf(error) })
        if (tries > 0 || error.code !== 'bus.inProgress')
          await pause(clock, Math.min(options.retryMs * 2 ** Math.min(tries, 5), 2000))
      }
    }
  }

  async function resolve(plan: Plan, seen: number, conflict: Fault): Promise<number> {
    let record: AnyRecord | undefined
    for (let tries = 0; tries < looksMost; tries++) {
      if (tries > 0) await pause(clock, options.retryMs * 2 ** tries)
      const last = await insistLast(plan.partition)
      record = last === undefined ? undefined : decodeRecord(last.data)
      if (last !== undefined && record !== undefined && isRecordOf(plan, record)) {
        log.acknowledged(plan.partition, { ...plan, seq: last.seq }, seen)
        return last.seq
      }
      if (record !== undefined && record.epoch > plan.epoch) break
    }
    throw new Fault(
      'partition.lost',
      { partition: plan.partition, have: record?.epoch, want: plan.epoch },
      { cause: conflict },
    )
  }

  async function insistLast(partition: number): Promise<LogEntry | undefined> {
    for (;;) {
      try {
        return await bus.last(subjects.commit(bus.realm, partition))
      } catch (error) {
        if (!isFault(error) || error.verdict !== 'retry') throw error
        await pause(clock, options.retryMs)
      }
    }
  }

  /** The batch of several partitions, as one; when refused, each by itself. */
  async function sendTogether(group: readonly Waiting[]): Promise<void> {
    const entries = group.flatMap((one) => one.plan.entries)
    const first = group[0] as Waiting
    const { seen } = log
    if (group.length > 1) {
      try {
        await Promise.all(group.map(async ({ plan }) => await log.beforeSending(plan.partition, plan.epoch)))
        const placed = await bus.appendAll(entries)
        let before = placed.seq - entries.length
        for (const { plan, done } of group) {
          const seq = before + 1 + plan.recordEnd
          log.acknowledged(plan.partition, { ...plan, seq }, seen)
          done({ seq })
          before += plan.entries.length
        }
        return
      } catch {
        // Whatever it was: each one's identity decides, one by one, and nobody is left waiting.
      }
    }
    for (const one of group.length > 1 ? group : [first]) {
      try {
        const seq = await insist(one.plan, seen, async () => {
          const placed = await bus.appendAll(one.plan.entries)
          return placed.seq - (one.plan.entries.length - 1 - one.plan.recordEnd)
        })
        one.done({ seq })
      } catch (error) {
        one.failed(error)
      }
    }
  }

  async function drainBatches(): Promise<void> {
    if (batching) return
    batching = true
    try {
      while (waiting.length > 0) {
        const group: Waiting[] = []
        let entries = 0
        while (waiting.length > 0) {
          const one = waiting[0] as Waiting
          if (group.length > 0 && entries + one.plan.entries.length > options.entriesMost) break
          entries += one.plan.entries.length
          group.push(one)
          waiting = waiting.slice(1)
        }
        await sendTogether(group)
      }
    } finally {
      batching = false
    }
  }

  return {
    ready(go) {
      turns.push(go)
      next()
    },
    async submit(plan) {
      if (plan.entries.length === 1) {
        const entry = plan.entries[0] as Entry
        return { seq: await insist(plan, log.seen, async () => (await bus.append(entry)).seq) }
      }
      return await new Promise<Committed>((done, failed) => {
        waiting.push({ plan, done, failed })
        void drainBatches().catch(failed)
      })
    },
  }
}
