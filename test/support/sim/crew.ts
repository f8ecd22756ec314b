/**
 * The processes of a simulated world, a few at most: started, killed, and started again on the disk
 * that they left, with the program's release of the day.
 */
import type { ActorKind } from '#protocol/actor.ts'
import type { Clock } from '#runtime/clock.ts'
import type { Disturb, MemoryLog } from '#runtime/memory/memory-bus.ts'
import type { NodeOptions } from '#runtime/node.ts'
import { type MemoryShelf, openMemoryShelf } from '#store/memory-archive.ts'
import { type MemoryDisk, openMemoryDisk } from '#store/memory-store.ts'
import type { Random } from '#test/support/workloads/random.ts'
import { type Mutation, type Process, startProcess } from './process.ts'

export type Crew = {
  readonly processes: readonly Process[]
  readonly names: readonly string[]
  /** Of whom nobody runs now. */
  idle(): readonly string[]
  launch(name: string): Process
  loseDisk(name: string): void
  hasDisk(name: string): boolean
}

export type CrewWorld = {
  readonly names: readonly string[]
  readonly log: MemoryLog
  readonly clock: Clock
  readonly dice: Random
  readonly options: NodeOptions
  readonly mutation: Mutation | undefined
  readonly kinds: () => readonly ActorKind[]
  readonly disturb: () => Disturb
  readonly isStorm: () => boolean
  readonly tell: (what: string) => void
  /** Whether cuts can be taken of it. */
  readonly cuts: boolean
}

export function crewOf(world: CrewWorld): Crew {
  const { log, clock, dice, tell, isStorm } = world
  const processes: Process[] = []
  const disks = new Map<string, MemoryDisk>()
  const shelves = new Map<string, MemoryShelf>()
  const { names } = world

  function launch(name: string): Process {
    const disk = disks.get(name) ?? openMemoryDisk()
    disks.set(name, disk)
    const shelf = shelves.get(name) ?? openMemoryShelf()
    shelves.set(name, shelf)
    tell(`${name} starts`)
    // A death at some operation to come: between any two steps of the commit path, or within the start.
    const mortal = isStorm() && dice.chance(0.5) ? dice.int(1, dice.pick([20, 100, 400])) : undefined
    const after = dice.chance(0.5)
    const process: Process = startProcess({
      log,
      clock,
      disk,
      shelf: world.cuts ? shelf : undefined,
      kinds: world.kinds(),
      options: { ...world.options, name },
      mutation: world.mutation,
      dies(operation, what) {
        if (operation !== mortal || !isStorm()) return undefined
        tell(`${name} dies ${after ? 'after' : 'before'} ${what}`)
        return after ? 'after' : 'before'
      },
    })
    process.connection.disturb(world.disturb())
    processes.push(process)
    process.ended.then(
      () => {
        tell(`${name} is over${process.failure === undefined ? '' : `: ${describe(process.failure)}`}`)
        processes.splice(processes.indexOf(process), 1)
      },
      () => undefined,
    )
    return process
  }

  return {
    processes,
    names,
    idle: () => names.filter((name) => !processes.some((one) => one.name === name)),
    launch,
    loseDisk(name) {
      disks.delete(name)
      shelves.delete(name)
    },
    hasDisk: (name) => disks.has(name),
  }
}

export function describe(failure: unknown): string {
  return failure instanceof Error ? (failure.stack ?? failure.message) : JSON.stringify(failure)
}
