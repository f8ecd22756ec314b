/** A kind in several versions that remembers what it got, so that a test sees what was lost, doubled or turned round. */
import { assign, enqueueActions, setup } from 'xstate'
import { type ActorKind, actor, type MigrateStep } from '#protocol/actor.ts'
import { parseAddress } from '#protocol/address.ts'
import { tell } from '#runtime/core/actions.ts'

export type Counted = { readonly got: readonly number[]; readonly by: string }

/** `next` names an actor that is told the same. */
export type Add = { readonly type: 'ADD'; readonly n: number; readonly next?: string }

/** Remembers which definition stepped it last, too. */
export function counter(kind: string, version: number, migrate?: Readonly<Record<number, MigrateStep>>): ActorKind {
  const machine = setup({
    types: { context: {} as Counted, events: {} as Add },
    actions: {
      add: assign(({ context, event }) => ({ got: [...context.got, event.n], by: `v${version}` })),
    },
  }).createMachine({
    id: kind,
    context: { got: [], by: '' },
    on: {
      ADD: {
        actions: [
          'add',
          enqueueActions(({ enqueue, event }) => {
            if (event.next !== undefined) enqueue(tell(parseAddress(event.next), { type: 'ADD', n: event.n }))
          }),
        ],
      },
    },
  })
  return actor(kind, machine, { version, ...(migrate === undefined ? {} : { migrate }) })
}
