/** Appends from programs and from other actors: in the order of each sender, without gap, none twice. */
import { assign, enqueueActions, setup } from 'xstate'
import { actor } from '#protocol/actor.ts'
import { tell } from '#runtime/core/actions.ts'
import { contextOf } from './reader.ts'
import { type Asked, countFaults, timesOf, type Workload } from './workload.ts'

type Item = { readonly from: string; readonly n: number; readonly text: string }
type Append = { type: 'APPEND' } & Item

// Long enough that a list is soon stored as differences.
const text = 'a line of some length that makes the state of the list large enough to be stored as differences'

const listMachine = setup({ types: { context: {} as { items: readonly Item[] }, events: {} as Append } }).createMachine(
  {
    id: 'list',
    context: { items: [] },
    on: {
      APPEND: {
        actions: assign({ items: ({ context, event: { from, n, text } }) => [...context.items, { from, n, text }] }),
      },
    },
  },
)

const writerMachine = setup({
  types: {
    context: {} as { n: number; done: readonly string[] },
    events: {} as { type: 'WRITE'; id: string; count: number },
  },
}).createMachine({
  id: 'writer',
  context: { n: 0, done: [] },
  on: {
    WRITE: {
      actions: enqueueActions(({ context, event, self, enqueue }) => {
        for (let at = 1; at <= event.count; at++)
          enqueue(tell('list/all', { type: 'APPEND', from: self.id, n: context.n + at, text }))
        enqueue.assign({ n: context.n + event.count, done: [...context.done, event.id] })
      }),
    },
  },
})

export function lists(): Workload {
  const [all, writers] = [actor('list', listMachine), actor('writer', writerMachine)]
  const keys = ['v', 'w', 'x']
  const writes: Asked[] = []
  const appends = new Map<string, Asked & { readonly from: string; readonly n: number }>()
  return {
    name: 'lists',
    kinds: [all, writers],
    async drive(outside, random, rounds) {
      const pending: Promise<unknown>[] = []
      for (let at = 0; at < rounds; at++) {
        const program = outside.program(random.pick(['pen', 'quill']))
        const from = `${program.name}.${program.life}`
        if (random.chance(0.5)) {
          const n = [...appends.values()].filter((one) => one.from === from).length + 1
          const one = { id: `${from}:${n}`, from, n, outcome: 'unknown' as Asked['outcome'] }
          appends.set(one.id, one)
          const sent = program.realm.ref(all, 'all').send({ type: 'APPEND', from, n, text })
          pending.push(outside.outcomeOf(program, sent).then((outcome) => (one.outcome = outcome)))
        } else {
          const one: Asked = { id: `w${writes.length}`, outcome: 'unknown' }
          writes.push(one)
          const sent = program.realm
            .ref(writers, random.pick(keys))
            .send({ type: 'WRITE', id: one.id, count: random.chance(0.1) ? 30 : random.int(1, 4) })
          pending.push(outside.outcomeOf(program, sent).then((outcome) => (one.outcome = outcome)))
        }
        if (random.chance(0.4)) await outside.sleep(random.int(1, 800))
      }
      await Promise.all(pending)
    },
    audit(reader) {
      const items = contextOf<{ items: readonly Item[] }>(reader, 'list/all')?.items ?? []
      const faults: string[] = []
      const done: string[] = []
      for (const key of keys) {
        const writer = contextOf<{ n: number; done: readonly string[] }>(reader, `writer/${key}`)
        if (writer === undefined) continue
        done.push(...writer.done)
        const ns = items.filter(({ from }) => from === `writer/${key}`).map(({ n }) => n)
        const want = Array.from({ length: writer.n }, (_, at) => at + 1)
        if (ns.join() !== want.join())
          faults.push(`of writer/${key} the list has ${ns.join()} instead of 1 to ${writer.n}`)
      }
      faults.push(...countFaults('write', writes, timesOf(done)))
      const outside = items.filter(({ from }) => !from.includes('/'))
      faults.push(
        ...countFaults('append', [...appends.values()], timesOf(outside.map(({ from, n }) => `${from}:${n}`))),
      )
      for (const from of new Set(outside.map((one) => one.from))) {
        const ns = outside.filter((one) => one.from === from).map(({ n }) => n)
        if (ns.some((n, at) => at > 0 && n <= (ns[at - 1] as number)))
          faults.push(`of ${from} the list has ${ns.join()}, out of order`)
      }
      return faults
    },
  }
}
