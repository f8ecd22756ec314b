/**
 * Several nodes in virtual time, some with labels; what runs says on which of them. The node `a`
 * begins and owns what there is, unless a test lets others have a share.
 */
import { assign, fromCallback, fromPromise, sendTo, setup } from 'xstate'
import { actor, type EffectPolicy } from '#protocol/actor.ts'
import type { Address } from '#protocol/address.ts'
import { partitionOf } from '#protocol/partition.ts'
import { type MemoryConnection, openMemoryLog } from '#runtime/memory/memory-bus.ts'
import type { Node, NodeOptions } from '#runtime/node.ts'
import { onTrace, type Trace } from '#runtime/trace.ts'
import { openVirtualClock } from '#runtime/memory/virtual-clock.ts'
import { openTestNode, openTestRealm } from './engine.ts'
import { gate, note } from './gates.ts'

export type Policies = Readonly<Record<'work' | 'listen' | 'print', EffectPolicy>>

export const onGpu: Policies = { work: { label: 'gpu' }, listen: { label: 'gpu' }, print: { label: 'gpu' } }

type Event =
  | { readonly type: 'WORK' | 'LISTEN' | 'PRINT' | 'LEAVE' | 'BEAR' }
  | { readonly type: 'NAME'; readonly length: number }
  | { readonly type: 'SAY' | 'HEARD'; readonly word: string }
  | { readonly type: 'effect.failed'; readonly error: { readonly code: string } }

/** The same definition on each node, with functions that know where they are. */
function kindOn(node: string, effects: Policies) {
  const work = fromPromise(async ({ input, signal }: { input: string; signal: AbortSignal }) => {
    note(`${node} begun ${input.slice(0, 80)}`)
    signal.addEventListener('abort', () => note(`${node} aborted ${input.slice(0, 80)}`))
    return `${node} made ${String(await gate(`${input}@${node}`))}`
  })
  const child = setup({
    types: { context: {} as { made: unknown }, input: {} as string },
    // Under a name that its root does not know.
    actors: { toil: work },
  }).createMachine({
    context: { made: null },
    initial: 'working',
    states: {
      working: {
        invoke: {
          src: 'toil',
          input: 'child of it',
          onDone: { target: 'over', actions: assign({ made: ({ event }) => event.output }) },
        },
      },
      over: { type: 'final' },
    },
    output: ({ context }: { context: { made: unknown } }) => context.made,
  })
  return actor(
    'maker',
    setup({
      types: { context: {} as { got: string[]; id: string }, events: {} as Event },
      actors: {
        work,
        child,
        listen: fromCallback<Event>(({ receive, sendBack }) => {
          note(`${node} listens`)
          receive((event) => {
            if (event.type === 'SAY') sendBack({ type: 'HEARD', word: `${node} heard ${event.word}` })
          })
          return () => note(`${node} listens no more`)
        }),
      },
      actions: {
        print({ self }) {
          note(`${node} prints`)
          const printed = async (): Promise<void> => {
            await gate('print')
            self.send({ type: 'HEARD', word: `${node} printed` })
          }
          // The runtime waits for it; XState's type knows nothing of that.
          return printed() as unknown as void
        },
        hear: assign({ got: ({ context }, word: string) => [...context.got, word] }),
      },
    }).createMachine({
      context: { got: [], id: 'it' },
      initial: 'idle',
      states: {
        idle: {},
        working: {
          invoke: {
            src: 'work',
            input: ({ context }) => context.id,
            onDone: { target: 'idle', actions: { type: 'hear', params: ({ event }) => event.output } },
            onError: {
              target: 'idle',
              actions: {
                type: 'hear',
                params: ({ event }) => (event.error as { code?: string }).code ?? (event.error as Error).message,
              },
            },
          },
        },
        bearing: {
          invoke: {
            src: 'child',
            input: 'it',
            onDone: { target: 'idle', actions: { type: 'hear', params: ({ event }) => event.output as string } },
          },
        },
        listening: {
          invoke: { id: 'listener', src: 'listen' },
          on: { SAY: { actions: sendTo('listener', ({ event }) => event) } },
        },
      },
      on: {
        WORK: '.working',
        LISTEN: '.listening',
        LEAVE: '.idle',
        BEAR: '.bearing',
        NAME: { actions: assign({ id: ({ event }) => 'x'.repeat(event.length) }) },
        PRINT: { actions: 'print' },
        HEARD: { actions: { type: 'hear', params: ({ event }) => event.word } },
        'effect.failed': { actions: { type: 'hear', params: ({ event }) => event.error.code } },
      },
    }),
    { effects: { ...effects, toil: effects.work } },
  )
}

export type Joined = { readonly node: Node; readonly bus: MemoryConnection }

export const members = { beatMs: 100, suspectMs: 300, deadMs: 1000 }

export type LabelledWorld = ReturnType<typeof openLabelledWorld>

export function openLabelledWorld(effects: Policies = onGpu, partitions = 4) {
  const all: Joined[] = []
  const traces: Trace[] = []
  const hearing = onTrace((one) => traces.push(one))
  const clock = openVirtualClock({
    start: Date.UTC(2026, 0, 1),
    progress: () =>
      all
        .flatMap(({ node }) =>
          node.partitions.map(({ position, depth }) => `${position.n}:${depth.queued}:${depth.staged}`),
        )
        .join(),
  })
  const log = openMemoryLog({ realm: 'shop', partitions, clock })
  const realm = openTestRealm(log.connect(), clock)

  const world = {
    all,
    clock,
    log,
    traces,
    realm,
    traced: <T extends Trace['is']>(is: T) => traces.filter((one): one is Extract<Trace, { is: T }> => one.is === is),
    async join(name: string, options: Partial<NodeOptions> = {}): Promise<Joined> {
      const bus = log.connect()
      const opening = openTestNode(bus, [kindOn(name, effects)], { clock, options: { name, ...members, ...options } })
      opening.catch(() => undefined)
      await clock.advance(200)
      const joined = { node: await opening, bus }
      all.push(joined)
      return joined
    },
    ownerOf(key: string): Joined {
      const number = partitionOf(`maker/${key}` as Address, partitions)
      return all.find(({ node }) => node.partitions.some(({ partition }) => partition === number)) as Joined
    },
    /** One that owns nothing and is there for its label. */
    carrier: (name: string, options: Partial<NodeOptions> = {}) =>
      world.join(name, { capacity: 0, labels: ['gpu'], ...options }),
    async kill(one: Joined): Promise<void> {
      one.bus.die()
      one.node.kill()
      all.splice(all.indexOf(one), 1)
      await clock.advance(0)
    },
    async send(key: string, event: Event): Promise<void> {
      const sending = realm.send(`maker/${key}`, event)
      sending.catch(() => undefined)
      await clock.advance(50)
      await sending
    },
    async show(key = 'it') {
      const showing = realm.operate.show(`maker/${key}` as Address)
      showing.catch(() => undefined)
      await clock.advance(50)
      return await showing
    },
    async got(key = 'it'): Promise<readonly string[]> {
      const shown = await world.show(key)
      return (shown?.state.snapshot.context as { got: string[] } | undefined)?.got ?? []
    },
    async pending(key = 'it') {
      return Object.values((await world.show(key))?.state.book.effects ?? {})
    },
    close(): void {
      hearing.stop()
      for (const { node } of all) node.kill()
    },
  }
  return world
}
