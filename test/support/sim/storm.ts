/** What strikes a simulated world while its storm lasts, by dice. */
import type { MemoryLog } from '#runtime/memory/memory-bus.ts'
import type { Random } from '#test/support/workloads/random.ts'
import type { Crew } from './crew.ts'
import type { SimulatedOutside } from './outside.ts'

export type StormWorld = {
  readonly log: MemoryLog
  readonly crew: Crew
  readonly outside: SimulatedOutside
  readonly dice: Random
  readonly tell: (what: string) => void
  /** Makes the wires of a program fail again, which has new ones. */
  readonly disturb: (program: ReturnType<SimulatedOutside['program']>) => void
  /** By how much a clock was set. */
  readonly jumped: (ms: number) => void
  /** Everything strikes but what sets clocks, which would excuse what comes too early. */
  readonly isHarsh: boolean
  /** Nodes that share the realm also leave in good order, and are cut off for long. */
  readonly isShared: boolean
}

const strikes = ['crash', 'fight', 'freeze', 'cut', 'server', 'program', 'lostDisk', 'cutProgram', 'clock'] as const
const sharing = ['leave', 'part', 'crash', 'fight'] as const
type Strike = (typeof strikes)[number] | (typeof sharing)[number]

/** Until it is no longer so. */
export async function storm(world: StormWorld, isOn: () => boolean): Promise<void> {
  const { dice, outside, isHarsh } = world
  const frequency = dice.pick(isHarsh ? [1500] : [400, 1500, 4000])
  const kinds: Strike[] = strikes.filter((kind) => (isHarsh ? kind !== 'clock' : dice.chance(0.6)))
  if (world.isShared) kinds.push(...sharing)
  while (isOn()) {
    await outside.sleep(dice.int(1, frequency))
    if (kinds.length > 0) await strike(world, dice.pick(kinds))
  }
}

async function strike({ log, crew, outside, dice, ...world }: StormWorld, kind: Strike): Promise<void> {
  const process = crew.processes.length === 0 ? undefined : dice.pick(crew.processes)
  const inFlight = dice.pick(['stored', 'lost'] as const)
  const program = outside.programs.length === 0 ? undefined : dice.pick(outside.programs)
  world.tell(`${kind} (${process?.name ?? 'nobody'}, ${program?.name ?? 'nobody'}, ${inFlight})`)
  switch (kind) {
    case 'crash':
      return process?.crash(inFlight)
    case 'fight': {
      const idle = crew.idle()
      if (idle.length > 0) crew.launch(dice.pick(idle))
      return
    }
    case 'freeze':
      process?.pause()
      await outside.sleep(dice.int(10, 5000))
      return process?.resume()
    case 'cut':
      process?.connection.disconnect(inFlight)
      await outside.sleep(dice.int(1, 2000))
      return process?.connection.reconnect()
    case 'leave':
      void process?.node?.stop().catch(() => undefined)
      return
    case 'part':
      process?.connection.disconnect(inFlight)
      await outside.sleep(dice.int(500, 6000))
      return process?.connection.reconnect()
    case 'server':
      log.stop()
      await outside.sleep(dice.int(1, 1000))
      return log.start()
    case 'program':
      if (program === undefined) return
      program.crash(inFlight)
      return world.disturb(program)
    case 'cutProgram':
      program?.connection.disconnect(inFlight)
      await outside.sleep(dice.int(1, 2000))
      return program?.connection.reconnect()
    case 'lostDisk':
      if (process === undefined) return
      process.crash(inFlight)
      return crew.loseDisk(process.name)
    case 'clock': {
      const ms = dice.int(1, dice.pick([100, 20_000])) * dice.pick([1, -1])
      process?.jump(ms)
      return world.jumped(ms)
    }
  }
}
