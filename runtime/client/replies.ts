/**
 * Hears the answers to this client's questions. They are entries of the log at `re.<client>.<id>`,
 * so an answer survives a crash of either side: who asks again with the same id finds it there.
 * They are read from the log and never from a bare subscription, because core NATS shows the
 * entries of a batch even when the batch is refused.
 */
import { decodeAnswer, type StoredAnswer } from '#protocol/answer.ts'
import { parseStored, subjects } from '#protocol/subject.ts'
import type { Bus, Reading } from '#runtime/bus.ts'

export type Replies = {
  /** Must be called before the question is sent. */
  await(id: string, on: (answer: StoredAnswer) => void): Promise<{ stop(): void }>
  /** An answer that stands there already. */
  find(id: string): Promise<StoredAnswer | undefined>
  stop(): Promise<void>
}

export function repliesOf(bus: Bus, client: string): Replies {
  const waiting = new Map<string, (answer: StoredAnswer) => void>()
  let reading: Promise<Reading> | undefined

  async function open(): Promise<Reading> {
    const { lastSeq } = await bus.logState()
    return await bus.read({
      filter: `${bus.realm.name}.re.${client}.>`,
      from: lastSeq + 1,
      onEntry(entry) {
        const stored = parseStored(entry.subject)
        if (stored.is !== 're') return
        const on = waiting.get(stored.id)
        waiting.delete(stored.id)
        on?.(decodeAnswer(entry.data))
      },
    })
  }

  return {
    async await(id, on) {
      waiting.set(id, on)
      reading ??= open()
      try {
        await reading
      } catch (error) {
        reading = undefined
        throw error
      }
      return { stop: () => void waiting.delete(id) }
    },
    async find(id) {
      const entry = await bus.last(subjects.reply(bus.realm, client, id))
      return entry === undefined ? undefined : decodeAnswer(entry.data)
    },
    async stop() {
      await (await reading)?.stop()
    },
  }
}
