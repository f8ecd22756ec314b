/**
 * What was parked at the cut, parked in the new generation as it was. It serves "nothing is dropped
 * silently". Invariant: what goes on in more entries than one stays together, because nobody else
 * writes to that log before it is open.
 */
import { rootOf } from '#protocol/address.ts'
import { partitionOf } from '#protocol/partition.ts'
import { parseStored, subjects } from '#protocol/subject.ts'
import type { Bus, Entry } from '#runtime/bus.ts'
import { batchesOf } from './entry-batches.ts'
import type { CutView } from '#runtime/cuts/reading/open-cut.ts'

export async function putParked(bus: Bus, view: Pick<CutView, 'parked'>): Promise<void> {
  for await (const batch of batchesOf(entries(), ({ data }) => data.length)) await bus.appendAll(batch)

  async function* entries(): AsyncGenerator<Entry> {
    for await (const [, subject, data] of view.parked()) {
      const stored = parseStored(subject)
      if (stored.is !== 'parked') continue
      const to = partitionOf(rootOf(stored.address), bus.realm.partitions)
      yield { subject: subjects.parked(bus.realm, to, stored.address), data }
    }
  }
}
