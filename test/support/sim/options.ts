/** The limits that the nodes of a simulated world run with, by dice. */
import type { NodeOptions } from '#runtime/node.ts'
import { nodeOptions } from '#test/support/engine.ts'
import type { Random } from '#test/support/workloads/random.ts'

/** Nodes that share a realm notice each other within a second. */
export const sharing: Partial<NodeOptions> = { beatMs: 100, suspectMs: 300, deadMs: 1000, trimAnswerMs: 1000 }

/**
 * Small limits on some seeds, so that what rarely happens in life happens often here. `harsh`:
 * records also stand inside envelopes, the one way on which the log itself takes copies.
 */
export function optionsOf(random: Random, isHarsh: boolean): NodeOptions {
  return {
    ...nodeOptions,
    entriesMost: random.pick([999, 999, 110]),
    cheapMost: random.pick(isHarsh ? [2, 16] : [0, 2, 16]),
    queueMost: random.pick([4, 10_000]),
    stagedMost: random.pick([1, 3, 1000]),
    inFlightMost: random.pick([1, 2, 4]),
    foldMs: random.pick([0, 20, 300, 2000]),
    foldCommitsMost: random.pick([1, 5, 5000]),
    idleMs: random.pick([1, 500, 60_000]),
    residentsMost: random.pick([1, 10_000]),
    aliveMs: random.pick([100, 1000]),
    trimEveryMs: random.pick([100, 500, 3000, 3_600_000]),
    historyMs: random.pick([0, 500, 5000]),
  }
}
