/**
 * The generations of a realm: one log after the other, of which one serves. They serve "a restored
 * realm has a new generation; anything still alive from before is refused". Invariants: at most one
 * generation takes what is sent to the realm; one that was begun and not opened is served by no
 * node; a generation that was sealed can be read and not written.
 */
import type { Realm } from '#protocol/realm.ts'
import type { Bus } from './bus.ts'

export type Generation = {
  readonly realm: Realm
  readonly state: 'open' | 'restoring' | 'sealed'
  readonly createdAt: string
  readonly firstSeq: number
  readonly lastSeq: number
}

export type NextGeneration = {
  readonly generation: number
  readonly partitions: number
  /** Above everything that the one before ever gave out. */
  readonly firstSeq: number
}

export interface Generations {
  /** The newest, whatever its state; nothing where the realm was never made. */
  newest(): Promise<Generation | undefined>
  /** The one that serves takes nothing more; done again it changes nothing. */
  seal(): Promise<void>
  /** Makes the next one, with the realm's subjects; the bus is the restorer's. */
  begin(next: NextGeneration): Promise<Bus>
  /** Nodes may serve it from now on. */
  open(): Promise<void>
  /** One that was begun and never opened goes, with all that was put there. */
  discard(): Promise<void>
  /** A sealed one, to be read. */
  past(generation: number): Promise<Bus | undefined>
}
