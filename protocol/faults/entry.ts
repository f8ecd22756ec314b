/** A row of the catalogue of faults: what the runtime does about it, and a sentence for people. */

export type Verdict = 'retry' | 'park' | 'crash'

export type FaultEntry = readonly [Verdict, string]
