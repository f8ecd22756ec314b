/** A node over generations: the same one to whoever holds it, until somebody stops it or something else ends it. */
import { expect, test } from 'vitest'
import { setup } from 'xstate'
import { actor } from '#protocol/actor.ts'
import { Fault } from '#protocol/fault.ts'
import { goingOn } from '#runtime/going-on.ts'
import type { Node } from '#runtime/node.ts'

type Made = { readonly node: Node; readonly kinds: string[]; end(error?: Error): void; isStopped: boolean }

function made(name: string): Made {
  const ended = Promise.withResolvers<Error | undefined>()
  const one: Made = {
    kinds: [],
    isStopped: false,
    end: (error) => ended.resolve(error),
    node: {
      name,
      ended: ended.promise,
      register: async ({ kind }: { kind: string }) => void one.kinds.push(kind),
      async stop() {
        one.isStopped = true
        ended.resolve(undefined)
      },
    } as unknown as Node,
  }
  return one
}

const superseded = (): Fault => new Fault('realm.superseded', { value: 'shop', have: 0 })
const late = actor('late', setup({}).createMachine({}))
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

test('when its generation is superseded it goes on in the next, with the kinds that were added', async () => {
  const all = [made('first'), made('second')]
  const asked: boolean[] = []
  const node = await goingOn(async (isAgain) => {
    asked.push(isAgain)
    return all[asked.length - 1]!.node
  })
  await node.register(late)
  all[0]?.end(superseded())
  await turn()
  expect(asked).toEqual([false, true])
  expect(node.name).toBe('second')
  expect(all[1]?.kinds).toEqual(['late'])
  await node.stop()
  expect(all.map(({ isStopped }) => isStopped)).toEqual([false, true])
  expect(await node.ended).toBeUndefined()
})

test('what ends it otherwise ends it, and what fails while it opens again as well', async () => {
  const one = made('one')
  const node = await goingOn(() => Promise.resolve(one.node))
  one.end(new Fault('bus.closed'))
  expect(await node.ended).toMatchObject({ code: 'bus.closed' })

  const other = made('other')
  let opened = 0
  const failing = await goingOn(async () => {
    if (opened++ > 0) throw new Fault('realm.mismatch', { value: 'shop', have: 7, want: 4 })
    return other.node
  })
  other.end(superseded())
  expect(await failing.ended).toMatchObject({ code: 'realm.mismatch' })
})

test('whoever stops it while it waits for the next generation stops the waiting', async () => {
  const one = made('one')
  let opened = 0
  const node = await goingOn(async (_, signal) => {
    if (opened++ === 0) return one.node
    await new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(new Fault('realm.restoring', { value: 'shop' })))
    })
    throw new Error('it never came')
  })
  one.end(superseded())
  await turn()
  await node.stop()
  expect(opened).toBe(2)
  expect(await node.ended).toBeUndefined()
})
