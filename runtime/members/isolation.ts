/**
 * Notices that this node is cut off from the log's leader and from the others, so that it lets go
 * of what it cannot own any more. Safety does not need it: no commit of a node that is cut off
 * counts. It serves those who look and wait: no stale answers, no effects on two sides. Invariant:
 * whoever is heard by the log again is no longer isolated.
 */
import { Fault } from '#protocol/fault.ts'
import { subjects } from '#protocol/subject.ts'
import type { Bus } from '#runtime/bus.ts'
import type { Clock } from '#runtime/clock.ts'
import type { Owners } from './owners.ts'
import type { Partition } from '#runtime/partition/partition.ts'
import { trace } from '#runtime/trace.ts'
import { type IsolationLimits, isCutOff, type Silence } from '#runtime/core/isolation.ts'

export type Isolation = {
  readonly isCutOff: boolean
  stop(): void
}

type World = {
  readonly bus: Bus
  readonly clock: Clock
  /** Whether others live, as far as this node knows, and when one was last heard. */
  readonly company: () => { readonly isThere: boolean; readonly heardAt: number }
  readonly owners: Pick<Owners, 'partitions' | 'lose'>
  readonly onHeard: () => void
}

/** Asked so often within the time that makes a node isolated. */
const looks = 8

export function openIsolation(world: World, options: IsolationLimits & { readonly name: string }): Isolation {
  const { bus, clock } = world
  const lookMs = Math.max(1, Math.floor(options.isolationMs / looks))
  let answeredAt = clock.now()
  let lookedAt = clock.now()
  /** The last commit of each, as it was at the last look. */
  const numbers = new WeakMap<Partition, number>()
  let hadCompany = false
  let isCut = false
  let isOver = false
  let alarm: { cancel(): void } | undefined

  /** Whether the log acknowledged a commit of this node since the last look. */
  function isAcknowledged(): boolean {
    let isSo = false
    for (const one of world.owners.partitions.values()) {
      const { n } = one.position
      if (n > (numbers.get(one) ?? n)) isSo = true
      numbers.set(one, n)
    }
    return isSo
  }

  function answered(): void {
    answeredAt = clock.now()
    hadCompany = world.company().isThere
    if (!isCut) return
    isCut = false
    trace({ is: 'node.heard', node: options.name })
    world.onHeard()
  }

  /** Only the leader answers this, and it costs it next to nothing. */
  async function ask(): Promise<void> {
    const askedAt = clock.now()
    try {
      await bus.last(subjects.commit(bus.realm, 0))
      // An answer that waited in this process says nothing of now.
      if (!isOver && clock.now() - askedAt < options.isolationMs) answered()
    } catch {
      // Nothing was heard, which is what counts.
    }
  }

  /** Also of what a take-over that was under way opens meanwhile. */
  function letGo({ logMs, othersMs }: Silence): void {
    const partitions = [...world.owners.partitions.keys()]
    if (partitions.length === 0) return
    trace({ is: 'node.isolated', node: options.name, partitions, logMs, othersMs })
    const fault = new Fault('node.isolated', { value: options.name, ms: logMs })
    for (const number of partitions) world.owners.lose(number, fault)
  }

  function look(): void {
    if (isOver) return
    const now = clock.now()
    // A process that stood still has not listened.
    if (now - lookedAt > options.isolationMs / 2) answeredAt = now
    lookedAt = now
    if (isAcknowledged()) answered()
    void ask()
    const silence = { logMs: now - answeredAt, othersMs: now - world.company().heardAt, hadCompany }
    if (isCut || isCutOff(silence, options)) {
      isCut = true
      letGo(silence)
    }
    alarm = clock.at(now + lookMs, look)
  }

  look()
  return {
    get isCutOff() {
      return isCut
    },
    stop() {
      isOver = true
      alarm?.cancel()
    },
  }
}
