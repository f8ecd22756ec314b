/**
 * Keeps what is held of the log in step with its tables: "LMDB follows the log", over a mending.
 * Invariants: the table that a node's positions are of is held like any other entry, so that it is
 * known also when the log forgets it and keeps what it speaks of; what the log went on without is
 * held no longer, so that no later mending brings it back.
 */
import { decodeHeld, encodeHeld, type HeldEntry } from '#protocol/held.ts'
import { subjects } from '#protocol/subject.ts'
import type { Store } from '#store/store.ts'
import type { Bus } from '#runtime/bus.ts'
import type { Clock } from '#runtime/clock.ts'
import type { PlacedLog } from './placed-log.ts'

type World = { readonly store: Store; readonly clock: Clock }

export async function holdTable({
  raw,
  store,
  clock,
  placed,
}: World & { readonly raw: Bus; readonly placed: PlacedLog }): Promise<void> {
  const entry = await raw.last(subjects.mended(raw.realm))
  if (entry === undefined) return
  await store.fold([], encodeHeld([{ ...entry, seq: placed.places.positionOf(entry.seq) }], clock.now()))
}

/** Entries that are written in one chunk. */
const chunkBytes = 4_000_000

export async function forgetHeld({ store, clock }: World, isGone: (entry: HeldEntry) => boolean): Promise<void> {
  const chunks = [...store.recents.chunks()].map((chunk) => decodeHeld(chunk)).toReversed()
  if (!chunks.some((entries) => entries.some(isGone))) return
  const kept = chunks.map((entries) =>
    entries.filter((one) => !isGone(one)).map((one) => ({ ...one, data: Buffer.from(one.data) })),
  )
  await store.recents.trim(Number.POSITIVE_INFINITY, 0)
  let together: HeldEntry[] = []
  let bytes = 0
  const write = async (): Promise<void> => {
    if (together.length > 0) await store.fold([], encodeHeld(together, clock.now()))
    together = []
    bytes = 0
  }
  for (const entry of kept.flat()) {
    together.push(entry)
    bytes += entry.data.length
    if (bytes >= chunkBytes) await write()
  }
  await write()
}
