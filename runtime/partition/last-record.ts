/**
 * Where the newest record of a partition stands: among its commits, or inside an envelope that it
 * sent by the cheap path. What the store has beyond this need not be read again.
 */
import { subjects } from '#protocol/subject.ts'
import type { Bus } from '#runtime/bus.ts'

export async function lastRecordSeq(bus: Bus, partition: number): Promise<number> {
  const [commit, sent] = await Promise.all([
    bus.lastMatching(subjects.commit(bus.realm, partition)),
    bus.lastMatching(subjects.sentBy(bus.realm, partition)),
  ])
  return Math.max(commit ?? 0, sent ?? 0)
}
