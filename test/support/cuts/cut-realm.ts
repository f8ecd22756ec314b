/**
 * A realm of wallets in virtual time, of which a test takes cuts: processes with disks and archives
 * that outlive them, and the two checkers, of which one reads the log and one the picture alone.
 */
import type { ActorKind } from '#protocol/actor.ts'
import type { CutManifest, CutNote } from '#protocol/cut.ts'
import type { LogEntry } from '#runtime/bus.ts'
import { cutShelfOf } from '#runtime/cuts/reading/cut-shelf.ts'
import { openMemoryLog } from '#runtime/memory/memory-bus.ts'
import { openVirtualClock } from '#runtime/memory/virtual-clock.ts'
import type { NodeOptions } from '#runtime/node.ts'
import { onTrace, type Trace } from '#runtime/trace.ts'
import { openMemoryShelf } from '#store/memory-archive.ts'
import { openMemoryDisk } from '#store/memory-store.ts'
import { nodeOptions, realmOptions } from '#test/support/engine.ts'
import { cutFaultsOf, type TakenCut } from '#test/support/sim/cut-audit.ts'
import { mortalOutsideOf } from '#test/support/sim/outside.ts'
import { openPlainArchive } from '#test/support/sim/plain-archive.ts'
import { type Process, type ProcessWorld, startProcess } from '#test/support/sim/process.ts'
import { within } from '#test/support/within.ts'
import { randomOf } from '#test/support/workloads/random.ts'
import { developCut } from './develop.ts'
import { pictureOf } from './picture-of-cut.ts'
import { pictureFaults } from './picture.ts'
import { wallets } from './wallets.ts'

/** How a taking ended. */
export type Ended = { readonly id: string; readonly manifest?: CutManifest; readonly error?: unknown }

type Launch = Pick<ProcessWorld, 'dies' | 'mutation'> & {
  readonly options?: Partial<NodeOptions>
  readonly hasArchive?: boolean
}

export const members = { beatMs: 100, suspectMs: 300, deadMs: 1000 }

type Opening = {
  readonly partitions?: number
  readonly seed?: number
  readonly count?: number
  /** Others than wallets, of which the checkers know nothing. */
  readonly kinds?: readonly ActorKind[]
}

export function openCutRealm({ partitions = 4, seed = 1, count = 6, kinds }: Opening = {}) {
  const processes: Process[] = []
  const disks = new Map<string, Pick<ProcessWorld, 'disk' | 'shelf'>>()
  const clock = openVirtualClock({
    start: Date.UTC(2026, 0, 1),
    progress: () =>
      processes
        .map(({ node, operations }) => {
          const at = node?.partitions.map(({ position, depth }) => `${position.n}:${depth.queued}:${depth.staged}`)
          return `${operations} ${at?.join()}`
        })
        .join(),
  })
  const log = openMemoryLog({ realm: 'shop', partitions, clock, latencyMs: 1 })
  const outside = mortalOutsideOf(log, clock, realmOptions)
  const workload = wallets(count)
  const random = randomOf(seed)
  const traces: Trace[] = []
  const hearing = onTrace((one) => void traces.push(one))
  const entries: LogEntry[] = []
  void log.connect().read({ filter: 'shop.>', from: 1, onEntry: (entry) => entries.push(entry) })
  const bus = log.connect()

  function launch(name: string, { options, hasArchive = true, ...given }: Launch = {}): Process {
    const kept = disks.get(name) ?? { disk: openMemoryDisk(), shelf: openMemoryShelf() }
    disks.set(name, kept)
    const process = startProcess({
      ...{ log, clock, disk: kept.disk, shelf: hasArchive ? kept.shelf : undefined },
      kinds: kinds ?? workload.kinds,
      options: { ...nodeOptions, ...members, name, ...options },
      ...given,
    })
    processes.push(process)
    return process
  }

  const develop = (id: string): Promise<TakenCut> =>
    within(clock, developCut(bus, openPlainArchive(openMemoryShelf()), id))

  const notes = (): Promise<readonly CutNote[]> =>
    within(clock, cutShelfOf({ bus, archive: openPlainArchive(openMemoryShelf()) }).notes())

  return {
    ...{ clock, log, traces, entries, launch, develop, notes, bus },
    within: <T>(work: Promise<T>): Promise<T> => within(clock, work),
    traced: <K extends Trace['is']>(is: K) => traces.filter((one): one is Extract<Trace, { is: K }> => one.is === is),
    /** Starts them one by one, until they share the partitions. */
    async join(...names: readonly string[]): Promise<readonly Process[]> {
      const joined = names.map((name) => launch(name))
      await clock.advance(3000)
      return joined
    },
    /** In the background. */
    pay: (requests: number): Promise<void> => workload.drive(outside, random.fork(), requests),
    take(process: Process, name?: string): Promise<Ended> {
      const taking = process.node?.cuts?.take({ name, by: 'test' })
      if (taking === undefined) throw new Error(`${process.name} takes no part in cuts`)
      return taking.whole.then(
        (manifest) => ({ id: taking.id, manifest }),
        (error: unknown) => ({ id: taking.id, error }),
      )
    },
    /** By partition, who owns it. */
    owners: () =>
      Array.from({ length: partitions }, (_, number) =>
        processes.flatMap(({ node }) =>
          node?.partitions.some(({ partition }) => partition === number) ? [node.name] : [],
        ),
      ),
    /** Of every cut whose note says that it is whole. `isWhole`: the log never lost anything. */
    async faults({ isLogWhole = true } = {}): Promise<string[]> {
      const whole = (await notes()).filter(({ state }) => state === 'whole')
      const taken: TakenCut[] = []
      for (const { id } of whole) taken.push(await develop(id))
      const seen = taken.flatMap((cut) => pictureFaults(pictureOf(cut)).map((fault) => `${cut.manifest.id}: ${fault}`))
      return isLogWhole ? [...cutFaultsOf(entries, taken), ...seen] : seen
    },
    [Symbol.dispose](): void {
      hearing.stop()
      for (const process of processes) process.crash()
    },
  }
}

export type CutRealm = ReturnType<typeof openCutRealm>
