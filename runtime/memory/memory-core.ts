/** Core subjects in memory: who hears a subject now hears it once; nobody else ever does. */
import { Fault } from '#protocol/fault.ts'
import type { Bus } from '#runtime/bus.ts'
import type { Clock } from '#runtime/clock.ts'
import { matcherOf } from './memory-log.ts'
import type { Wire } from './memory-wire.ts'

type Heard = { readonly data: Uint8Array; readonly subject: string; readonly reply?: Reply }
type Reply = { answer(data: Uint8Array): void; refuse(fault: Fault): void }
type Listener = { readonly isWanted: (subject: string) => boolean; readonly hear: (heard: Heard) => void }

export type Hub = {
  add(listener: Listener): { stop(): void }
  /** How many heard it. */
  publish(heard: Heard): number
}

export function openHub(): Hub {
  const listeners = new Set<Listener>()
  return {
    add(listener) {
      listeners.add(listener)
      return { stop: () => void listeners.delete(listener) }
    },
    publish(heard) {
      const hearing = [...listeners].filter((listener) => listener.isWanted(heard.subject))
      for (const listener of hearing) listener.hear(heard)
      return hearing.length
    },
  }
}

export type CoreOptions = {
  readonly clock: Clock
  /** Distinguishes the inboxes of connections. */
  readonly connection: number
  /** What is told on a subject that the log stores is stored as well, as on a real server. */
  readonly store: (subject: string, data: Uint8Array) => void
  readonly maxPayload: number
}

type Core = Pick<Bus, 'request' | 'serve' | 'tell' | 'hear' | 'inbox'>

export function openMemoryCore(hub: Hub, wire: Wire, { clock, connection, store, maxPayload }: CoreOptions): Core {
  let inboxes = 0
  const refuseTooBig = (value: string, data: Uint8Array): void => {
    if (data.length > maxPayload) throw new Fault('bus.tooBig', { value, size: data.length, limit: maxPayload })
  }

  function listen(subject: string, on: (heard: Heard) => void): { stop(): void } {
    let isOn = true
    const isWanted = matcherOf(subject)
    const listening = hub.add({
      // Who is cut off or dead has no interest that the server knows of.
      isWanted: (published) => wire.state() === 'connected' && isWanted(published),
      hear: (heard) =>
        wire.arrive(() => {
          if (isOn) on(heard)
        }),
    })
    return {
      stop() {
        isOn = false
        listening.stop()
      },
    }
  }

  return {
    async request(subject, data, timeoutMs) {
      refuseTooBig(subject, data)
      const since = clock.now()
      return new Promise((resolve, reject) => {
        const timer = clock.at(since + timeoutMs, () => reject(new Fault('bus.timeout', { ms: timeoutMs })))
        const end = (act: () => void): void => {
          timer.cancel()
          act()
        }
        const reply: Reply = {
          answer: (answer) => wire.arrive(() => end(() => resolve(answer))),
          refuse: (fault) => wire.arrive(() => end(() => reject(fault))),
        }
        wire
          .request({ is: 'request', subject }, () => {
            if (hub.publish({ subject, data: data.slice(), reply }) === 0) {
              throw new Fault('bus.nobody', { value: subject })
            }
          })
          .catch((fault: Fault) => end(() => reject(fault)))
      })
    },
    serve: (subject, answer) =>
      listen(subject, ({ data, reply }) => {
        if (reply === undefined) return
        const send = (act: () => void): void => wire.send({ is: 'tell', subject }, act)
        Promise.resolve(data)
          .then(answer)
          .then((answered) => {
            refuseTooBig(subject, answered)
            send(() => reply.answer(answered.slice()))
          })
          .catch((error: unknown) => {
            const reason = error instanceof Error ? error.message : String(error)
            send(() => reply.refuse(new Fault('bus.refused', { reason, code: 0 })))
          })
      }),
    tell(subject, data) {
      refuseTooBig(subject, data)
      const copy = data.slice()
      wire.send({ is: 'tell', subject }, () => {
        hub.publish({ subject, data: copy })
        store(subject, copy)
      })
    },
    hear: (subject, on) => listen(subject, (heard) => on(heard.data, heard.subject)),
    inbox: () => `_INBOX.${connection}.${++inboxes}`,
  }
}
