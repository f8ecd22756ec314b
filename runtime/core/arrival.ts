/**
 * What can make an actor step: an envelope from the log, a timer that is due, an emitted event
 * that it subscribed to, or a note of its own node about an action that has run. Only the first
 * was ever on the log as an entry for this actor; the record names all of them.
 */
import type { Address } from '#protocol/address.ts'
import type { AnyEvent, Arrived, Ask, Content } from '#protocol/envelope.ts'
import type { StoredFault } from '#protocol/fault.ts'
import type { Decision, StepNote } from '#protocol/record.ts'
import type { Effect } from '#protocol/state.ts'

export type Arrival =
  | { readonly by: 'envelope'; readonly envelope: Arrived }
  | { readonly by: 'timer'; readonly address: Address; readonly name: string; readonly visit: number }
  | {
      readonly by: 'topic'
      readonly address: Address
      readonly pattern: string
      readonly event: AnyEvent
      readonly seq: number
    }
  | { readonly by: 'settled'; readonly address: Address; readonly effect: string }
  | {
      readonly by: 'attempted'
      readonly address: Address
      readonly effect: string
      readonly attempt: number
      /** When it is this attempt: it begins once that is on the log. */
      readonly begun: number | undefined
      readonly notBefore: number
      readonly error: unknown
    }
  | { readonly by: 'start'; readonly address: Address }
  /** The next part of what this actor still has to send. */
  | { readonly by: 'drain'; readonly address: Address }
  /** Its state was brought to another definition, which may handle what the one before left waiting. */
  | { readonly by: 'adapted'; readonly address: Address }

/** What a step leaves on the log besides the state. */
export type Output =
  | {
      readonly is: 'send'
      readonly to: Address
      readonly content: Content
      readonly ask: Ask | undefined
      readonly deadline: number | undefined
    }
  | { readonly is: 'emit'; readonly event: AnyEvent }
  | { readonly is: 'reply'; readonly ask: Ask; readonly answer: Answer }
  | { readonly is: 'park'; readonly envelope: Arrived; readonly fault: StoredFault }

export type Answer =
  | { readonly is: 'value'; readonly value: unknown }
  | { readonly is: 'fault'; readonly fault: StoredFault }

/** What is done on this node after the commit. */
export type Deed =
  | { readonly is: 'begin'; readonly effect: Effect }
  /** The number of this attempt is on the log. */
  | { readonly is: 'attempt'; readonly effect: string; readonly attempt: number }
  | { readonly is: 'abort'; readonly effect: string; readonly reason: 'left' | 'cancelled' }
  | { readonly is: 'tell'; readonly effect: string; readonly event: AnyEvent }
  | { readonly is: 'log'; readonly label: string | undefined; readonly value: unknown }

export type Outcome = {
  readonly outputs: Output[]
  readonly deeds: Deed[]
  readonly mark: StepNote['mark']
  readonly type: string
  readonly decision: Decision | undefined
  /** A step that was made before it in the same commit, of the same envelope: noted as one of its own. */
  readonly first?: Pick<StepNote, 'type'> | undefined
  /** False when nothing about the actor changed, so that its state need not be written. */
  readonly changed: boolean
  /** The actor is forgotten: deleted, or its tombstone's time is over. */
  readonly gone: boolean
}

/** What a step may know of the world around it: all of it data, decided by the caller. */
export type Circumstances = {
  readonly now: number
  readonly generation: number
  /** A text that no other step of any owner ever had: ids of effects begin with it. */
  readonly stepId: string
  /** For how long this partition had no owner, in all, and since when it has this one. */
  readonly awayMs: number
  readonly openedAt: number
  /** The log's end as the owner knows it: where "from now" begins for a subscription. */
  readonly lastSeq: number
  /** The most outputs that one commit may carry. */
  readonly outputsMost: number
  /** Above every number of every root that was deleted here: where a root that is born begins to count. */
  readonly visitFloor: number
  /** Where a kind says nothing of its own. */
  readonly deferLimit: number
  /** The most questions that one actor may have open, and for how long after its deadline each can be answered. */
  readonly asksMost: number
  readonly askLateMs: number
  readonly retainMs: number
}
