/**
 * Setting actors back: finding out who must go, and doing it. Invariants: all of it is written in one
 * batch or not at all; each actor goes back once, by a commit of its own, and only while it is as it
 * was when that was decided; what is to be sent with it or again is looked at before anything is
 * written.
 */
import { nuid } from '@nats-io/nats-core'
import type { Address } from '#protocol/address.ts'
import { encode } from '#protocol/codec.ts'
import { type AnyEvent, type Content, encodeEnvelope } from '#protocol/envelope.ts'
import { Fault } from '#protocol/fault.ts'
import { checkEvent } from '#protocol/outside.ts'
import { partitionOf } from '#protocol/partition.ts'
import type { StepNote } from '#protocol/record.ts'
import { subjects } from '#protocol/subject.ts'
import type { Bus, Entry } from '#runtime/bus.ts'
import { type Clock, pause } from '#runtime/clock.ts'
import type { RewindPlan, RewoundActor } from '#runtime/past/rewind.ts'
import type { Operations } from './operate.ts'

export type Rewound = {
  readonly address: Address
  readonly is: 'back' | 'moved'
  readonly seq: number
  /** Of the event that was to be taken with it: what became of it there. */
  readonly then?: 'taken' | StepNote['mark']
}

/** An event that somebody who goes back loses, as it came. */
export type LostEvent = { readonly address: Address; readonly seq: number; readonly event: AnyEvent }

export type RewindOptions = {
  /** The one that was named takes it in the very commit in which it goes back, or not at all. */
  readonly then?: AnyEvent | undefined
  /**
   * What came from others meanwhile is sent again behind it, in its order: all of it, or of each what this makes of
   * it, and nothing where it makes nothing.
   */
  readonly replay?: boolean | ((lost: LostEvent) => AnyEvent | undefined)
}

export type Rewinding = RewindPlan & {
  apply(options?: RewindOptions): Promise<readonly Rewound[]>
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

  function entryOf({ address, state, seen }: RewoundActor, then: AnyEvent | undefined): Entry {
    const bytes = state === undefined ? null : encode(state)
    const content = { is: 'rewind', state: bytes, seen, ...(then === undefined ? {} : { then }) } as const
    return entryTo(address, content, { id: rewind })
  }

  /** How its owner took it. */
  async function outcomeOf({ address, state }: RewoundActor, seq: number): Promise<Rewound> {
    const until = clock.now() + steppedMs
    for (;;) {
      const { cursor } = await operate.partition(partitionOf(address, realm.partitions))
      if (cursor >= seq) {
        const lines = await operate.history(address, { limit: 50 })
        const [step, then] = lines.flatMap(({ steps }) => steps).filter((one) => one.seq === seq)
        // What leaves no line changed nothing: that is right only where there was, and is to be, none.
        const isBack = step === undefined ? state === undefined : step.mark === undefined
        return { address, is: isBack ? 'back' : 'moved', seq, ...(then && { then: then.mark ?? 'taken' }) }
      }
      if (clock.now() >= until) throw new Fault('rewind.late', { value: address, seq })
      await pause(clock, lookMs)
    }
  }

  function checkThen(then: AnyEvent): void {
    checkEvent(then)
    const isThere = plan.actors.some(({ address, state }) => address === plan.named && state !== undefined)
    if (!isThere) throw new Fault('rewind.nobody', { value: plan.named })
  }

  /** What is sent again, with whom it was from. */
  function againOf(replay: RewindOptions['replay']): readonly Again[] {
    if (replay === undefined || replay === false) return []
    return lostOf(plan).flatMap(({ from, ...lost }) => {
      const event = replay === true ? lost.event : replay(lost)
      if (event === undefined) return []
      // What came once may come again, also what nobody outside could send.
      if (event !== lost.event) checkEvent(event)
      return [{ ...lost, from, event }]
    })
  }

  return {
    ...plan,
    async apply({ replay, then } = {}) {
      if (then !== undefined) checkThen(then)
      const again = againOf(replay)
      const entries = plan.actors.map((one) => entryOf(one, one.address === plan.named ? then : undefined))
      const { seq } = await bus.appendAll(entries)
      const places = entries.map((_, at) => seq - (entries.length - 1 - at))
      const done = await Promise.all(plan.actors.map((one, at) => outcomeOf(one, places[at] as number)))
      const back = new Set(done.flatMap(({ address, is }) => (is === 'back' ? [address] : [])))
      for (const { address, seq: was, from, event } of again) {
        if (!back.has(address)) continue
        const given = { id: `${rewind}-${was}`, ...(from === undefined ? {} : { from }) }
        await bus.append(entryTo(address, { is: 'event', event }, given))
      }
      return done
    },
  }
}

type Again = LostEvent & { readonly from: string | undefined }

function lostOf({ lost }: RewindPlan): readonly Again[] {
  return lost.flatMap(({ address, seq, input: { arrival } }) => {
    if (arrival?.by !== 'envelope' || arrival.envelope.content.is !== 'event') return []
    return [{ address, seq, event: arrival.envelope.content.event, from: arrival.envelope.from }]
  })
}
