/**
 * Asks the owner of a partition, and puts an answer together that came in parts. Invariant: an
 * answer is whole or a fault; one whose rest is gone is asked for anew, from the beginning.
 */
import { Fault, isFault } from '#protocol/fault.ts'
import { type Answered, decodeAnswered, encodeQuery, type Query } from '#protocol/query.ts'
import { subjects } from '#protocol/subject.ts'
import type { Bus } from '#runtime/bus.ts'

/** An owner that has no room for the answers of all who ask forgets some; it is asked so often. */
const asksMost = 3

export async function gather<T>(
  bus: Bus,
  { partition, query }: { readonly partition: number; readonly query: Query },
  timeoutMs: number,
): Promise<T> {
  async function ask(asked: Query): Promise<Answered<T>> {
    try {
      const subject = subjects.query(bus.realm, partition)
      return decodeAnswered(await bus.request(subject, encodeQuery(asked), timeoutMs))
    } catch (cause) {
      if (isFault(cause) && cause.verdict === 'crash') throw cause
      throw new Fault('partition.unowned', { partition, value: bus.realm.name }, { cause })
    }
  }

  async function whole(): Promise<Answered<T>> {
    const first = await ask(query)
    if (!('part' in first)) return first
    const { id, of } = first.part
    const parts = [first.part.bytes]
    while (parts.length < of) {
      const next = await ask({ is: 'part', id, part: parts.length })
      if (!('part' in next)) return next
      parts.push(next.part.bytes)
    }
    return decodeAnswered(Buffer.concat(parts))
  }

  for (let asks = 1; ; asks++) {
    const answer = await whole()
    if ('ok' in answer) return answer.ok
    const { code, message } = 'fault' in answer ? answer.fault : { code: 'query.failed', message: 'no answer' }
    if (code === 'answer.gone' && asks < asksMost) continue
    throw new Fault('query.failed', { reason: message, code })
  }
}
