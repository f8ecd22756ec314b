/** An entry of the log as a person may see it: who it is from, to whom, and what it says. */
import { decodeEnvelope, type Envelope } from '#protocol/envelope.ts'
import { decodeOutside } from '#protocol/outside.ts'
import { storedFaultOf } from '#protocol/fault.ts'
import { decodeParked, isParkedRest } from '#protocol/parked.ts'
import { parseStored } from '#protocol/subject.ts'
import type { Address, AnyEvent } from '#runtime/index.ts'
import type { LogEntry } from '#runtime/bus.ts'
import { emittedOf } from '#runtime/core/emitted.ts'

export type Read =
  | {
      readonly is: 'to'
      readonly seq: number
      readonly at: number
      readonly to: Address
      readonly from: string | undefined
      readonly type: string
      readonly event: unknown
    }
  | {
      readonly is: 'ev'
      readonly seq: number
      readonly at: number
      readonly from: Address
      readonly type: string
      readonly event: AnyEvent
    }
  | {
      readonly is: 'parked'
      readonly seq: number
      readonly at: number
      readonly to: Address
      readonly type: string | undefined
      readonly fault: { readonly code: string; readonly message: string }
    }

/** Nothing for what is the runtime's own: records, replies, the rest of a large parked entry. */
export function readEntry(entry: LogEntry): Read | undefined {
  const stored = parseStored(entry.subject)
  const { seq, at } = entry
  switch (stored.is) {
    case 'ev': {
      const event = emittedOf(entry.data)
      return { is: 'ev', seq, at, from: stored.address, type: event.type, event }
    }
    case 'parked': {
      if (isParkedRest(entry.data)) return undefined
      const { envelope, fault } = decodeParked(stored.address, entry.data)
      return {
        is: 'parked',
        seq,
        at,
        to: stored.address,
        type: envelope === undefined ? undefined : saysOf(envelope).type,
        fault: { code: fault.code, message: fault.message },
      }
    }
    case 'in': {
      try {
        const envelope =
          stored.sender === 'x'
            ? decodeOutside({ ...entry, to: stored.address, bytes: entry.data })
            : decodeEnvelope(stored.address, entry.data).envelope
        return { is: 'to', seq, at, to: envelope.to, from: senderOf(envelope, stored.sender), ...saysOf(envelope) }
      } catch (error) {
        const { code, message } = storedFaultOf(error)
        return {
          is: 'to',
          seq,
          at,
          to: stored.address,
          from: undefined,
          type: `(${code})`,
          event: { problem: message },
        }
      }
    }
    default:
      return undefined
  }
}

function saysOf({ content }: Envelope): { readonly type: string; readonly event: unknown } {
  if (content.is === 'event') return { type: content.event.type, event: content.event }
  const { is, ...rest } = content
  return { type: `(${is})`, event: rest }
}

function senderOf({ from }: Envelope, sender: string | number): string | undefined {
  if (sender === 'e') return 'effect'
  if (sender === 'c') return from === 'replay' ? 'replay' : 'operator'
  return from
}
