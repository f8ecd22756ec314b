/**
 * What goes wrong on the wires of a simulated world, by dice: lost and repeated deliveries, lost
 * requests and acknowledgements, and originals that are held back until after their retry.
 */
import { type Clock, pause } from '#runtime/clock.ts'
import type { Disturb, MemoryOp } from '#runtime/memory/memory-bus.ts'
import type { Random } from '#test/support/workloads/random.ts'

export type Rates = {
  readonly lose: number
  readonly loseAck: number
  readonly hold: number
  readonly repeat: number
  readonly loseDelivery: number
  readonly loseCall: number
}

/** `harsh`: everything goes wrong, and not rarely; else each world has its own troubles. */
export function ratesOf(random: Random, isHarsh: boolean): Rates {
  const some = (most: number): number =>
    isHarsh ? (0.5 + random.next() / 2) * most : random.chance(0.6) ? random.next() * most : 0
  return {
    lose: some(0.05),
    loseAck: some(0.08),
    hold: some(0.06),
    repeat: some(0.03),
    loseDelivery: some(0.03),
    loseCall: some(0.02),
  }
}

/** As long as `isOn` says so. */
export function disturbanceOf(random: Random, clock: Clock, rates: Rates, isOn: () => boolean): Disturb {
  const later = (): Promise<void> => pause(clock, random.int(1, random.chance(0.2) ? 3000 : 100))
  return (op: MemoryOp) => {
    if (!isOn()) return 'ok'
    switch (op.is) {
      case 'append':
        if (random.chance(rates.lose)) return 'lose'
        if (random.chance(rates.loseAck)) return 'lose-ack'
        return random.chance(rates.hold) ? { holdUntil: later() } : 'ok'
      case 'deliver':
        if (random.chance(rates.loseDelivery)) return 'lose'
        return random.chance(rates.repeat) ? 'duplicate' : 'ok'
      case 'call':
      case 'request':
      case 'tell':
        return random.chance(rates.loseCall) ? 'lose' : 'ok'
    }
  }
}
