/**
 * The programs of a workload: each sends and asks through a handle of its own, and may die and
 * come back under the same name; what it was promised is remembered here.
 */
import type { RealmHandle } from '#runtime/client/realm-handle.ts'
import { type Clock, pause } from '#runtime/clock.ts'

/** What is known of something that was asked for: it will be done once, or at most once. */
export type Outcome = 'done' | 'unknown'

export type Program = {
  readonly name: string
  /** Which life of the program this is, from 1. */
  readonly life: number
  readonly realm: RealmHandle
}

export type Outside = {
  /** How long things take, in parts of what they take in virtual time. */
  readonly pace: number
  program(name: string): Program
  sleep(ms: number): Promise<void>
  /** The promise's end, or `unknown` when the program dies first. */
  outcomeOf(program: Program, promise: Promise<unknown>): Promise<Outcome>
}

/** Programs that live as long as this process: all that a test of real servers needs. */
export function outsideOf(
  realmOf: (program: string) => RealmHandle,
  { clock, pace }: { readonly clock: Clock; readonly pace: number },
): Outside {
  const programs = new Map<string, Program>()
  return {
    pace,
    program(name) {
      const known = programs.get(name) ?? { name, life: 1, realm: realmOf(name) }
      programs.set(name, known)
      return known
    },
    sleep: (ms) => pause(clock, ms * pace),
    outcomeOf: (_, promise) =>
      promise.then(
        () => 'done' as const,
        () => 'unknown' as const,
      ),
  }
}
