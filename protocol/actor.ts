/**
 * A kind: a name, an XState machine (or `fromTransition` logic) and how its actors are to be
 * treated. `actor()` only puts the three together; whether the machine can be made durable is
 * decided when a node registers it.
 */
import type { AnyActorLogic } from 'xstate'
import type { AnyEvent, EffectResult } from './envelope.ts'
import { Fault } from './fault.ts'
import type { ActorState, ResumePolicy } from './state.ts'

/** What every validation library of the field offers (Standard Schema 1). */
export type Schema = {
  readonly '~standard': {
    readonly version: 1
    readonly validate: (value: unknown) => SchemaResult | Promise<SchemaResult>
  }
}

type SchemaResult =
  | { readonly value: unknown; readonly issues?: undefined }
  | {
      readonly issues: readonly {
        readonly message: string
        readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined
      }[]
    }

export type EffectPolicy = {
  /**
   * How often it is begun before its error reaches the machine, attempts included whose process
   * ended while they ran. When nothing is said: once, but again for each process that ended.
   */
  readonly attempts?: number
  /** The pause before the second attempt, doubled for each further one up to `backoffMaxMs`. */
  readonly backoffMs?: number
  readonly backoffMaxMs?: number
  /** For all attempts together; a running one is aborted then. */
  readonly deadlineMs?: number
  /**
   * Run it on a node that carries this label (`--label`), not where its actor is. While there is
   * none it is pending, visibly, until `deadlineMs`.
   */
  readonly label?: string
  /**
   * The process ended while it ran: run it `again` (the default; its id is the same, so the
   * other side can recognise it), give the machine an error (`fail`), wait for a person
   * (`ask`, answered with `perdure effect resolve`), or find out.
   */
  readonly unknown?:
    | 'again'
    | 'fail'
    | 'ask'
    | ((effect: { id: string; input: unknown; attempt: number }) => Promise<EffectResult>)
}

export type SupervisionPolicy = {
  /**
   * What follows a throw in a root: `resume` parks the envelope and keeps the state, `restart`
   * begins again with the same input, `stop` is XState's status error, `escalate` also tells
   * those who watch the kind's node.
   */
  readonly strategy: 'resume' | 'restart' | 'stop' | 'escalate'
  /** More than this many restarts within `periodMs` become a stop. */
  readonly intensity?: number
  readonly periodMs?: number
}

export type CronPolicy = {
  /** Five or six fields, for example `0 9 * * 1-5`. */
  readonly schedule: string
  /** An IANA name, for example `Europe/Berlin`; UTC by default. */
  readonly zone?: string
  readonly event: AnyEvent
  /** The key of the actor that is told; `main` by default. */
  readonly key?: string
  /** What to do about instants that passed while no node ran. */
  readonly missed?: 'once' | 'all' | 'skip'
}

export type KindOptions = {
  /** Raise it when stored actors need a migrate step. */
  readonly version?: number
  /** The only effects this kind may ask for; all named actors and actions of the machine when absent. */
  readonly effects?: Readonly<Record<string, EffectPolicy>> | readonly string[]
  /** How many effects of this kind run at once on a node. */
  readonly effectLimit?: number
  /**
   * What happens to an event that no state handles, whether an envelope brought it or a timer, a
   * schedule, a topic or an effect; `ignore` by default. XState's own (`xstate.*`) are ignored always.
   */
  readonly unhandled?: 'ignore' | 'defer' | 'park' | 'fail'
  readonly deferLimit?: number
  /** For all events, or by event type. */
  readonly schema?: Schema | Readonly<Record<string, Schema>>
  readonly supervision?: SupervisionPolicy
  /** By delay: its name in `setup({ delays })`, its milliseconds, or the id of a delayed send. */
  readonly delays?: Readonly<Record<string, ResumePolicy>>
  readonly cron?: CronPolicy
  /** An actor that was not stepped for so long ends as `expired`. */
  readonly ttlMs?: number
  /** How long the output of an ended actor is kept. */
  readonly retainMs?: number
  /** Record each guarded choice: the options there were and the one taken. */
  readonly decisions?: boolean
  /** From the version named to the next; with a step `down`, a rollout of that next one can be undone. */
  readonly migrate?: Readonly<Record<number, MigrateStep>>
}

export type MigrateStep =
  | ((state: ActorState) => ActorState)
  | { readonly up: (state: ActorState) => ActorState; readonly down?: (state: ActorState) => ActorState }

export type ActorKind<TLogic extends AnyActorLogic = AnyActorLogic> = {
  readonly kind: string
  readonly logic: TLogic
  readonly options: KindOptions
}

export function actor<TLogic extends AnyActorLogic>(
  kind: string,
  logic: TLogic,
  options: KindOptions = {},
): ActorKind<TLogic> {
  if (!/^[a-zA-Z][a-zA-Z0-9_-]{0,63}$/.test(kind)) throw new Fault('kind.invalid', { value: kind })
  return { kind, logic, options }
}
