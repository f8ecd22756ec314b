/**
 * Questions with a deadline. The question is an event that carries where its answer goes; the
 * answer is an entry of the log, so a crash of either side loses neither.
 */
import { nuid } from '@nats-io/nats-core'
import type { Address } from '#protocol/address.ts'
import type { StoredAnswer } from '#protocol/answer.ts'
import type { AnyEvent } from '#protocol/envelope.ts'
import { Fault } from '#protocol/fault.ts'
import type { Clock } from '#runtime/clock.ts'
import type { Replies } from './replies.ts'
import type { Sender } from './sender.ts'

export type Question = {
  readonly timeoutMs: number
  readonly id?: string
  readonly emitted?: string
  readonly traceparent?: string
  readonly signal?: AbortSignal
}

export type Asking = { ask(address: Address, event: AnyEvent, question: Question): Promise<unknown> }

export function askingOf(
  { sender, replies, clock }: { readonly sender: Sender; readonly replies: Replies; readonly clock: Clock },
  client: string,
): Asking {
  return {
    async ask(address, event, question) {
      const id = question.id ?? nuid.next()
      const deadline = clock.now() + question.timeoutMs
      const answered = Promise.withResolvers<StoredAnswer>()
      // Nobody may be listening when the deadline has already passed.
      answered.promise.catch(() => undefined)
      const waiting = await replies.await(id, answered.resolve)
      const alarm = clock.at(deadline, () =>
        answered.reject(new Fault('ask.deadline', { value: event.type, ms: question.timeoutMs })),
      )
      const onAbort = (): void => {
        // Those who work for this question are told to stop; whether they do is theirs.
        sender.send(address, null, { client, cancel: id }).catch(() => undefined)
        answered.reject(question.signal?.reason ?? new Fault('ask.cancelled', { value: event.type }))
      }
      question.signal?.addEventListener('abort', onAbort)
      try {
        const before = question.id === undefined ? undefined : await replies.find(id)
        if (before !== undefined) return valueOf(before)
        const note = {
          client,
          id: `ask-${id}`,
          ask: id,
          deadline,
          ...(question.emitted === undefined ? {} : { emitted: question.emitted }),
          ...(question.traceparent === undefined ? {} : { trace: question.traceparent }),
        }
        if (question.signal?.aborted === true) onAbort()
        // The deadline holds also while the server does not answer.
        else sender.send(address, event, note).catch(answered.reject)
        return valueOf(await answered.promise)
      } finally {
        alarm.cancel()
        question.signal?.removeEventListener('abort', onAbort)
        waiting.stop()
      }
    },
  }
}

function valueOf(answer: StoredAnswer): unknown {
  if (answer.is === 'value') return answer.value
  throw new Fault('ask.refused', { reason: answer.fault.message, code: answer.fault.code })
}
