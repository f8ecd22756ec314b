/**
 * One machine of the conformance set: what it uses of XState, what happens to it, and how it
 * ends. The end is written by hand, so that three runs that agree in error are still wrong.
 */
import type { AnyActorLogic, AnyEventObject } from 'xstate'

/** Called by custom actions and by effects with what they did; the order of notes is part of the result. */
export type Note = (name: string, detail?: unknown) => void

export type Happening =
  /** From outside, to the machine itself. */
  | { readonly send: AnyEventObject }
  /** Virtual time that passes. */
  | { readonly wait: number }

export type Seen = {
  readonly status: 'active' | 'done' | 'error' | 'stopped'
  readonly value?: unknown
  readonly context?: unknown
  readonly output?: unknown
  readonly tags?: readonly string[]
}

export type Ending = Seen & {
  readonly emitted?: readonly AnyEventObject[]
  /** What `log` wrote: value, or [label, value]. */
  readonly logged?: readonly unknown[]
  readonly notes?: readonly (readonly [string, unknown?])[]
  /** Machines and transition logic that still live below it, by id. */
  readonly children?: Readonly<Record<string, Seen>>
}

export type Scenario = {
  readonly name: string
  readonly uses: readonly string[]
  /** A fresh machine for every run; what is outside of it behaves the same each time. */
  readonly make: (note: Note) => AnyActorLogic
  readonly input?: unknown
  /** One after the other, each awaited until nothing moves any more. */
  readonly script: readonly Happening[]
  readonly ends: Ending
  /** Further events for random sequences. Those of the script and the internal ones are among them anyway. */
  readonly more?: readonly AnyEventObject[]
  /** Why the official `transition()`, which knows no parent and no system, is no reference here. */
  readonly unofficial?: string
}

/** Everything goes: these machines are about what happens, not about their types. */
export type Loose = {
  context: Record<string, any>
  events: AnyEventObject
  input: any
  output: any
  emitted: AnyEventObject
  tags: string
  meta: any
}

export const types = {} as Loose

export const send = (type: string, more: object = {}): Happening => ({ send: { type, ...more } })
export const wait = (ms: number): Happening => ({ wait: ms })
