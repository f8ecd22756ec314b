/** An actor whose state is larger than an entry, and the laws of looking at it from outside. */
import { expect } from 'vitest'
import { assign, setup } from 'xstate'
import { actor } from '#protocol/actor.ts'
import type { RealmHandle } from '#runtime/client/realm-handle.ts'

type Context = { readonly text: string; readonly count: number }
type Event = { readonly type: 'GROW'; readonly chars: number } | { readonly type: 'ADD' }

export const whales = actor(
  'whale',
  setup({ types: { context: {} as Context, events: {} as Event } }).createMachine({
    context: { text: '', count: 0 },
    on: {
      GROW: { actions: assign({ text: ({ event }) => textOf(event.chars) }) },
      ADD: { actions: assign({ count: ({ context }) => context.count + 1 }) },
    },
  }),
)

/** No two parts of it are the same. */
export function textOf(chars: number): string {
  let text = ''
  for (let at = 0; text.length < chars; at++) text += `${at.toString(36)},`
  return text.slice(0, chars)
}

export async function expectSeen(realm: RealmHandle, chars: number): Promise<void> {
  const whale = realm.ref(whales, 'moby')
  const timeoutMs = 20_000
  const counts: number[] = []
  // The watcher is there before the state is large, so it hears of it without asking again.
  const watching = whale.subscribe(({ context }) => void counts.push(context.count))
  await whale.send({ type: 'ADD' })
  await whale.waitFor(({ context }) => context.count === 1, { timeoutMs })
  await whale.send({ type: 'GROW', chars })
  const grown = await whale.waitFor(({ context }) => context.text.length === chars, { timeoutMs })
  expect(grown.context.text === textOf(chars)).toBe(true)
  for (let count = 2; count <= 12; count++) await whale.send({ type: 'ADD' })
  await whale.waitFor(({ context }) => context.count === 12, { timeoutMs })
  expect(whale.getSnapshot().context.text.length).toBe(chars)
  watching.unsubscribe()
  expect(counts).toEqual(counts.toSorted((a, b) => a - b))
  expect((await whale.read())?.context.count).toBe(12)
  const shown = await realm.operate.show('whale/moby')
  expect((shown?.state.snapshot.context as Context | undefined)?.text === textOf(chars)).toBe(true)
  const listed: unknown[] = []
  for await (const { address, state } of realm.operate.list()) listed.push([address, state.steps])
  expect(listed).toEqual([['whale/moby', 13]])
}
