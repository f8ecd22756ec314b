/**
 * One run of promise, callback or observable logic, hosted by a tiny XState actor of its own:
 * the host invokes the logic, so everything that XState promises to such logic (the abort
 * signal, `sendBack`, `receive`, snapshots) holds here through its public interface only.
 */
import { type AnyActorLogic, type AnyActorRef, createActor, createMachine, sendTo } from 'xstate'
import type { AnyEvent, EffectResult } from '#protocol/envelope.ts'
import type { EffectSystem } from './effect-system.ts'

export type EffectRun = {
  stop(): void
  tell(event: AnyEvent): void
}

type Work = {
  readonly logic: AnyActorLogic
  readonly input: unknown
  readonly id: string
  readonly sync: boolean
  readonly system: EffectSystem
}

const tellType = 'perdure.tell'
/** Made here once: XState warns of action creators that are called while some action runs. */
const passOn = sendTo('work', ({ event }: { event: AnyEvent }) => event['event'] as AnyEvent)

export function runLogic(work: Work, on: (result: EffectResult) => void): EffectRun {
  let nth = 0
  let over = false
  const end = (result: EffectResult): void => {
    if (over) return
    over = true
    on(result)
  }
  const host = createMachine({
    invoke: {
      id: 'work',
      src: work.logic,
      input: () => work.input,
      ...(work.sync
        ? { onSnapshot: { actions: ({ event }: { event: { snapshot: unknown } }) => seen(event.snapshot) } }
        : {}),
      onDone: { actions: ({ event }: { event: { output: unknown } }) => end({ is: 'done', output: event.output }) },
      onError: { actions: ({ event }: { event: { error: unknown } }) => end({ is: 'error', error: event.error }) },
    },
    on: {
      [tellType]: { actions: passOn },
      '*': { actions: ({ event }: { event: AnyEvent }) => sentBack(event) },
    },
  })

  function sentBack(event: AnyEvent): void {
    if (!over && !event.type.startsWith('xstate.')) on({ is: 'event', nth: ++nth, event })
  }

  function seen(snapshot: unknown): void {
    const { status, context, output, error } = snapshot as {
      status: string
      context?: unknown
      output?: unknown
      error?: unknown
    }
    if (over || (status !== 'active' && status !== 'done')) return
    on({ is: 'snapshot', nth: ++nth, snapshot: { status, context, output, error } })
  }

  // Heard from the moment it is made: it may emit as soon as it starts.
  const actor = createActor(host, {
    inspect(made) {
      if (made.type !== '@xstate.actor') return
      const ref = made.actorRef as unknown as AnyActorRef
      if (ref.id === 'work') ref.on('*', (event) => over || on({ is: 'emitted', nth: ++nth, event }))
    },
  })
  // Its own system knows the host alone; the logic asks for its actor's family.
  Object.assign(actor.system, work.system)
  // The host never fails; should it, the effect has, and says so.
  actor.subscribe({ error: (error: unknown) => end({ is: 'error', error }) })
  actor.start()
  return {
    stop() {
      over = true
      actor.stop()
    },
    tell(event) {
      actor.send({ type: tellType, event })
    },
  }
}
