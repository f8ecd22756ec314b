/** Takes cuts of a simulated world in the middle of its storm, and one when it is calm, which must succeed. */
import { pause } from '#runtime/clock.ts'
import type { CutManifest } from '#protocol/cut.ts'
import type { MemoryLog } from '#runtime/memory/memory-bus.ts'
import type { VirtualClock } from '#runtime/memory/virtual-clock.ts'
import { openMemoryShelf } from '#store/memory-archive.ts'
import { developCut } from '#test/support/cuts/develop.ts'
import { within } from '#test/support/within.ts'
import type { Random } from '#test/support/workloads/random.ts'
import type { Crew } from './crew.ts'
import type { TakenCut } from './cut-audit.ts'
import { openPlainArchive } from './plain-archive.ts'

type World = {
  readonly log: MemoryLog
  readonly clock: VirtualClock
  readonly crew: Crew
  readonly dice: Random
  readonly tell: (what: string) => void
}

export type Photographer = {
  takeWhile(isOn: () => boolean): Promise<void>
  /** Says what is wrong when none can be taken of a realm at rest. */
  takeLast(): Promise<string[]>
  /** Every whole cut, read again as somebody who was not there. */
  developed(): Promise<readonly TakenCut[]>
  counts(): readonly [whole: number, begun: number]
}

export function photographerOf({ log, clock, crew, dice, tell }: World): Photographer {
  const whole: CutManifest[] = []
  let begun = 0

  function take(): Promise<string[]> {
    const nodes = crew.processes.flatMap(({ node }) => node?.cuts ?? [])
    if (nodes.length === 0) return Promise.resolve(['nobody can take a cut'])
    begun++
    const { id, whole: taking } = dice.pick(nodes).take({ name: undefined, by: 'storm' })
    tell(`cut ${id}`)
    return taking.then(
      (manifest) => {
        tell(`cut ${id} is whole`)
        whole.push(manifest)
        return []
      },
      (error: unknown) => {
        tell(`cut ${id} is abandoned: ${String(error)}`)
        return [`cut ${id}: ${String(error)}`]
      },
    )
  }

  const develop = ({ id }: CutManifest): Promise<TakenCut> =>
    developCut(log.connect(), openPlainArchive(openMemoryShelf()), id)

  return {
    async takeWhile(isOn) {
      while (isOn()) {
        await pause(clock, dice.int(50, 2500))
        void take()
      }
    },
    takeLast: () => within(clock, take()),
    developed: () => within(clock, Promise.all(whole.map(develop))),
    counts: () => [whole.length, begun],
  }
}
