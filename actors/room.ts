/**
 * A chat room: who is in it and what was said last are its state, and what is said goes to
 * whoever follows the topic `room.<name>.>`. An example kind of `perdure up`.
 */
import { assign, emit, setup } from 'xstate'
import { actor } from '#protocol/actor.ts'

export type RoomEvent =
  | { readonly type: 'JOIN'; readonly name: string }
  | { readonly type: 'SAY'; readonly name: string; readonly text: string }
  | { readonly type: 'LEAVE'; readonly name: string }

export type RoomEmitted =
  | { readonly type: 'JOINED'; readonly name: string; readonly members: readonly string[] }
  | { readonly type: 'SAID'; readonly name: string; readonly text: string }
  | { readonly type: 'LEFT'; readonly name: string; readonly members: readonly string[] }

type RoomContext = {
  readonly members: readonly string[]
  readonly lines: readonly { readonly name: string; readonly text: string }[]
}

/** Older ones are on the log: perdure history topic 'room.<name>.SAID'. */
const keptLines = 100

/** Open while somebody is in it; only members are heard. */
export const roomMachine = setup({
  types: { context: {} as RoomContext, events: {} as RoomEvent, emitted: {} as RoomEmitted },
  guards: {
    present: ({ context, event }) => context.members.includes(event.name),
    last: ({ context, event }) => context.members.length === 1 && context.members.includes(event.name),
  },
  actions: {
    admit: assign({ members: ({ context, event }) => [...context.members, event.name] }),
    dismiss: assign({ members: ({ context, event }) => context.members.filter((name) => name !== event.name) }),
    keep: assign({
      lines: ({ context, event }) =>
        event.type === 'SAY'
          ? [...context.lines, { name: event.name, text: event.text }].slice(-keptLines)
          : context.lines,
    }),
    welcome: emit(({ context, event }) => ({ type: 'JOINED' as const, name: event.name, members: context.members })),
    relay: emit(({ event }) => ({
      type: 'SAID' as const,
      name: event.name,
      text: event.type === 'SAY' ? event.text : '',
    })),
    farewell: emit(({ context, event }) => ({ type: 'LEFT' as const, name: event.name, members: context.members })),
  },
}).createMachine({
  id: 'room',
  context: { members: [], lines: [] },
  initial: 'empty',
  states: {
    empty: {
      on: { JOIN: { target: 'open', actions: ['admit', 'welcome'] } },
    },
    open: {
      on: {
        JOIN: [{ guard: 'present' }, { actions: ['admit', 'welcome'] }],
        SAY: { guard: 'present', actions: ['keep', 'relay'] },
        LEAVE: [
          { guard: 'last', target: 'empty', actions: ['dismiss', 'farewell'] },
          { guard: 'present', actions: ['dismiss', 'farewell'] },
        ],
      },
    },
  },
})

export const room = actor('room', roomMachine, { version: 1, effects: [] })
