/** Logic without states: `fromTransition` as an actor of its own. */
import { fromTransition } from 'xstate'
import { type Scenario, send } from './scenario.ts'

export const transitions: readonly Scenario[] = [
  {
    name: 'a counter without states',
    uses: ['fromTransition', 'input'],
    make: () =>
      fromTransition(
        (context: { n: number }, event: any) => (event.type === 'INC' ? { n: context.n + (event.by ?? 1) } : context),
        ({ input }: any) => ({ n: input as number }),
      ),
    input: 10,
    script: [send('INC'), send('OTHER'), send('INC', { by: 5 })],
    ends: { status: 'active', context: { n: 16 } },
  },
  {
    name: 'transition logic that emits and writes to itself',
    uses: ['fromTransition', 'emit', 'self'],
    make: () =>
      fromTransition(
        (context: { trace: string[] }, event: any, { emit, self }: any) => {
          if (event.type === 'PING') {
            emit({ type: 'ponged', n: context.trace.length })
            self.send({ type: 'ECHO' })
          }
          return { trace: [...context.trace, event.type] }
        },
        { trace: [] },
      ),
    script: [send('PING'), send('PING')],
    ends: {
      status: 'active',
      context: { trace: ['PING', 'ECHO', 'PING', 'ECHO'] },
      emitted: [
        { type: 'ponged', n: 0 },
        { type: 'ponged', n: 2 },
      ],
    },
    unofficial: 'an inert actor of the official transition() enqueues what is sent to itself',
  },
]
