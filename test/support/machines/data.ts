/** What a context may hold, and what a snapshot says about itself. */
import { assign, sendTo, setup } from 'xstate'
import { type Scenario, send, types } from './scenario.ts'

export const data: readonly Scenario[] = [
  {
    name: 'maps, sets, dates and big numbers',
    uses: ['Map', 'Set', 'Date', 'BigInt', 'typed arrays'],
    make: () =>
      setup({ types }).createMachine({
        context: () => ({
          map: new Map<string, unknown>(),
          set: new Set<number>(),
          at: new Date(0),
          big: 0n,
          bytes: new Uint8Array([1, 2]),
        }),
        on: {
          PUT: {
            actions: assign({
              map: ({ context, event }: any) =>
                new Map(context.map).set(event.key, { value: event.value, seen: new Set([event.key]) }),
            }),
          },
          ADD: {
            actions: assign({
              set: ({ context, event }: any) => new Set([...context.set, event.n]),
              big: ({ context, event }: any) => context.big + BigInt(event.n) * 10n ** 20n,
            }),
          },
          AT: {
            actions: assign({
              at: ({ event }: any) => new Date(event.ms),
              bytes: ({ context }: any) => Uint8Array.from([...context.bytes, 3]),
            }),
          },
        },
      } as never),
    script: [
      send('PUT', { key: 'a', value: 1 }),
      send('ADD', { n: 7 }),
      send('PUT', { key: 'b', value: [2] }),
      send('AT', { ms: 86_400_000 }),
      send('ADD', { n: 7 }),
    ],
    ends: {
      status: 'active',
      context: {
        map: new Map<string, unknown>([
          ['a', { value: 1, seen: new Set(['a']) }],
          ['b', { value: [2], seen: new Set(['b']) }],
        ]),
        set: new Set([7]),
        at: new Date(86_400_000),
        big: 14n * 10n ** 20n,
        bytes: new Uint8Array([1, 2, 3]),
      },
    },
  },
  {
    name: 'nested data, nulls and things that are not there',
    uses: ['assign', 'undefined and null'],
    make: () =>
      setup({ types }).createMachine({
        context: { user: { name: 'Ada', tags: ['x'] }, missing: undefined, nothing: null, list: [] },
        on: {
          RENAME: { actions: assign({ user: ({ context, event }: any) => ({ ...context.user, name: event.name }) }) },
          TAG: {
            actions: assign({
              user: ({ context, event }: any) => ({ ...context.user, tags: [...context.user.tags, event.tag] }),
            }),
          },
          CLEAR: {
            actions: assign({ user: null, nothing: undefined, list: ({ context }: any) => [...context.list, null] }),
          },
        },
      } as never),
    script: [send('RENAME', { name: 'Bob' }), send('TAG', { tag: 'y' })],
    ends: {
      status: 'active',
      context: { user: { name: 'Bob', tags: ['x', 'y'] }, missing: undefined, nothing: null, list: [] },
    },
  },
  {
    name: 'tags and meta of the states that are active',
    uses: ['tags', 'meta'],
    make: () =>
      setup({ types }).createMachine({
        initial: 'idle',
        states: {
          idle: { tags: 'resting', meta: { text: 'nothing to do' }, on: { LOAD: 'busy' } },
          busy: {
            tags: ['working', 'visible'],
            meta: { text: 'busy' },
            initial: 'read',
            states: {
              read: { tags: ['reading'], on: { NEXT: 'write' } },
              write: { tags: ['writing'], meta: { text: 'writing' } },
            },
            on: { DONE: 'idle' },
          },
        },
      }),
    script: [send('LOAD'), send('NEXT')],
    ends: { status: 'active', value: { busy: 'write' }, tags: ['working', 'visible', 'writing'] },
  },
  {
    name: 'a context made of the input',
    uses: ['input', 'lazy context'],
    make: () =>
      setup({ types }).createMachine({
        context: ({ input }: any) => ({
          name: input?.name ?? 'nobody',
          items: (input?.items ?? []).map((one: number) => one * 2),
        }),
        initial: 'start',
        states: {
          start: {
            always: [{ guard: ({ context }: any) => context.items.length > 1, target: 'many' }, { target: 'few' }],
          },
          many: {
            on: { DROP: { target: 'start', actions: assign({ items: ({ context }: any) => context.items.slice(1) }) } },
          },
          few: {},
        },
      } as never),
    input: { name: 'Ada', items: [1, 2, 3] },
    script: [send('DROP'), send('DROP')],
    ends: { status: 'active', value: 'few', context: { name: 'Ada', items: [6] } },
  },
  {
    name: 'an actor that keeps a reference to itself',
    uses: ['self in context', 'sendTo a reference'],
    make: () =>
      setup({ types }).createMachine({
        context: ({ self }: any) => ({ me: self, friends: { list: [self] }, echoes: 0 }),
        on: {
          SHOUT: { actions: sendTo(({ context }: any) => context.friends.list[0], { type: 'ECHO' }) },
          ECHO: { actions: assign({ echoes: ({ context }: any) => context.echoes + 1 }) },
          FORGET: { actions: assign({ me: null }) },
        },
      } as never),
    script: [send('SHOUT'), send('FORGET'), send('SHOUT')],
    ends: { status: 'active', context: { me: null, friends: { list: ['ref:self'] }, echoes: 2 } },
  },
]
