/**
 * The world outside of the nodes: programs that send and ask, remember what they were promised,
 * and may themselves crash and come back under the same name.
 */
import { type RealmHandle, realmHandleOf, type RealmOptions } from '#runtime/client/realm-handle.ts'
import type { Clock } from '#runtime/clock.ts'
import type { InFlight, MemoryConnection, MemoryLog } from '#runtime/memory-bus.ts'
import type { Random } from './random.ts'

/** What is known of something that was asked for: it will be done once, or at most once. */
export type Outcome = 'done' | 'unknown'

export type Program = {
  readonly name: string
  /** Which life of the program this is, from 1. */
  readonly life: number
  readonly realm: RealmHandle
}

export type MortalProgram = Program & {
  readonly connection: MemoryConnection
  crash(inFlight: InFlight): void
}

export type Outside = {
  readonly clock: Clock
  readonly random: Random
  /** How long things take, in parts of what they take in virtual time. */
  readonly pace: number
  program(name: string): Program
  sleep(ms: number): Promise<void>
  /** The promise's end, or `unknown` when the program dies first. */
  outcomeOf(program: Program, promise: Promise<unknown>): Promise<Outcome>
}

export type SimulatedOutside = Omit<Outside, 'program'> & {
  readonly programs: readonly MortalProgram[]
  program(name: string): MortalProgram
}

export type OutsideOptions = Omit<RealmOptions, 'client'>

export function outsideOf(log: MemoryLog, clock: Clock, random: Random, options: OutsideOptions): SimulatedOutside {
  const programs = new Map<string, MortalProgram>()

  function program(name: string): MortalProgram {
    const known = programs.get(name)
    if (known !== undefined) return known
    let connection = log.connect()
    let realm = realmHandleOf({ bus: connection, clock }, { ...options, client: name })
    let life = 1
    const one: MortalProgram = {
      name,
      get life() {
        return life
      },
      get realm() {
        return realm
      },
      get connection() {
        return connection
      },
      crash(inFlight) {
        connection.die(inFlight)
        life++
        connection = log.connect()
        realm = realmHandleOf({ bus: connection, clock }, { ...options, client: name })
        const waiting = mourners.get(one)
        mourners.delete(one)
        for (const tell of waiting ?? []) tell()
      },
    }
    programs.set(name, one)
    return one
  }

  const mourners = new Map<Program, Set<() => void>>()

  return {
    clock,
    random,
    pace: 1,
    get programs() {
      return [...programs.values()]
    },
    program,
    sleep: (ms) => new Promise((resolve) => clock.at(clock.now() + ms, resolve)),
    outcomeOf(of, promise) {
      return new Promise((resolve) => {
        const all = mourners.get(of) ?? new Set()
        mourners.set(of, all)
        const end = (outcome: Outcome) => () => {
          all.delete(died)
          resolve(outcome)
        }
        const died = end('unknown')
        all.add(died)
        promise.then(end('done'), end('unknown'))
      })
    },
  }
}
