/**
 * An owner at rest hears that another node claimed its partition, and lets go before any envelope
 * comes. It serves the rule of the claim. Invariant: only a higher epoch on the log ends an
 * ownership; what is told beside the log is a reason to look there, and nothing more.
 *
 * Claims are told on a subject of their own, once they are acknowledged; what was not heard is
 * found by asking, now and then, for what stands behind the last record of each partition that
 * committed nothing meanwhile. One that commits is refused anyway.
 */
import { decodeRecord } from '#protocol/record.ts'
import { subjects } from '#protocol/subject.ts'
import type { Bus } from '#runtime/bus.ts'
import type { Clock } from '#runtime/clock.ts'
import type { Partition } from '#runtime/partition/partition.ts'

export type ClaimHearing = {
  /** These are open: what was told of them meanwhile is looked at now. */
  look(partitions: readonly number[]): void
  stop(): void
}

type World = {
  readonly bus: Bus
  readonly clock: Clock
  readonly owned: ReadonlyMap<number, Partition>
}

export function hearClaims({ bus, clock, owned }: World, options: { readonly claimLookMs: number }): ClaimHearing {
  const looking = new Set<Partition>()
  /** The number of the last commit, as it was at the last look. */
  const numbers = new WeakMap<Partition, number>()
  /** Epochs of claims of partitions that are not open here. */
  const told = new Map<number, number>()
  let stopped = false
  let alarm: { cancel(): void } | undefined

  async function look(one: Partition): Promise<void> {
    if (looking.has(one)) return
    looking.add(one)
    try {
      const subject = subjects.commit(bus.realm, one.partition)
      for (let from = one.position.seq + 1; ;) {
        const entry = await bus.next(subject, from)
        if (entry === undefined || stopped || owned.get(one.partition) !== one) return
        const { epoch } = decodeRecord(entry.data)
        if (epoch > one.position.epoch) return one.fenced(epoch)
        // Its own, on the log before it was told so.
        from = entry.seq + 1
      }
    } finally {
      looking.delete(one)
    }
  }

  /** What cannot be looked at now is looked at next time; until then every commit is checked. */
  async function lookAt(some: readonly Partition[]): Promise<void> {
    for (const one of some) if (!stopped) await look(one).catch(() => undefined)
  }

  function isIdle(one: Partition): boolean {
    const { n } = one.position
    const before = numbers.get(one) ?? n
    numbers.set(one, n)
    return before === n
  }

  function again(): void {
    if (stopped) return
    alarm = clock.at(clock.now() + options.claimLookMs, () => {
      void lookAt([...owned.values()].filter(isIdle)).then(again)
    })
  }

  const hearing = bus.hear(subjects.claimed(bus.realm, '*'), (data, subject) => {
    const partition = Number(subject.slice(subject.lastIndexOf('.') + 1))
    const one = owned.get(partition)
    if (one !== undefined) void lookAt([one])
    // It may be about to be opened here, by an owner that is none any more.
    else told.set(partition, Number(new TextDecoder().decode(data)))
  })
  let isFirst = true
  const connection = bus.onState((state) => {
    // What was told meanwhile was not heard.
    if (state === 'connected' && !isFirst) void lookAt([...owned.values()])
    isFirst = false
  })
  again()

  return {
    look(partitions) {
      const late = partitions.flatMap((number) => {
        const one = owned.get(number)
        return one !== undefined && (told.get(number) ?? 0) > one.position.epoch ? [one] : []
      })
      for (const number of partitions) told.delete(number)
      void lookAt(late)
    },
    stop() {
      stopped = true
      alarm?.cancel()
      hearing.stop()
      connection.stop()
    },
  }
}
