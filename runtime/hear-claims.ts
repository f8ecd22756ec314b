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
import type { Bus } from './bus.ts'
import type { Clock } from './clock.ts'
import type { Partition } from './partition.ts'

export type ClaimHearing = { stop(): void }

type World = {
  readonly bus: Bus
  readonly clock: Clock
  readonly owned: ReadonlyMap<number, Partition>
}

export function hearClaims({ bus, clock, owned }: World, options: { readonly claimLookMs: number }): ClaimHearing {
  const looking = new Set<Partition>()
  /** The number of the last commit, as it was at the last look. */
  const numbers = new WeakMap<Partition, number>()
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

  const hearing = bus.hear(subjects.claimed(bus.realm, '*'), (_, subject) => {
    const one = owned.get(Number(subject.slice(subject.lastIndexOf('.') + 1)))
    if (one !== undefined) void lookAt([one])
  })
  let isFirst = true
  const connection = bus.onState((state) => {
    // What was told meanwhile was not heard.
    if (state === 'connected' && !isFirst) void lookAt([...owned.values()])
    isFirst = false
  })
  again()

  return {
    stop() {
      stopped = true
      alarm?.cancel()
      hearing.stop()
      connection.stop()
    },
  }
}
