/**
 * Setting actors back: finding out who must go, and doing it. Invariants: all of it is written in one
 * batch or not at all; each actor goes back once, by a commit of its own, and only while it is as it
 * was when that was decided.
 */
import { nuid } from '@nats-io/nats-core'
import type { Address } from '#protocol/address.ts'
import { encode } from '#protocol/codec.ts'
import { type Content, encodeEnvelope } from '#protocol/envelope.ts'
import { Fault } from '#protocol/fault.ts'
import { partitionOf } from '#protocol/partition.ts'
import { subjects } from '#protocol/subject.ts'
import type { Bus, Entry } from '#runtime/bus.ts'
import type { Clock } from '#runtime/clock.ts'
import type { RewindPlan, RewoundActor } from '#runtime/past/rewind.ts'
import type { Operations } from './operate.ts'

export type Rewound = { readonly address: Address; readonly is: 'back' | 'moved'; readonly seq: number }

export type Rewinding = RewindPlan & {
  /** `replay`: what came from others meanwhile is sent again behind it, in its order. */
  apply(options?: { readonly replay?: boolean }): Promise<readonly Rewound[]>
}

type World = {
  readonly bus: Bus
  readonly clock: Clock
  readonly client: string
  readonly operate: Pick<Operations, 'history' | 'partition' | 'show'>
}

const steppedMs = 10_000
const lookMs = 20

export function rewindingOf({ bus, clock, client, operate }: World, plan: RewindPlan): Rewinding {
  const { realm } = bus
  const rewind = nuid.next()

  function entryTo(to: Address, content: Content, given: { readonly id: string; readonly from?: string }): Entry {
    const data = encodeEnvelope({
      ...{ to, content, from: given.from ?? client, at: clock.now(), id: given.id, n: 0, index: 0 },
      generation: realm.generation,
      ...{ cause: undefined, ask: undefined, deadline: undefined, traceparent: undefined },
    })
    return { subject: subjects.in(realm, partitionOf(to, realm.partitions), 'c', to), data }
  }

  function entryOf({ address, state, seen }: RewoundActor): Entry {
    const bytes = state === undefined ? null : encode(state)
    return entryTo(address, { is: 'rewind', state: bytes, seen }, { id: rewind })
  }

  /** How its owner took it. */
  async function outcomeOf({ address, state }: RewoundActor, seq: number): Promise<Rewound> {
    const until = clock.now() + steppedMs
    for (;;) {
      const { cursor } = await operate.partition(partitionOf(address, realm.partitions))
      if (cursor >= seq) {
        const lines = await operate.history(address, { limit: 50 })
        const step = lines.flatMap(({ steps }) => steps).find((one) => one.seq === seq)
        // What leaves no line changed nothing: that is right only where there was, and is to be, none.
        const isBack = step === undefined ? state === undefined : step.mark === undefined
        return { address, is: isBack ? 'back' : 'moved', seq }
      }
      if (clock.now() >= until) throw new Fault('rewind.late', { value: address, seq })
      await new Promise<void>((resolve) => clock.at(clock.now() + lookMs, resolve))
    }
  }

  return {
    ...plan,
    async apply({ replay = false } = {}) {
      const entries = plan.actors.map(entryOf)
      const { seq } = await bus.appendAll(entries)
      const places = entries.map((_, at) => seq - (entries.length - 1 - at))
      const done = await Promise.all(plan.actors.map((one, at) => outcomeOf(one, places[at] as number)))
      const back = new Set(done.flatMap(({ address, is }) => (is === 'back' ? [address] : [])))
      if (replay)
        for (const { address, seq: was, input } of plan.lost) {
          if (!back.has(address) || input.arrival?.by !== 'envelope') continue
          const { content, from } = input.arrival.envelope
          const given = { id: `${rewind}-${was}`, ...(from === undefined ? {} : { from }) }
          await bus.append(entryTo(address, content, given))
        }
      return done
    },
  }
}
