/**
 * What outsiders wrote may be as large as the server takes; an entry of a restore says beside it which
 * stream and which batch it is for. It serves "append what was in flight". Invariant: what does not
 * fit is parked whole, so that nobody can send anything that no cut with it could be restored from.
 */
import { type Address, rootOf } from '#protocol/address.ts'
import { bareEnvelope } from '#protocol/envelope.ts'
import { Fault, storedFaultOf } from '#protocol/fault.ts'
import { encodeParked, parkedEntryBytes } from '#protocol/parked.ts'
import { partitionOf } from '#protocol/partition.ts'
import { type Sender, subjects } from '#protocol/subject.ts'
import type { Bus, Entry } from '#runtime/bus.ts'

type Sent = { readonly address: Address; readonly sender: Sender; readonly position: number; readonly at: number }

/** Of what is parked as it came, nothing else is told. */
const unread = { ...bareEnvelope, content: { is: 'event', event: { type: 'perdure.undecodable' } } } as const

/** More than all headers of an entry together. */
export const headBytes = 1024

export function fitEntry(
  { realm, maxPayload }: Pick<Bus, 'realm' | 'maxPayload'>,
  entry: Entry,
  { address, sender, position: seq, at }: Sent,
): readonly Entry[] {
  const { data } = entry
  if (data.length <= maxPayload - headBytes) return [entry]
  const limit = Math.floor(maxPayload / 2)
  const fault = storedFaultOf(new Fault('event.tooBig', { value: address, size: data.length, limit }))
  const subject = subjects.parked(realm, partitionOf(rootOf(address), realm.partitions), address)
  const parts = encodeParked(
    { envelope: { ...unread, to: address, at, seq, sender }, raw: data, fault, at },
    parkedEntryBytes,
  )
  return parts.map((part) => ({ subject, data: part }))
}
