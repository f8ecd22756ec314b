/**
 * The world outside of the nodes: programs that send and ask, remember what they were promised,
 * and may themselves crash and come back under the same name.
 */
import { realmHandleOf, type RealmOptions } from '#runtime/client/realm-handle.ts'
import { type Clock, pause } from '#runtime/clock.ts'
import type { InFlight, MemoryConnection, MemoryLog } from '#runtime/memory/memory-bus.ts'
import type { Outcome, Outside, Program } from '#test/support/workloads/outside.ts'

export type MortalProgram = Program & {
  readonly connection: MemoryConnection
  crash(inFlight: InFlight): void
}

export type SimulatedOutside = Omit<Outside, 'program'> & {
  readonly programs: readonly MortalProgram[]
  program(name: string): MortalProgram
}

export type OutsideOptions = Omit<RealmOptions, 'client'>

export function mortalOutsideOf(log: MemoryLog, clock: Clock, options: OutsideOptions): SimulatedOutside {
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
    pace: 1,
    get programs() {
      return [...programs.values()]
    },
    program,
    sleep: (ms) => pause(clock, ms),
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
