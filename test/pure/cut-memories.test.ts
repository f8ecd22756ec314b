/** What an actor tells a store outside has a place on the log, and a cut says up to which place it knows: nothing later is recalled with it. */
import { expect, test } from 'vitest'
import { assign, emit, setup } from 'xstate'
import { actor } from '#protocol/actor.ts'
import { partitionOf } from '#protocol/partition.ts'
import { parseStored } from '#protocol/subject.ts'
import { emittedOf } from '#runtime/core/emitted.ts'
import type { CutView } from '#runtime/cuts/reading/open-cut.ts'
import { openRestoreRealm } from '#test/support/restore-world.ts'

type Told = { readonly type: 'LEARN' | 'LEARNED'; readonly fact: string }

const learner = actor(
  'learner',
  setup({
    types: { context: {} as { facts: string[] }, events: {} as Told, emitted: {} as Told },
  }).createMachine({
    context: { facts: [] },
    on: {
      LEARN: {
        actions: [
          assign({ facts: ({ context, event }) => [...context.facts, event.fact] }),
          emit(({ event }) => ({ type: 'LEARNED', fact: event.fact })),
        ],
      },
    },
  }),
  { version: 1 },
)

const keys = ['a', 'b', 'c', 'd', 'e']

/** A fact with whose it is and where on the log it was told. */
type Memory = { readonly key: string; readonly fact: string; readonly place: number }

const factsOf = (memories: readonly Memory[], key: string): readonly string[] =>
  memories.filter((one) => one.key === key).map(({ fact }) => fact)

/** As of the cut: of each partition what was told up to its recorded state. */
function recalled(memories: readonly Memory[], { manifest }: CutView): readonly Memory[] {
  return memories.filter(({ key, place }) => {
    const partition = partitionOf(`learner/${key}`, manifest.partitions)
    return place <= (manifest.slices.find((one) => one.partition === partition)?.commit ?? 0)
  })
}

test('a cut tells which memories were known then, also once it is restored [U15]', async () => {
  await using world = await openRestoreRealm([learner])
  await world.start()
  const learn = async (word: string): Promise<void> => {
    for (const key of keys) await world.realm.send(`learner/${key}`, { type: 'LEARN', fact: `${word} of ${key}` })
    await world.settle()
  }
  const factsIn = async (key: string): Promise<unknown> =>
    ((await world.state(`learner/${key}`))?.snapshot.context as { facts: string[] } | undefined)?.facts
  await learn('first')
  const view = await world.take()
  await learn('second')
  const memories = world.log.entries().flatMap(({ seq, subject, data }): Memory[] => {
    const stored = parseStored(subject)
    return stored.is === 'ev'
      ? [{ key: subject.split('.')[3] ?? '', place: seq, fact: String(emittedOf(data)['fact']) }]
      : []
  })
  expect(memories).toHaveLength(2 * keys.length)
  for (const key of keys) expect(await factsIn(key)).toEqual(factsOf(memories, key))
  await world.restore(view)
  await world.pass(3000)
  world.reopen()
  await world.start({ name: 'after' })
  for (const key of keys) expect(await factsIn(key)).toEqual(factsOf(recalled(memories, view), key))
  expect(recalled(memories, view)).toHaveLength(keys.length)
})
