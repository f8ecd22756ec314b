/** Planted bugs of a runtime that does not do what a kind asks for: the workloads' judges must see each of them. */
import { assign, setup } from 'xstate'
import { actor, type ActorKind, type KindOptions } from '#protocol/actor.ts'
import { reply } from '#runtime/core/actions.ts'
import type { Plant } from './process.ts'

/** The kind of that name with other options. */
function withOptions(name: string, change: (options: KindOptions) => KindOptions): Plant {
  return () => ({
    kinds: (kinds) => kinds.map((one) => (one.kind === name ? { ...one, options: change(one.options) } : one)),
  })
}

/** A register that remembers in its process what stands in its state: another owner's writes are unknown to it. */
function forgetful({ kind, options }: ActorKind): ActorKind {
  const remembered = new Map<string, number>()
  const machine = setup({
    types: {
      context: {} as { value: number },
      events: {} as { type: 'READ' } | { type: 'WRITE'; value: number } | { type: 'SWAP'; from: number; to: number },
    },
  }).createMachine({
    id: 'register',
    context: { value: 0 },
    on: {
      READ: {
        actions: reply(({ context, self }) => {
          const value = remembered.get(self.id) ?? context.value
          remembered.set(self.id, value)
          return value
        }),
      },
      WRITE: { actions: [assign({ value: ({ event }) => event.value }), reply(true)] },
      SWAP: [
        {
          guard: ({ context, event }) => context.value === event.from,
          actions: [assign({ value: ({ event }) => event.to }), reply(true)],
        },
        { actions: reply(false) },
      ],
    },
  })
  return actor(kind, machine, options)
}

export const kindPlants: Readonly<Record<string, Plant>> = {
  'missed instants of a schedule are skipped': withOptions('chime', ({ cron, ...options }) =>
    cron === undefined ? options : { ...options, cron: { ...cron, missed: 'skip' } },
  ),

  'what nobody handles is ignored': withOptions('hatch', (options) => ({ ...options, unhandled: 'ignore' })),

  'what waits for its state is ignored': withOptions('worker', (options) => ({ ...options, unhandled: 'ignore' })),

  'an actor that throws goes on as if nothing were': withOptions('hatch', (options) => ({
    ...options,
    supervision: { strategy: 'resume' },
  })),

  'an actor that throws is never begun anew': withOptions('hatch', (options) => ({
    ...options,
    supervision: { strategy: 'stop' },
  })),

  'a state of an earlier release is not changed': withOptions('ledger', ({ migrate: _, ...options }) => options),

  'a question is answered from what a process remembers': () => ({
    kinds: (kinds) => kinds.map((one) => (one.kind === 'register' ? forgetful(one) : one)),
  }),
}
