import { useSelector } from '@xstate/react'
import { act, createElement, type ReactElement } from 'react'
import { create } from 'react-test-renderer'
import { assign, setup } from 'xstate'
import { expect, test } from 'vitest'
import { actor } from '#protocol/actor.ts'
import type { ActorHandle } from '#runtime/client/actor-handle.ts'
import { openStillWorld } from '#test/support/still-world.ts'

const counter = setup({
  types: { context: {} as { count: number; other: number }, events: {} as { type: 'ADD' | 'OTHER' } },
}).createMachine({
  context: { count: 0, other: 0 },
  on: {
    ADD: { actions: assign({ count: ({ context }) => context.count + 1 }) },
    OTHER: { actions: assign({ other: ({ context }) => context.other + 1 }) },
  },
})
const counters = actor('counter', counter)

Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true })

test("useSelector of @xstate/react shows an actor's state and renders again only when the selection moved", async () => {
  await using world = await openStillWorld([counters])
  const one = world.realm.ref(counters, 'a')
  let renders = 0
  function Count({ of }: { readonly of: ActorHandle<typeof counter> }): ReactElement {
    renders++
    return createElement(
      'p',
      null,
      useSelector(of, (snapshot) => snapshot.context.count),
    )
  }
  const shown = await act(async () => {
    // oxlint-disable-next-line no-deprecated -- it needs no browser, and nothing else here renders
    const made = create(createElement(Count, { of: one }))
    await world.settle()
    return made
  })
  const text = (): unknown => (shown.toJSON() as { children: unknown[] }).children[0]
  expect(text()).toBe('0')
  for (const type of ['ADD', 'OTHER', 'OTHER', 'ADD'] as const) {
    await act(async () => {
      await one.send({ type })
      await world.settle()
    })
  }
  expect(text()).toBe('2')
  expect(renders).toBe(3)
  await act(async () => shown.unmount())
  await one.send({ type: 'ADD' })
  await world.settle()
  expect(renders).toBe(3)
})
