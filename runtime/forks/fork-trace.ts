/** What is told of forks, as a part of the one union of traces. */
import type { Address } from '#protocol/address.ts'

export type ForkTrace =
  | {
      readonly is: 'fork.made'
      readonly fork: string
      readonly of: string
      readonly cut: string
      readonly actors: number
      readonly envelopes: number
    }
  | { readonly is: 'fork.removed'; readonly fork: string }
  /** From the journal of what the parent's run told: so many things, and whether its end is among them. */
  | {
      readonly is: 'effect.answered'
      readonly address: Address
      readonly effect: string
      readonly name: string
      readonly told: number
      readonly isEnded: boolean
    }
  /** The timers of a realm begin to fire; they stood still for so long. */
  | { readonly is: 'timers.thawed'; readonly realm: string; readonly ms: number }
