/**
 * What came after the cut, delivered again behind what was in flight. It serves `--replay`.
 * Invariant: it stands in the mailboxes before anything that is sent to the new generation.
 */
import { partitionOf } from '#protocol/partition.ts'
import { subjects } from '#protocol/subject.ts'
import type { Bus, Entry } from '#runtime/bus.ts'
import { batchesOf } from './entry-batches.ts'
import { fitEntry } from './fit-entry.ts'
import { bytesOfCame, type Came } from './replay.ts'
import type { OnProgress } from './restore.ts'

export async function putReplay(
  bus: Bus,
  came: AsyncIterable<Came>,
  { isSame, onProgress }: { readonly isSame: boolean; readonly onProgress: OnProgress },
): Promise<number> {
  const { realm } = bus
  let done = 0
  for await (const batch of batchesOf(entries(), ({ data }) => data.length)) {
    await bus.appendAll(batch)
    done += batch.length
    onProgress({ is: 'replayed', done, of: undefined })
  }
  return done

  async function* entries(): AsyncGenerator<Entry> {
    for await (const one of came) {
      const to = partitionOf(one.address, realm.partitions)
      const entry = { subject: subjects.in(realm, to, 'x', one.address), data: bytesOfCame(one, isSame) }
      yield* fitEntry(bus, entry, { ...one, sender: 'x' })
    }
  }
}
