/** Which transition an event finds: exact, partial, any, forbidden, routed. */
import { assign, raise, setup } from 'xstate'
import { type Scenario, send, types } from './scenario.ts'

const heard = (word: string) => assign({ heard: ({ context }: any) => [...context.heard, word] })

export const matching: readonly Scenario[] = [
  {
    name: 'any event, but for those that are forbidden',
    uses: ['wildcard', 'forbidden transitions'],
    make: () =>
      setup({ types }).createMachine({
        context: { heard: [] },
        initial: 'quiet',
        on: { '*': { actions: heard('root') } },
        states: {
          quiet: { on: { NOISE: undefined, HUSH: {}, WAKE: 'awake' } },
          awake: { on: { '*': { actions: heard('awake') }, NOISE: { actions: heard('noise') }, SLEEP: 'quiet' } },
        },
      } as never),
    script: [
      send('NOISE'),
      send('HUSH'),
      send('ELSE'),
      send('WAKE'),
      send('NOISE'),
      send('HUSH'),
      send('SLEEP'),
      send('NOISE'),
    ],
    ends: { status: 'active', value: 'quiet', context: { heard: ['root', 'noise', 'awake'] } },
  },
  {
    name: 'the longest pattern wins',
    uses: ['partial wildcards'],
    make: () =>
      setup({ types }).createMachine({
        context: { heard: [] },
        on: {
          '*': { actions: heard('*') },
          'mouse.*': { actions: heard('mouse.*') },
          'mouse.click.*': [
            { guard: ({ event }: any) => event.skip === true, actions: heard('skipped') },
            { actions: heard('mouse.click.*') },
          ],
          'mouse.click.left': { guard: ({ event }: any) => event.down === true, actions: heard('left') },
        },
      } as never),
    script: [
      send('mouse'),
      send('mouse.move'),
      send('mouse.click'),
      send('mouse.click.right'),
      send('mouse.click.left'),
      send('mouse.click.left', { down: true }),
      send('mousetrap'),
      send('mouse.click.x', { skip: true }),
    ],
    ends: {
      status: 'active',
      context: {
        heard: ['mouse.*', 'mouse.*', 'mouse.click.*', 'mouse.click.*', 'mouse.click.*', 'left', '*', 'skipped'],
      },
    },
  },
  {
    name: 'the root itself is entered again',
    uses: ['reenter', 'root transitions'],
    make: () =>
      setup({ types }).createMachine({
        id: 'app',
        context: { heard: [] },
        entry: heard('+root'),
        exit: heard('-root'),
        initial: 'one',
        on: { RESET: { target: '#app', reenter: true }, HOME: '.one', JUMP: { target: '.two', reenter: true } },
        states: {
          one: { entry: heard('+one'), on: { NEXT: 'two' } },
          two: { entry: heard('+two'), exit: heard('-two') },
        },
      } as never),
    script: [send('NEXT'), send('HOME'), send('JUMP'), send('RESET')],
    ends: {
      status: 'active',
      value: 'one',
      context: {
        heard: ['+root', '+one', '+two', '-two', '+one', '-root', '+root', '+two', '-two', '-root', '+root', '+one'],
      },
    },
  },
  {
    name: 'states that can be reached from anywhere by route',
    uses: ['route', 'raise'],
    make: () =>
      setup({ types }).createMachine({
        context: { open: true },
        initial: 'home',
        on: {
          VISIT: { actions: raise(({ event }: any) => ({ type: 'xstate.route', to: event.to })) },
          LOCK: { actions: assign({ open: false }) },
        },
        states: {
          home: { id: 'home', route: {} },
          settings: {
            id: 'settings',
            route: {},
            initial: 'plain',
            states: { plain: {}, secret: { id: 'secret', route: { guard: ({ context }: any) => context.open } } },
          },
        },
      } as never),
    script: [
      send('VISIT', { to: '#settings' }),
      send('VISIT', { to: '#home' }),
      send('VISIT', { to: '#secret' }),
      send('VISIT', { to: '#nowhere' }),
      send('LOCK'),
      send('VISIT', { to: '#home' }),
      send('VISIT', { to: '#secret' }),
    ],
    ends: { status: 'active', value: 'home', context: { open: false } },
  },
  {
    name: 'events nobody handles change nothing',
    uses: ['unhandled events'],
    make: () =>
      setup({ types }).createMachine({
        context: { heard: [] },
        initial: 'a',
        states: { a: { on: { GO: 'b' } }, b: { on: { NEVER: { guard: () => false, target: 'a' } } } },
      } as never),
    script: [send('NEVER'), send('GO'), send('GO'), send('NEVER'), send('xyz')],
    ends: { status: 'active', value: 'b', context: { heard: [] } },
  },
]
