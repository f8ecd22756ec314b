/**
 * An owner's parts of cuts: once the store holds a partition's recorded state, a view of it is
 * streamed out while the node steps on. It serves "a cut never stops the realm". Invariants: the view
 * is opened in the turn in which the marker commit was folded, so nothing later is in it, and closed
 * by the cut's deadline at the latest, whatever it waits for; until a cut is over, nothing that it
 * may still read is trimmed from the log.
 */
import { Fault, storedFaultOf } from '#protocol/fault.ts'
import type { FoldedPartition } from '#protocol/folded.ts'
import type { MarkedCut } from '#protocol/record.ts'
import type { Bus } from '#runtime/bus.ts'
import type { Folder } from '#runtime/partition/folder.ts'
import { trace } from '#runtime/trace.ts'
import { tellSlice } from './await-slices.ts'
import { loopMeterOf } from './loop-meter.ts'
import { recordSlice, type SliceOptions, type SliceWorld, tooLate, type Waiting } from './record-slice.ts'
import { turnsOf } from '#runtime/turns.ts'

type World = SliceWorld & { readonly bus: Bus; readonly folder: Pick<Folder, 'onMarked'> }

/** Partitions at once: small ones are mostly waiting. What reading them costs has a pace of its own. */
const slicesMost = 16
/** Segments of all of them that are put away at once. */
const keepMost = 32
const lookMs = 1000

export type SliceRecorder = {
  /** Slices that are not durable yet, and cuts that were recorded here and may still read the log. */
  readonly waiting: number
  stop(): Promise<void>
}

export function recordSlices(world: World, options: SliceOptions): SliceRecorder {
  const { bus, store, folder, clock, shelf } = world
  const queue: Waiting[] = []
  const running = new Set<Promise<void>>()
  /** What was in flight is read from the log when all have recorded: until then nothing is trimmed. */
  const held = new Map<string, { cancel(): void }>()
  const turns = turnsOf(keepMost)
  const meter = loopMeterOf()
  let isOver = false

  function onMarked(cut: MarkedCut, position: FoldedPartition): void {
    if (isOver) return
    const { partition } = position
    try {
      const slice = store.slice(partition)
      if (slice.position.n !== position.n) {
        slice.close()
        const reason = `the view of partition ${partition} is at record ${slice.position.n} instead of ${position.n}`
        throw new Fault('cut.abandoned', { value: cut[0], reason })
      }
      queue.push({ cut, slice, at: clock.now(), file: store.size().file })
    } catch (error) {
      failed(cut[0], partition, error)
    }
    if (!held.has(cut[0])) hold(cut[0], clock.now() + 2 * options.cutDeadlineMs)
    while (running.size < slicesMost && queue.length > 0) begin()
  }

  /** Whoever takes it need not wait for its deadline. */
  function failed(cut: string, partition: number, error: unknown): void {
    const fault = storedFaultOf(error)
    trace({ is: 'cut.failed', cut, partition, fault })
    tellSlice(bus, { cut, partition, failure: `partition ${partition} failed on ${options.name}: ${fault.message}` })
  }

  function begin(): void {
    meter.begin()
    const work = run().finally(() => {
      running.delete(work)
      meter.end()
    })
    running.add(work)
  }

  async function run(): Promise<void> {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const { slice, cut, at } = next
      const { partition } = slice.position
      const late = Promise.withResolvers<never>()
      const alarm = clock.at(at + options.cutDeadlineMs, () => late.reject(tooLate(next, options)))
      try {
        if (isOver) continue
        // Also when what it waits for never comes: the view is not held for it.
        const bytes = await Promise.race([
          recordSlice(world, next, { ...options, isOver: () => isOver, turns, meter }),
          late.promise,
        ])
        tellSlice(bus, { cut: cut[0], partition, bytes })
      } catch (error) {
        if (!isOver) failed(cut[0], partition, error)
      } finally {
        alarm.cancel()
        slice.close()
      }
    }
  }

  /** Until it is over for whoever takes it. */
  function hold(cut: string, until: number): void {
    const look = async (): Promise<void> => {
      const state = (await shelf.note(cut).catch(() => undefined))?.state
      if (!held.has(cut)) return
      if ((state === 'begun' || state === 'recorded') && clock.now() < until) hold(cut, until)
      else held.delete(cut)
    }
    held.set(
      cut,
      clock.at(clock.now() + lookMs, () => void look()),
    )
  }

  folder.onMarked(onMarked)
  return {
    get waiting() {
      return queue.length + running.size + held.size
    },
    async stop() {
      isOver = true
      for (const alarm of held.values()) alarm.cancel()
      held.clear()
      await Promise.all(running)
    },
  }
}
