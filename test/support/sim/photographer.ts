/** Takes cuts of a simulated world in the middle of its storm, and one when it is calm, which must succeed. */
import type { CutManifest, StateRow } from '#protocol/cut.ts'
import { cutShelfOf } from '#runtime/cuts/reading/cut-shelf.ts'
import { openCut } from '#runtime/cuts/reading/open-cut.ts'
import type { MemoryLog } from '#runtime/memory/memory-bus.ts'
import type { VirtualClock } from '#runtime/memory/virtual-clock.ts'
import { openMemoryShelf } from '#store/memory-archive.ts'
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

const minuteMs = 60_000

export function photographerOf({ log, clock, crew, dice, tell }: World): Photographer {
  const whole: CutManifest[] = []
  let begun = 0
  const pause = (ms: number): Promise<void> => new Promise((resolve) => clock.at(clock.now() + ms, resolve))

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

  async function develop(manifest: CutManifest): Promise<TakenCut> {
    const archive = openPlainArchive(openMemoryShelf())
    const view = await openCut({ shelf: cutShelfOf({ bus: log.connect(), archive }), archive }, manifest.id)
    const slices = await Promise.all(manifest.slices.map(({ partition }) => view.slice(partition)))
    const states: StateRow[] = []
    for (const { partition } of manifest.slices) states.push(...(await Array.fromAsync(view.states(partition))))
    return { manifest: view.manifest, slices, states, flights: await Array.fromAsync(view.flights()) }
  }

  /** Time goes on while it works. */
  async function within<T>(work: Promise<T>): Promise<T> {
    let isOver = false
    const over = (): void => void (isOver = true)
    work.then(over, over)
    await clock.advanceUntil(() => isOver, 10 * minuteMs)
    return await work
  }

  return {
    async takeWhile(isOn) {
      while (isOn()) {
        await pause(dice.int(50, 2500))
        void take()
      }
    },
    takeLast: () => within(take()),
    developed: () => within(Promise.all(whole.map(develop))),
    counts: () => [whole.length, begun],
  }
}
