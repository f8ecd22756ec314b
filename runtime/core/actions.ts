/**
 * Actions that XState does not have, for any machine: answer whoever asked, watch another actor's
 * end, follow a topic, send to an address. They serve the clause "what the actor sent". Each is a
 * description that the runtime reads off a step; in a live `createActor()` they do nothing.
 */
import type { ActionArgs, ActionFunction, AnyActorRef, EventObject, MachineContext, ParameterizedObject } from 'xstate'
import { sendTo } from 'xstate'
import { type Address, parseAddress } from '#protocol/address.ts'
import { Ref } from '#protocol/codec.ts'
import type { AnyEvent } from '#protocol/envelope.ts'
import { Fault } from '#protocol/fault.ts'

type Params = ParameterizedObject['params'] | undefined

/** Any value, but one that does not swallow the type of a function beside it in a union. */
type Value = {} | null | undefined

type Expression<
  TContext extends MachineContext,
  TExpressionEvent extends EventObject,
  TEvent extends EventObject,
  TParams extends Params,
  T,
> = (args: ActionArgs<TContext, TExpressionEvent, TEvent>, params: TParams) => T

type Own<
  TContext extends MachineContext,
  TExpressionEvent extends EventObject,
  TEvent extends EventObject,
  TParams extends Params,
> = ActionFunction<TContext, TExpressionEvent, TEvent, TParams, never, never, never, never, never>

/** Who is meant: an address (`order/42`), a reference, or a function that says so. */
export type Target = string | Ref | { readonly address: Address }

/**
 * Answers the question on whose behalf this step happens, or else the oldest open one.
 *
 * ```ts
 * on: { BALANCE: { actions: reply(({ context }) => context.balance) } }
 * ```
 */
export function reply<
  TContext extends MachineContext,
  TExpressionEvent extends EventObject,
  TEvent extends EventObject,
  TParams extends Params,
>(
  value: Value | Expression<TContext, TExpressionEvent, TEvent, TParams, unknown>,
): Own<TContext, TExpressionEvent, TEvent, TParams> {
  return described('perdure.reply', (args, params) => ({ value: resolved(value, args, params) }))
}

/** From now on an `actor.ended` event comes when that actor ends, once; at once if there is none. */
export function watch<
  TContext extends MachineContext,
  TExpressionEvent extends EventObject,
  TEvent extends EventObject,
  TParams extends Params,
>(
  target: Target | Expression<TContext, TExpressionEvent, TEvent, TParams, Target>,
): Own<TContext, TExpressionEvent, TEvent, TParams> {
  return described('perdure.watch', (args, params) => ({ address: addressOfTarget(resolved(target, args, params)) }))
}

export function unwatch<
  TContext extends MachineContext,
  TExpressionEvent extends EventObject,
  TEvent extends EventObject,
  TParams extends Params,
>(
  target: Target | Expression<TContext, TExpressionEvent, TEvent, TParams, Target>,
): Own<TContext, TExpressionEvent, TEvent, TParams> {
  return described('perdure.unwatch', (args, params) => ({ address: addressOfTarget(resolved(target, args, params)) }))
}

export type SubscribeOptions = {
  /** `now` (the default), all that the log still holds, or from a position of the log. */
  readonly from?: 'now' | 'start' | number
}

/**
 * Emitted events that match come to this actor, durably: the subscription is part of its state.
 * A pattern is `kind.key.type`, with `*` for one token and `>` for the rest.
 */
export function subscribe<
  TContext extends MachineContext,
  TExpressionEvent extends EventObject,
  TEvent extends EventObject,
  TParams extends Params,
>(
  pattern: string | Expression<TContext, TExpressionEvent, TEvent, TParams, string>,
  { from = 'now' }: SubscribeOptions = {},
): Own<TContext, TExpressionEvent, TEvent, TParams> {
  return described('perdure.subscribe', (args, params) => ({ pattern: resolved(pattern, args, params), from }))
}

export function unsubscribe<
  TContext extends MachineContext,
  TExpressionEvent extends EventObject,
  TEvent extends EventObject,
  TParams extends Params,
>(
  pattern: string | Expression<TContext, TExpressionEvent, TEvent, TParams, string>,
): Own<TContext, TExpressionEvent, TEvent, TParams> {
  return described('perdure.unsubscribe', (args, params) => ({ pattern: resolved(pattern, args, params) }))
}

export type TellOptions = {
  /** Milliseconds, or a name in `setup({ delays })`. */
  readonly delay?: number | string
  /** For `cancel(id)`. */
  readonly id?: string
}

/** Sends to any actor by its address, which need not exist yet: its first event creates it. */
export function tell<
  TContext extends MachineContext,
  TExpressionEvent extends EventObject,
  TEvent extends EventObject,
  TParams extends Params,
>(
  target: Target | Expression<TContext, TExpressionEvent, TEvent, TParams, Target>,
  event: AnyEvent | Expression<TContext, TExpressionEvent, TEvent, TParams, AnyEvent>,
  options: TellOptions = {},
): Own<TContext, TExpressionEvent, TEvent, TParams> {
  const to = (args: unknown, params: unknown): AnyActorRef => refTo(resolved(target, args, params))
  return sendTo(to as never, event as never, options as never) as never
}

/** A `Ref` with the type that XState's `sendTo` and `forwardTo` ask for. */
export type ActorReference = AnyActorRef & Pick<Ref, 'address' | 'effectId'>

/** A reference to an actor by its address, for `sendTo`, `forwardTo` and for a context. */
export function refTo(target: Target): ActorReference {
  const ref: unknown = target instanceof Ref ? target : new Ref(addressOfTarget(target))
  return ref as ActorReference
}

function addressOfTarget(target: unknown): Address {
  if (typeof target === 'string') return parseAddress(target)
  const { address } = (target ?? {}) as { address?: unknown }
  if (typeof address !== 'string') throw new Fault('address.invalid', { value: String(target) })
  return parseAddress(address)
}

function resolved<T>(value: T | ((args: never, params: never) => T), args: unknown, params: unknown): T {
  return typeof value === 'function' ? (value as (args: unknown, params: unknown) => T)(args, params) : value
}

/**
 * An action of XState's own making: `resolve` decides what it says from the context of its
 * moment, `execute` is what a live actor would do, which is nothing. Its callers say its type.
 */
function described(type: string, say: (args: unknown, params: unknown) => object): never {
  const action = (): never => {
    throw new Error(`${type} is an action to refer to, not a function to call`)
  }
  return Object.assign(action, {
    type,
    resolve: (_scope: unknown, snapshot: unknown, args: unknown, params: unknown) => [
      snapshot,
      say(args, params),
      undefined,
    ],
    execute: () => {},
  }) as never
}
