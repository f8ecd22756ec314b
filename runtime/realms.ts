/**
 * The realms beside each other on the same servers, as far as forks need them. It serves "a fork is
 * a second realm beside the first". Invariant: only what says of itself that it is a fork is ever
 * removed.
 */
import type { Fork } from '#protocol/fork.ts'
import type { Generation, Generations } from './generations.ts'

export type SeenFork = {
  readonly name: string
  readonly generation: number
  readonly state: Generation['state']
  readonly partitions: number
  /** Nothing when a later release wrote it. */
  readonly fork: Fork | undefined
  /** Of its log. */
  readonly entries: number
  readonly bytes: number
}

export interface Realms extends AsyncDisposable {
  /** All there are, by name. */
  forks(): Promise<readonly SeenFork[]>
  /** Of a realm that is there or is to be. */
  generations(realm: string): Promise<Generations & Partial<AsyncDisposable>>
  /** Logs, bases, cuts and registries of a fork; false when nothing was there. */
  remove(realm: string): Promise<boolean>
}
