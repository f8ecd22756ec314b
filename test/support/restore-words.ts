/** Actors that keep every word they were sent, for realms that are restored: what came, in which order, how often. */
import { assign, setup } from 'xstate'
import { actor } from '#protocol/actor.ts'
import type { RestoreRealm } from './restore-world.ts'

export const counter = actor(
  'counter',
  setup({ types: { context: {} as { got: string[] }, events: {} as { type: 'ADD'; word: string } } }).createMachine({
    context: { got: [] },
    on: { ADD: { actions: assign({ got: ({ context, event }) => [...context.got, event.word] }) } },
  }),
)

export async function add(world: RestoreRealm, key: string, word: string, id?: string): Promise<void> {
  await world.realm.send(`counter/${key}`, { type: 'ADD', word }, id === undefined ? {} : { id })
  await world.settle()
}

export const got = async (world: RestoreRealm, key: string): Promise<unknown> =>
  ((await world.state(`counter/${key}`))?.snapshot.context as { got: string[] } | undefined)?.got

/** The realm as others find it after a restore. */
export async function afterwards(world: RestoreRealm): Promise<void> {
  await world.pass(3000)
  world.reopen()
  await world.start({ name: 'after' })
}
