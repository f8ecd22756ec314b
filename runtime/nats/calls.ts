/** Requests to the JetStream API, on the shared inbox, with refusals as faults. */
import { Fault } from '#protocol/fault.ts'
import type { Link } from './link.ts'
import type { Replies } from './replies.ts'
import { faultOfServer, type ServerError } from './server-fault.ts'

export type Calls = {
  /** `undefined` when the server answers with one of the codes in `absent`. */
  readonly call: <T>(subject: string, body: object, options?: CallOptions) => Promise<T | undefined>
}

export type CallOptions = {
  readonly absent?: readonly number[]
  readonly waitMs?: number
  /** When nobody serves the API at all; by default that is taken as passing. */
  readonly nobody?: Fault
}

const utf8 = new TextEncoder()

export function openCalls(link: Link, replies: Replies, options: { realm: string; callMs: number }): Calls {
  return {
    call<T>(subject: string, body: object, { absent = [], waitMs = options.callMs, nobody }: CallOptions = {}) {
      if (!link.isUp()) return Promise.reject(link.downFault())
      const data = utf8.encode(JSON.stringify(body))
      const ask = (reply: string): void => link.publish(`$JS.API.${subject}`, data, { reply })
      return new Promise<T | undefined>((resolve, reject) => {
        const reply = replies.expect({
          subjects: `$JS.API.${subject}`,
          sentAt: performance.now(),
          waitMs,
          ofLeader: isReading(subject) ? { again: (at) => link.isUp() && ask(at) } : undefined,
          onReply(message) {
            if (message.data.length === 0)
              return reject(nobody ?? new Fault('bus.unreachable', { value: link.address }))
            const { error, ...answer } = message.json<{ error?: ServerError }>()
            if (error === undefined) resolve(answer as T)
            else if (absent.includes(error.err_code ?? 0)) resolve(undefined)
            else reject(faultOfServer(error, { address: link.address, subject, realm: options.realm }))
          },
          onLost: reject,
        })
        ask(reply)
      })
    },
  }
}

/** What changes nothing and is answered by the leader of a stream. */
function isReading(subject: string): boolean {
  return /^STREAM\.(?:INFO|MSG\.GET)\./.test(subject)
}
