/**
 * Ends the standstill of a realm's timers. It serves "`perdure timers thaw`". Invariant: it ends once;
 * who comes second is told that it has.
 */
import { Fault } from '#protocol/fault.ts'
import { encodeStandstill, isStill, type Standstill, standstillNote } from '#protocol/standstill.ts'
import { subjects } from '#protocol/subject.ts'
import type { Bus } from '#runtime/bus.ts'
import { changeEntry } from '#runtime/change-entry.ts'
import type { Clock } from '#runtime/clock.ts'
import { standstillIn } from '#runtime/members/standstill.ts'

type World = { readonly bus: Bus; readonly clock: Clock }

/** Each timer goes on by its own policy, as after an absence that was so long. */
export async function thawTimers({ bus, clock }: World): Promise<Standstill & { readonly until: number }> {
  const { name, generation } = bus.realm
  const until = clock.now()
  let ended: Standstill | undefined
  await changeEntry(bus.notes, standstillNote, (value) => {
    const found = standstillIn(value, generation)
    if (!isStill(found)) throw new Fault('timers.free', { value: name })
    ended = { ...found, until }
    return encodeStandstill(ended)
  })
  bus.tell(subjects.timers(bus.realm), new Uint8Array())
  return { ...(ended as Standstill), until }
}
