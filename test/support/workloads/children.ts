/** Children that are spawned, greet their parent and end: each is heard once, with its own output. */
import { assign, sendParent, setup, spawnChild } from 'xstate'
import { actor } from '#protocol/actor.ts'
import { contextOf } from './reader.ts'
import { type Asked, countFaults, timesOf, type Workload } from './workload.ts'

type Parent = {
  readonly begun: readonly string[]
  readonly greeted: readonly string[]
  readonly done: readonly string[]
}
type Event =
  | { type: 'SPAWN'; id: string; ms: number }
  | { type: 'HELLO'; id: string }
  | { type: 'xstate.done.actor.*'; output: { id: string }; actorId: string }

const kid = setup({
  types: {
    context: {} as { id: string; ms: number },
    input: {} as { id: string; ms: number },
    output: {} as { id: string },
  },
  delays: { life: ({ context }) => context.ms },
}).createMachine({
  id: 'kid',
  context: ({ input }) => input,
  initial: 'playing',
  entry: sendParent(({ context }) => ({ type: 'HELLO', id: context.id })),
  states: { playing: { after: { life: 'grown' } }, grown: { type: 'final' } },
  output: ({ context }) => ({ id: context.id }),
})

const machine = setup({ types: { context: {} as Parent, events: {} as Event }, actors: { kid } }).createMachine({
  id: 'parent',
  context: { begun: [], greeted: [], done: [] },
  on: {
    SPAWN: {
      actions: [
        spawnChild('kid', {
          id: (({ event }: { event: { id: string } }) => event.id) as never,
          input: (({ event }: { event: { id: string; ms: number } }) => ({ id: event.id, ms: event.ms })) as never,
        }),
        assign({ begun: ({ context, event }) => [...context.begun, event.id] }),
      ],
    },
    HELLO: { actions: assign({ greeted: ({ context, event }) => [...context.greeted, event.id] }) },
    'xstate.done.actor.*': { actions: assign({ done: ({ context, event }) => [...context.done, event.output.id] }) },
  },
})

export function children(): Workload {
  const parents = actor('parent', machine)
  const asked: Asked[] = []
  const keys = ['f', 'g']
  return {
    name: 'children',
    kinds: [parents],
    async drive(outside, random, rounds) {
      const program = outside.program('stork')
      const pending: Promise<unknown>[] = []
      for (let at = 0; at < rounds; at++) {
        const one: Asked = { id: `c${asked.length}`, outcome: 'unknown' }
        asked.push(one)
        const sent = program.realm
          .ref(parents, random.pick(keys))
          .send({ type: 'SPAWN', id: one.id, ms: Math.round(random.int(0, 3000) * outside.pace) })
        pending.push(outside.outcomeOf(program, sent).then((outcome) => (one.outcome = outcome)))
        if (random.chance(0.5)) await outside.sleep(random.int(1, 1000))
      }
      await Promise.all(pending)
    },
    audit(reader) {
      const all = keys.flatMap((key) => contextOf<Parent>(reader, `parent/${key}`) ?? [])
      const begun = all.flatMap((one) => one.begun)
      const faults = countFaults('child', asked, timesOf(begun))
      for (const what of ['greeted', 'done'] as const) {
        const times = timesOf(all.flatMap((one) => one[what]))
        for (const id of begun)
          if (times.get(id) !== 1) faults.push(`child ${id} was ${what} ${times.get(id) ?? 0} times`)
      }
      return faults
    },
  }
}
