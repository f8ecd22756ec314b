/**
 * The mailboxes of a cut as they were: what each partition would have taken next of those outside.
 * It serves "delivered again" and "append what was in flight". Invariant: what is a copy, or came
 * too early, is told by the rule of the mailbox itself.
 */
import type { FlightRow } from '#protocol/cut.ts'
import { parseStored } from '#protocol/subject.ts'
import { type Admission, admissionOf, type Admitted } from '#runtime/core/admission.ts'
import type { CutView } from './open-cut.ts'

export type Doors = {
  /** By partition of the cut. */
  readonly all: readonly Admission[]
  /** Something in flight from outside, asked in the order of positions. */
  take(flight: FlightRow): Admitted | undefined
}

/** Nothing is forgotten, and every deadline may be asked for, because nothing is taken for the first time here. */
export const doorLimits = {
  clientKeepMs: Number.POSITIVE_INFINITY,
  clientsMost: Number.POSITIVE_INFINITY,
  askMostMs: Number.MAX_VALUE,
}

export async function openDoors(view: CutView): Promise<Doors> {
  const { generation, slices } = view.manifest
  const all: Admission[] = []
  for (const { partition } of slices) {
    const clients = await Array.fromAsync(view.clients(partition))
    const { position } = await view.slice(partition)
    all[partition] = admissionOf(generation, { position, clients }, doorLimits)
  }
  return {
    all,
    take([seq, subject, data, at, id]) {
      const stored = parseStored(subject)
      if (stored.is !== 'in' || stored.sender !== 'x') return undefined
      return all[stored.partition]?.admit({ seq, subject, data, at, id: id ?? undefined })
    },
  }
}
