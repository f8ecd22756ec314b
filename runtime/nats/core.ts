/** Core NATS: questions to whoever serves a subject now, and live views. Nothing here is stored. */
import { headers as newHeaders, createInbox } from '@nats-io/nats-core'
import { Fault } from '#protocol/fault.ts'
import type { Bus } from '#runtime/bus.ts'
import type { Link } from './link.ts'
import type { Replies } from './replies.ts'

/** The names that NATS services use, so that any client understands a refusal. */
const failed = 'Nats-Service-Error'

type Core = Pick<Bus, 'request' | 'serve' | 'tell' | 'hear' | 'inbox'>

export function openCore(link: Link, replies: Replies, inboxPrefix: string | undefined): Core {
  const tooBig = (value: string, data: Uint8Array): Fault =>
    new Fault('bus.tooBig', { value, size: data.length, limit: link.maxPayload })

  return {
    request(subject, data, timeoutMs) {
      if (!link.isUp()) return Promise.reject(link.downFault())
      if (data.length > link.maxPayload) return Promise.reject(tooBig(subject, data))
      return new Promise((resolve, reject) => {
        const reply = replies.expect({
          subjects: subject,
          sentAt: performance.now(),
          waitMs: timeoutMs,
          onReply(message) {
            const { headers } = message
            if (headers === undefined) return resolve(message.data)
            if (headers.code === 503) return reject(new Fault('bus.nobody', { value: subject }))
            const reason = headers.get(failed)
            if (reason === '') resolve(message.data)
            else reject(new Fault('bus.refused', { reason, code: 0 }))
          },
          onLost: reject,
        })
        link.publish(subject, data, { reply })
      })
    },

    serve(subject, answer) {
      // The asker waits on a connection of its own: an answer after a reconnect may still be in time.
      const respond = (reply: string, data: Uint8Array, reason?: string): void => {
        if (!link.isUp()) return
        const headers = newHeaders()
        if (reason !== undefined) headers.set(failed, reason)
        link.publish(reply, data, reason === undefined ? {} : { headers })
      }
      const respondTo = async (reply: string, data: Uint8Array): Promise<void> => {
        try {
          respond(reply, await answer(data))
        } catch (error) {
          // Also when the answer is larger than the server takes: the asker need not wait for nothing.
          respond(reply, new Uint8Array(), reasonOf(error))
        }
      }
      const subscription = link.nc.subscribe(subject, {
        callback: (error, message) => {
          if (error === null && message.reply) void respondTo(message.reply, message.data)
        },
      })
      return { stop: () => subscription.unsubscribe() }
    },

    tell(subject, data) {
      if (data.length > link.maxPayload) throw tooBig(subject, data)
      if (link.isUp()) link.publish(subject, data)
    },

    hear(subject, on) {
      const subscription = link.nc.subscribe(subject, {
        callback: (error, message) => {
          if (!error) on(message.data, message.subject)
        },
      })
      return { stop: () => subscription.unsubscribe() }
    },

    inbox: () => createInbox(inboxPrefix),
  }
}

function reasonOf(error: unknown): string {
  // A header is one line.
  return (error instanceof Error ? error.message : String(error)).replace(/\s+/g, ' ') || 'it failed'
}
