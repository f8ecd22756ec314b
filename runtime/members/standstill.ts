/**
 * Whether the timers of this generation stand still. It serves "timers frozen or free". Invariants:
 * it is known before the first partition opens; nothing fires before the end of a standstill is on
 * record; what is told of it is a reason to look, and a node that was not told looks by itself.
 */
import { decodeStandstill, isStill, type Standstill, standstillNote } from '#protocol/standstill.ts'
import { subjects } from '#protocol/subject.ts'
import type { Bus, Registry } from '#runtime/bus.ts'
import type { Clock } from '#runtime/clock.ts'
import { trace } from '#runtime/trace.ts'

export type StandstillHearing = {
  /** Nothing when there never was one in this generation. */
  readonly present: Standstill | undefined
  readonly isOn: boolean
  /** What is open then is opened again by whoever owns it. */
  onEnd(reopen: () => void): void
  stop(): void
}

type World = { readonly bus: Bus; readonly clock: Clock }

export async function readStandstill(
  notes: Pick<Registry, 'get'>,
  generation: number,
): Promise<Standstill | undefined> {
  return standstillIn(await notes.get(standstillNote), generation)
}

/** Of an earlier generation says nothing of this one. */
export function standstillIn(note: Uint8Array | undefined, generation: number): Standstill | undefined {
  const found = note === undefined || note.length === 0 ? undefined : decodeStandstill(note)
  return found?.generation === generation ? found : undefined
}

export async function hearStandstill(
  { bus, clock }: World,
  { claimLookMs }: { readonly claimLookMs: number },
): Promise<StandstillHearing> {
  const { generation } = bus.realm
  let present = await readStandstill(bus.notes, generation)
  let isOver = !isStill(present)
  let reopen: (() => void) | undefined
  let alarm: { cancel(): void } | undefined

  async function look(): Promise<void> {
    // What cannot be asked now is asked next time; until then timers stand still.
    const found = await readStandstill(bus.notes, generation).catch(() => undefined)
    if (isOver || found?.until === undefined) return
    stop()
    present = found
    trace({ is: 'timers.thawed', realm: bus.realm.name, ms: found.until - found.since })
    reopen?.()
  }

  function again(): void {
    alarm = clock.at(clock.now() + claimLookMs, () => {
      void look()
      if (!isOver) again()
    })
  }

  function stop(): void {
    isOver = true
    alarm?.cancel()
    hearing?.stop()
  }

  const hearing = isOver ? undefined : bus.hear(subjects.timers(bus.realm), () => void look())
  if (!isOver) again()
  return {
    get present() {
      return present
    },
    get isOn() {
      return isStill(present)
    },
    onEnd: (on) => void (reopen = on),
    stop,
  }
}
