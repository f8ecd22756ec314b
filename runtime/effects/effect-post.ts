/**
 * Brings what an effect has to say into its actor's mailbox. Invariant: it is tried until it is
 * stored, as long as the process lives; after that the effect is still pending in the state, and
 * the next owner goes on from there.
 */
import type { Address } from '#protocol/address.ts'
import { encodeEnvelope, type Envelope } from '#protocol/envelope.ts'
import { Fault, isFault, plainErrorOf, storedFaultOf } from '#protocol/fault.ts'
import type { Effect } from '#protocol/state.ts'
import { subjects } from '#protocol/subject.ts'
import type { Bus } from '#runtime/bus.ts'
import { type Clock, pause } from '#runtime/clock.ts'
import { trace } from '#runtime/trace.ts'

export type EffectPost = {
  readonly address: Address
  readonly partition: number
  readonly effect: Effect
  readonly content: Envelope['content']
  /** Of an event that its function sent: its number in that run, and the member of its family it is for. */
  readonly id?: string
  readonly to?: Address
}

type Written = { readonly to: Address; readonly data: Uint8Array }

export function effectPostOf(
  { bus, clock }: { readonly bus: Bus; readonly clock: Clock },
  retryMs: number,
): {
  /** Throws where it is called when this cannot be stored. */
  readonly check: (one: EffectPost) => void
  /** Whether it is stored now. */
  readonly post: (one: EffectPost) => Promise<boolean>
} {
  const limit = Math.floor(bus.maxPayload / 2)

  function envelopeOf({ address, effect, content, id, to = address }: EffectPost): Envelope {
    return {
      to,
      content,
      from: effect.id,
      at: clock.now(),
      id,
      n: 0,
      index: 0,
      generation: bus.realm.generation,
      cause: effect.cause,
      ask: undefined,
      deadline: effect.deadline,
      traceparent: undefined,
    }
  }

  function bytesOf({ effect }: EffectPost, envelope: Envelope): Uint8Array {
    const data = encodeEnvelope(envelope)
    if (data.length <= limit) return data
    throw new Fault('event.tooBig', { value: effect.name, size: data.length, limit })
  }

  function written(post: EffectPost): Written {
    const { address, effect, content } = post
    const envelope = envelopeOf(post)
    try {
      return { to: envelope.to, data: bytesOf(post, envelope) }
    } catch (error) {
      // What was thrown cannot be stored: its words can. Anything else that cannot is the effect's error.
      const isThrown =
        content.is === 'effect' && content.result.is === 'error' && isFault(error, 'value.unserializable')
      const told = isThrown && content.result.is === 'error' ? content.result.error : error
      const result = { is: 'error', error: plainErrorOf(told) } as const
      const data = encodeEnvelope({ ...envelope, to: address, content: { is: 'effect', effect: effect.id, result } })
      return { to: address, data }
    }
  }

  async function post(one: EffectPost): Promise<boolean> {
    const { address, partition, effect } = one
    const { to, data } = written(one)
    // A family lives in one partition, so whoever it may speak to has this mailbox too.
    const entry = { subject: subjects.in(bus.realm, partition, 'e', to), data }
    for (;;) {
      try {
        await bus.append(entry)
        return true
      } catch (error) {
        if (!isFault(error) || error.verdict !== 'retry') {
          trace({ is: 'effect.unheard', address, effect: effect.id, name: effect.name, fault: storedFaultOf(error) })
          return false
        }
        await pause(clock, retryMs)
      }
    }
  }

  return { check: (one) => void bytesOf(one, envelopeOf(one)), post }
}
