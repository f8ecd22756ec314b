/**
 * One actor as a program outside sees it: typed by its machine, in the shape of XState's
 * ActorRef, so that what works on an actor in the same process (`useSelector`, `waitFor`) works
 * on one that lives elsewhere and survives.
 */
import { type AnyActorLogic, type EventFromLogic, initialTransition, type OutputFrom, type SnapshotFrom } from 'xstate'
import { type Address, keyOf, kindOf } from '#protocol/address.ts'
import { Fault } from '#protocol/fault.ts'
import type { ActorState } from '#protocol/state.ts'
import type { Clock } from '#runtime/clock.ts'
import type { Blueprint } from '#runtime/core/blueprint.ts'
import { snapshotOfState } from '#runtime/core/show.ts'
import type { Asking } from './asking.ts'
import type { Sender } from './sender.ts'
import type { Views } from './views.ts'

export type SendOptions = {
  /** Two sends with one id are one, also from another process of the same client name. */
  readonly id?: string
  readonly traceparent?: string
}

export type AskOptions<TLogic extends AnyActorLogic> = SendOptions & {
  readonly timeoutMs: number
  /** Without `reply()` in the machine: the emitted type that answers … */
  readonly emitted?: string
  /** … or the state that does; the answer is that snapshot. */
  readonly until?: (snapshot: SnapshotFrom<TLogic>) => boolean
  readonly signal?: AbortSignal
}

type Observer<T> = {
  readonly next?: ((value: T) => void) | undefined
  readonly error?: ((error: unknown) => void) | undefined
  readonly complete?: (() => void) | undefined
}

export type ActorHandle<TLogic extends AnyActorLogic = AnyActorLogic> = {
  readonly id: string
  readonly address: Address
  readonly kind: string
  readonly key: string
  readonly sessionId: string
  /** Resolves when the event is stored; it will be handled exactly once from then on. */
  send(event: EventFromLogic<TLogic>, options?: SendOptions): Promise<void>
  ask(event: EventFromLogic<TLogic>, options: AskOptions<TLogic>): Promise<unknown>
  /** The last state seen; before the first, the machine's initial one. */
  getSnapshot(): SnapshotFrom<TLogic>
  /** The present state, asked from its owner; nothing when there is no such actor. */
  read(): Promise<SnapshotFrom<TLogic> | undefined>
  subscribe(observer: ((snapshot: SnapshotFrom<TLogic>) => void) | Observer<SnapshotFrom<TLogic>>): {
    unsubscribe(): void
  }
  waitFor(
    predicate: (snapshot: SnapshotFrom<TLogic>) => boolean,
    options: { readonly timeoutMs: number; readonly signal?: AbortSignal },
  ): Promise<SnapshotFrom<TLogic>>
  /** Resolves with the output of an actor that ends. */
  output(options: { readonly timeoutMs: number }): Promise<OutputFrom<TLogic>>
  toJSON(): { readonly xstate$$type: 1; readonly id: string; readonly address: Address }
}

export type HandleWorld = {
  readonly sender: Sender
  readonly views: Views
  readonly asking: Asking
  readonly clock: Clock
  readonly client: string
}

export function handleOf<TLogic extends AnyActorLogic>(
  world: HandleWorld,
  address: Address,
  blueprint: Blueprint | undefined,
): ActorHandle<TLogic> {
  type Shown = SnapshotFrom<TLogic>
  const { sender, views, asking, clock, client } = world
  let last: Shown | undefined

  const shown = (state: ActorState): Shown => {
    const snapshot = snapshotOfState(blueprint, address, state) as Shown
    last = snapshot
    return snapshot
  }

  function initial(): Shown {
    if (blueprint === undefined) return undefined as unknown as Shown
    return initialTransition(blueprint.logic)[0] as Shown
  }

  function subscribe(observer: ((snapshot: Shown) => void) | Observer<Shown>): { unsubscribe(): void } {
    const to: Observer<Shown> = typeof observer === 'function' ? { next: observer } : observer
    const watch = views.watch(address, (state) => {
      if (state === undefined) return
      const snapshot = shown(state)
      to.next?.(snapshot)
      if (state.snapshot.status === 'error') to.error?.(state.snapshot.error)
      else if (state.snapshot.status !== 'active') to.complete?.()
    })
    // Nobody serves it now: the view goes on asking; only an observer of errors wants to know.
    watch.first.catch((error: unknown) => to.error?.(error))
    return { unsubscribe: () => watch.stop() }
  }

  function waitFor(
    predicate: (snapshot: Shown) => boolean,
    options: { readonly timeoutMs: number; readonly signal?: AbortSignal },
  ): Promise<Shown> {
    return new Promise((resolve, reject) => {
      let seen: ActorState | undefined
      const alarm = clock.at(clock.now() + options.timeoutMs, () => {
        const state = seen === undefined ? 'no state yet' : JSON.stringify(seen.snapshot.value ?? seen.snapshot.status)
        end(() => reject(new Fault('wait.deadline', { value: address, ms: options.timeoutMs, state })))
      })
      const onAbort = (): void =>
        end(() => reject(options.signal?.reason ?? new Fault('ask.cancelled', { value: address })))
      const end = (act: () => void): void => {
        alarm.cancel()
        options.signal?.removeEventListener('abort', onAbort)
        queueMicrotask(() => watch.stop())
        act()
      }
      const watch = views.watch(address, (state) => {
        if (state === undefined) return
        seen = state
        try {
          const snapshot = shown(state)
          if (predicate(snapshot)) end(() => resolve(snapshot))
        } catch (error) {
          end(() => reject(error))
        }
      })
      // A node that is not there yet may come within the time given.
      watch.first.catch(() => undefined)
      options.signal?.addEventListener('abort', onAbort)
      if (options.signal?.aborted === true) onAbort()
    })
  }

  return {
    id: address,
    address,
    kind: kindOf(address),
    key: keyOf(address),
    sessionId: address,
    async send(event, options = {}) {
      await sender.send(address, event, noteOf(client, options))
    },
    async ask(event, options) {
      if (options.until !== undefined) {
        await sender.send(address, event, {
          ...noteOf(client, options),
          deadline: clock.now() + options.timeoutMs,
        })
        return await waitFor(options.until, options)
      }
      return await asking.ask(address, event, options)
    },
    getSnapshot: () => last ?? initial(),
    async read() {
      const state = await views.state(address)
      return state === undefined ? undefined : shown(state)
    },
    subscribe,
    waitFor,
    async output(options) {
      const snapshot = (await waitFor((one) => (one as { status: string }).status !== 'active', options)) as {
        status: string
        output?: unknown
        error?: { message?: string }
      }
      if (snapshot.status === 'done') return snapshot.output as OutputFrom<TLogic>
      throw new Fault('actor.failed', { value: address, reason: snapshot.error?.message ?? snapshot.status })
    },
    toJSON: () => ({ xstate$$type: 1, id: address, address }),
  }
}

function noteOf(client: string, options: SendOptions): { client?: string; id?: string; trace?: string } {
  return {
    ...(options.id === undefined ? {} : { client, id: options.id }),
    ...(options.traceparent === undefined ? {} : { trace: options.traceparent }),
  }
}
