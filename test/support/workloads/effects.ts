/** Work in the outside world: it may be done more than once, its result is counted once. */
import { assign, fromPromise, setup } from 'xstate'
import { actor } from '#protocol/actor.ts'
import type { Outside } from './outside.ts'
import { contextOf } from './reader.ts'
import { type Asked, countFaults, timesOf, type Workload } from './workload.ts'

type Worker = {
  readonly id: string
  readonly results: readonly string[]
  readonly failures: readonly string[]
  readonly noted: readonly string[]
}
type Event = { type: 'DO'; id: string } | { type: 'NOTE'; id: string } | { type: 'NOTED'; id: string }

/** `isElsewhere`: the work is done in another process, so that nobody here sees it run. */
export function effects({ isElsewhere = false } = {}): Workload {
  const ran = new Map<string, number>()
  const asked: Asked[] = []
  const notes: Asked[] = []
  let world: Outside | undefined

  const machine = setup({
    types: { context: {} as Worker, events: {} as Event },
    actors: {
      work: fromPromise(async ({ input }: { input: { id: string } }) => {
        const times = (ran.get(input.id) ?? 0) + 1
        ran.set(input.id, times)
        await world?.sleep(1 + ((input.id.length * 37 + times * 91) % 400))
        if (input.id.endsWith('3') && times % 2 === 1) throw new Error('not this time')
        if (input.id.endsWith('7')) throw new Error('never')
        return `done ${input.id}`
      }),
    },
    actions: {
      note({ self }, { id }: { id: string }) {
        self.send({ type: 'NOTED', id })
      },
    },
  }).createMachine({
    id: 'worker',
    context: { id: '', results: [], failures: [], noted: [] },
    initial: 'idle',
    on: {
      NOTE: { actions: { type: 'note', params: ({ event }) => ({ id: event.id }) } },
      NOTED: { actions: assign({ noted: ({ context, event }) => [...context.noted, event.id] }) },
    },
    states: {
      idle: { on: { DO: { target: 'working', actions: assign({ id: ({ event }) => event.id }) } } },
      working: {
        invoke: {
          src: 'work',
          input: ({ context }) => ({ id: context.id }),
          onDone: {
            target: 'idle',
            actions: assign({ results: ({ context, event }) => [...context.results, event.output.slice(5)] }),
          },
          onError: {
            target: 'idle',
            actions: assign({ failures: ({ context }) => [...context.failures, context.id] }),
          },
        },
      },
    },
  })
  const workers = actor('worker', machine, {
    unhandled: 'defer',
    deferLimit: 1000,
    effects: { work: { attempts: 3, backoffMs: 50 }, note: {} },
  })
  const keys = ['k', 'l', 'm']

  return {
    name: 'effects',
    kinds: [workers],
    async drive(outside, random, rounds) {
      world = outside
      const program = outside.program('boss')
      const pending: Promise<unknown>[] = []
      for (let at = 0; at < rounds; at++) {
        const [list, type] = random.chance(0.6) ? ([asked, 'DO'] as const) : ([notes, 'NOTE'] as const)
        const one: Asked = { id: `e${asked.length + notes.length}`, outcome: 'unknown' }
        list.push(one)
        const sent = program.realm.ref(workers, random.pick(keys)).send({ type, id: one.id })
        pending.push(outside.outcomeOf(program, sent).then((outcome) => (one.outcome = outcome)))
        if (random.chance(0.4)) await outside.sleep(random.int(1, 800))
      }
      await Promise.all(pending)
    },
    audit(reader) {
      const all = keys.flatMap((key) => contextOf<Worker>(reader, `worker/${key}`) ?? [])
      const ended = all.flatMap(({ results, failures }) => [...results, ...failures])
      const faults = countFaults('work', asked, timesOf(ended))
      faults.push(...countFaults('note', notes, timesOf(all.flatMap(({ noted }) => noted))))
      for (const id of isElsewhere ? [] : ended) if (!ran.has(id)) faults.push(`work ${id} has an end, but never ran`)
      return faults
    },
  }
}
