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
import type { Bus } from './bus.ts'
import type { Clock } from './clock.ts'
import { trace } from './trace.ts'

export type EffectPost = {
  readonly address: Address
  readonly partition: number
  readonly effect: Effect
  readonly content: Envelope['content']
  readonly id: string | undefined
}

export function effectPostOf(
  { bus, clock }: { readonly bus: Bus; readonly clock: Clock },
  retryMs: number,
): (post: EffectPost) => Promise<void> {
  const limit = Math.floor(bus.maxPayload / 2)

  function bytesOf({ address, effect, content, id }: EffectPost): Uint8Array {
    const envelope: Envelope = {
      to: address,
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
    try {
      const data = encodeEnvelope(envelope)
      if (data.length <= limit) return data
      throw new Fault('event.tooBig', { value: effect.name, size: data.length, limit })
    } catch (error) {
      // What was thrown cannot be stored: its words can. Anything else that cannot is the effect's error.
      const isThrown =
        content.is === 'effect' && content.result.is === 'error' && isFault(error, 'value.unserializable')
      const told = isThrown && content.result.is === 'error' ? content.result.error : error
      return encodeEnvelope({
        ...envelope,
        content: { is: 'effect', effect: effect.id, result: { is: 'error', error: plainErrorOf(told) } },
      })
    }
  }

  return async (post) => {
    const { address, partition, effect } = post
    const entry = { subject: subjects.in(bus.realm, partition, 'e', address), data: bytesOf(post) }
    for (;;) {
      try {
        await bus.append(entry)
        return
      } catch (error) {
        if (!isFault(error) || error.verdict !== 'retry') {
          trace({ is: 'effect.unheard', address, effect: effect.id, name: effect.name, fault: storedFaultOf(error) })
          return
        }
        await new Promise<void>((resolve) => clock.at(clock.now() + retryMs, resolve))
      }
    }
  }
}
