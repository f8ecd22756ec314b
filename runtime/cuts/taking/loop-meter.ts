/**
 * How long the node's loop stood still at most while it recorded. It serves "no actor waits because of
 * a cut": whoever waited for this node waited no longer than that, for the cut or for anything else.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks'

export type LoopMeter = {
  /** Something is recorded; until `end` as often. */
  begin(): void
  end(): void
  /** In ms, since the first of those that began together. */
  longest(): number
}

const resolutionMs = 5

export function loopMeterOf(): LoopMeter {
  const histogram = monitorEventLoopDelay({ resolution: resolutionMs })
  let running = 0
  return {
    begin() {
      if (running++ > 0) return
      histogram.reset()
      histogram.enable()
    },
    end() {
      if (--running === 0) histogram.disable()
    },
    // It measures how late its own timer is, that timer's interval included.
    longest: () => (histogram.count === 0 ? 0 : Math.max(0, Math.round(histogram.max / 1e6) - resolutionMs)),
  }
}
