import { assign, fromCallback, fromObservable, setup } from 'xstate'
import { expect, test } from 'vitest'
import { actor, type ActorKind } from '#protocol/actor.ts'
import { type Disturb, openMemoryLog } from '#runtime/memory/memory-bus.ts'
import { openVirtualClock } from '#runtime/memory/virtual-clock.ts'
import { openTestNode, openTestRealm } from '#test/support/engine.ts'

/** A node whose connection suffers what the hook says, in time that is moved by hand. */
async function openWorld(actors: readonly ActorKind[], disturb: Disturb) {
  const clock = openVirtualClock({ start: 0, progress: () => node?.health().queued ?? 0 })
  const log = openMemoryLog({ realm: 'shop', partitions: 1, clock })
  const bus = log.connect()
  const node = await openTestNode(bus, actors, { clock })
  bus.disturb(disturb)
  const realm = openTestRealm(log.connect(), clock)
  return { clock, log, node, realm }
}

/** Does this to the first entry that an effect sends, and to no other. */
function onceTo(what: 'lose' | 'lose-ack'): Disturb {
  let isDone = false
  return (op) => {
    if (isDone || op.is !== 'append' || op.entries[0]?.subject.split('.')[3] !== 'e') return 'ok'
    isDone = true
    return what
  }
}

const streamMachine = setup({
  types: { context: {} as { got: number[] }, events: {} as { type: 'GO' } | { type: 'GOT'; n: number } },
  actors: {
    source: fromCallback(({ sendBack }) => {
      for (let n = 1; n <= 5; n++) sendBack({ type: 'GOT', n })
    }),
  },
}).createMachine({
  context: { got: [] },
  initial: 'idle',
  on: { GOT: { actions: assign({ got: ({ context, event }) => [...context.got, event.n] }) } },
  states: { idle: { on: { GO: 'on' } }, on: { invoke: { src: 'source' } } },
})

test.each(['lose', 'lose-ack'] as const)(
  'what a callback sends arrives in order and once, when one of its sends meets "%s"',
  async (what) => {
    const streams = actor('stream', streamMachine)
    const { clock, realm } = await openWorld([streams], onceTo(what))
    await realm.ref(streams, 'a').send({ type: 'GO' })
    await clock.advance(1000)
    expect((await realm.ref(streams, 'a').read())?.context.got).toEqual([1, 2, 3, 4, 5])
  },
)

test.each(['lose', 'lose-ack'] as const)(
  'an event that a named action sends is taken once, when its send meets "%s"',
  async (what) => {
    const kinds = actor(
      'n',
      setup({
        types: { context: {} as { n: number }, events: {} as { type: 'GO' } | { type: 'DID' } },
        actions: {
          work: ({ self }) => {
            self.send({ type: 'DID' })
          },
        },
      }).createMachine({
        context: { n: 0 },
        on: { GO: { actions: { type: 'work' } }, DID: { actions: assign({ n: ({ context }) => context.n + 1 }) } },
      }),
    )
    const { clock, realm } = await openWorld([kinds], onceTo(what))
    await realm.ref(kinds, 'a').send({ type: 'GO' })
    await realm.ref(kinds, 'a').send({ type: 'GO' })
    await clock.advance(1000)
    expect((await realm.ref(kinds, 'a').read())?.context.n).toBe(2)
  },
)

test('effects that end the moment they begin do not use up the limit', async () => {
  const sudden = fromObservable(
    () =>
      ({
        subscribe: (observer: { next(value: number): void; complete(): void }) => {
          observer.next(1)
          observer.complete()
          return { unsubscribe: () => undefined }
        },
      }) as never,
  )
  const failing = fromCallback(() => {
    throw new Error('at once')
  })
  const kinds = actor(
    's',
    setup({ types: { events: {} as { type: 'GO' } }, actors: { sudden, failing } }).createMachine({
      initial: 'idle',
      states: {
        idle: { on: { GO: 'one' } },
        one: { invoke: { src: 'sudden', onDone: 'two' } },
        two: { invoke: { src: 'failing', onError: 'over' } },
        over: { type: 'final' },
      },
    }),
    { effectLimit: 2 },
  )
  const { clock, node, realm } = await openWorld([kinds], () => 'ok')
  for (let at = 0; at < 10; at++) await realm.ref(kinds, String(at)).send({ type: 'GO' })
  await clock.advance(1000)
  for (let at = 0; at < 10; at++) expect((await realm.ref(kinds, String(at)).read())?.status).toBe('done')
  expect(node.health().effects).toBe(0)
})
