/**
 * The generations of a realm: one log after the other, of which one serves. They serve "a restored
 * realm has a new generation; anything still alive from before is refused". Invariants: at most one
 * generation takes what is sent to the realm; one that was begun and not opened is served by no
 * node; a generation that was sealed can be read and not written; no two attempts to make a next
 * one ever have the same number, so what is left of one that was given up can reach no other.
 */
import type { Fork } from '#protocol/fork.ts'
import type { Realm } from '#protocol/realm.ts'
import type { Bus } from './bus.ts'

export type Generation = {
  readonly realm: Realm
  readonly state: 'open' | 'restoring' | 'sealed'
  readonly createdAt: string
  readonly firstSeq: number
  readonly lastSeq: number
  /** Of a realm that is a fork: of what. */
  readonly fork?: Fork | undefined
}

export type NextGeneration = {
  readonly generation: number
  readonly partitions: number
  /** Above everything that the one before ever gave out. */
  readonly firstSeq: number
  /** Else what the one before is stays so: a fork that is restored is still a fork. */
  readonly fork?: Fork | undefined
}

export interface Generations {
  /** The largest payload that their server takes, in bytes. */
  readonly maxPayload: number
  /** The newest, whatever its state; nothing where the realm was never made. */
  newest(): Promise<Generation | undefined>
  /**
   * A number above this one that nobody had before. Whoever has it may begin; whoever had one before
   * can open nothing any more, unless that was decided already: then it is open from now on.
   */
  reserve(above: number): Promise<number>
  /** The one that serves takes nothing more; done again it changes nothing. */
  seal(): Promise<void>
  /** Makes the next one, with the realm's subjects; the bus is the restorer's. */
  begin(next: NextGeneration): Promise<Bus>
  /** Nodes may serve it from now on; refused (`restore.overtaken`) when a later number was given out. */
  open(generation: number): Promise<void>
  /** Those with a smaller number that were begun and never opened go, with all that was put there. */
  discard(before: number): Promise<void>
  /** The newest that was sealed serves again, when nothing came after it; says which. */
  unseal(): Promise<Generation | undefined>
  /** A sealed one, to be read. */
  past(generation: number): Promise<Bus | undefined>
}
