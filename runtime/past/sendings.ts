/**
 * What one actor sent and emitted, as it stands on the log. It serves rewinding: causes are followed
 * from those who sent to those who took. Invariant: an envelope that stands there twice, because its
 * commit was sent again, is one.
 */
import type { Address } from '#protocol/address.ts'
import { decodeEnvelope } from '#protocol/envelope.ts'
import { partitionOf } from '#protocol/partition.ts'
import { parseStored, subjects, topicOf } from '#protocol/subject.ts'
import type { Bus } from '#runtime/bus.ts'
import { emittedOf } from '#runtime/core/emitted.ts'
import { readThrough } from '#runtime/partition/read-through.ts'

export type Sending = { readonly from: Address; readonly to: Address; readonly seq: number; readonly type: string }

export type Emission = { readonly seq: number; readonly type: string; readonly topic: string }

type Sought = {
  readonly address: Address
  readonly from: number
  /** Of its commits. */
  readonly numbers: ReadonlySet<number>
}

export async function sentBy(bus: Bus, { address, from, numbers }: Sought): Promise<Sending[]> {
  const found = new Map<string, Sending>()
  const partition = partitionOf(address, bus.realm.partitions)
  const name = Buffer.from(address)
  await readThrough(
    bus,
    subjects.sentBy(bus.realm, partition),
    ({ subject, data, seq }) => {
      const stored = parseStored(subject)
      if (stored.is !== 'in' || !Buffer.from(data.buffer, data.byteOffset, data.length).includes(name)) return true
      const { envelope } = decodeEnvelope(stored.address, data)
      const { content, n, index } = envelope
      const key = `${n}.${index}`
      if (envelope.from !== address || !numbers.has(n) || found.has(key)) return true
      const type = content.is === 'event' ? content.event.type : `perdure.${content.is}`
      found.set(key, { from: address, to: stored.address, seq, type })
      return true
    },
    from,
  )
  return [...found.values()]
}

export async function emittedBy(bus: Bus, address: Address, from: number): Promise<Emission[]> {
  const found: Emission[] = []
  await readThrough(
    bus,
    `${bus.realm.name}.ev.${address.replace('/', '.')}.>`,
    ({ subject, data, seq }) => {
      found.push({ seq, type: emittedOf(data).type, topic: topicOf(subject) })
      return true
    },
    from,
  )
  return found
}
