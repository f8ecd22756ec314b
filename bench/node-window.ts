/**
 * What a node did in a stretch of time: how many steps were committed, how long a step took to be on
 * the log, and how long the process stood still at most. For works that ask what one thing costs
 * another. Of the latency each hundredth step is taken, so that it costs nothing itself.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { partitionOf } from '#protocol/partition.ts'
import { onTrace } from '#runtime/trace.ts'
import { quantile } from './figures.ts'
import { instantMs } from './instant.ts'

export type Window = {
  readonly ms: number
  readonly steps: number
  /** From a step to its commit, in ms. */
  readonly p50: number
  readonly p99: number
  readonly pauseMs: number
}

const sampled = 100

/** Ends the stretch that began with the call before, and begins the next. */
export function nodeWindowsOf(partitions: () => number): () => Window {
  const delays = monitorEventLoopDelay({ resolution: 1 })
  delays.enable()
  /** By partition: the steps so far, the committed ones, and the instants of those sampled between. */
  const at = new Map<number, { stepped: number; committed: number; marks: [number, number][] }>()
  let begunAt = instantMs()
  let steps = 0
  let latencies: number[] = []

  const laneOf = (partition: number) => {
    const known = at.get(partition) ?? { stepped: 0, committed: 0, marks: [] }
    at.set(partition, known)
    return known
  }

  onTrace((event) => {
    if (event.is === 'stepped') {
      const lane = laneOf(partitionOf(event.address, partitions()))
      if (++lane.stepped % sampled === 0) lane.marks.push([lane.stepped, instantMs()])
    } else if (event.is === 'committed') {
      const lane = laneOf(event.partition)
      lane.committed = Math.min(lane.stepped, lane.committed + event.steps)
      steps += event.steps
      while ((lane.marks[0]?.[0] ?? Number.POSITIVE_INFINITY) <= lane.committed)
        latencies.push(instantMs() - (lane.marks.shift() as [number, number])[1])
    }
  })

  return () => {
    const now = instantMs()
    const window = {
      ms: now - begunAt,
      steps,
      p50: quantile(latencies, 0.5),
      p99: quantile(latencies, 0.99),
      pauseMs: delays.max / 1e6,
    }
    begunAt = now
    steps = 0
    latencies = []
    delays.reset()
    return window
  }
}

export const rateOf = ({ steps, ms }: Window): number => (steps * 1000) / ms
