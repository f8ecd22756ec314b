/** What a work is: something that a user's system does, measured, with the least that is good enough. */
import type { Ground, GroundOptions } from './ground.ts'

/** Measured with JetStream (or the bare machine) alone, in the same run as what it is compared with. */
export type Raw = { readonly name: RawName; readonly value: number }

/**
 * `pipeline`: our acknowledged senders and one bare consumer; `bare`: plain clients as senders;
 * `batches`: senders that share an fsync; `ring`: 100 entries on their way round, each delivery
 * followed by a publish. All a second. In ms: `hop`, from delivery to delivery of one such entry,
 * and `boot`, a process that starts and does nothing.
 */
export type RawName = 'pipeline' | 'bare' | 'batches' | 'ring' | 'hop' | 'boot'

export type Figure = {
  /** Of a part beside the main figure, for example `p99`. */
  readonly part?: string
  readonly value: number
  readonly unit: string
  readonly better: 'more' | 'less'
  /** The absolute target on the reference machine. */
  readonly target?: number
  readonly raw?: Raw | undefined
  /** The bound of value / raw: at least, or at most, as `better` says. */
  readonly ratioTarget?: number
}

export type WorkOptions = {
  /** Measured so often; the median counts. */
  readonly rounds: number
  /** A tenth of the size, for looking whether all works; its figures mean little. */
  readonly quick: boolean
  openGround(durability?: GroundOptions['durability']): Promise<Ground>
  note(line: string): void
}

export type Work = {
  readonly name: string
  /** What is measured, in a sentence for the table. */
  readonly title: string
  /** The main figure first. Throws when what was read back is not what was sent. */
  run(options: WorkOptions): Promise<readonly Figure[]>
}

export function requireEqual(what: string, have: number, want: number): void {
  if (have !== want) throw new Error(`${what}: ${have}, but it must be ${want}`)
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
