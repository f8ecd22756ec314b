/** Actors that live on into the next release of their program: what they hold is changed once, and nothing of it is lost. */
import { assign, setup } from 'xstate'
import { actor } from '#protocol/actor.ts'
import type { ActorState } from '#protocol/state.ts'
import { contextOf } from './reader.ts'
import { type Asked, countFaults, timesOf, type Workload } from './workload.ts'

type Event = { type: 'ADD'; id: string }
type First = { readonly entries: readonly string[] }
type Second = { readonly lines: readonly string[]; readonly changed: number }

const firstMachine = setup({ types: { context: {} as First, events: {} as Event } }).createMachine({
  id: 'ledger',
  context: { entries: [] },
  on: { ADD: { actions: assign({ entries: ({ context, event }) => [...context.entries, event.id] }) } },
})

const secondMachine = setup({ types: { context: {} as Second, events: {} as Event } }).createMachine({
  id: 'ledger',
  context: { lines: [], changed: 0 },
  on: { ADD: { actions: assign({ lines: ({ context, event }) => [...context.lines, event.id] }) } },
})

function secondOf(state: ActorState): ActorState {
  const { entries, changed = 0 } = state.snapshot.context as First & { readonly changed?: number }
  return { ...state, snapshot: { ...state.snapshot, context: { lines: entries, changed: changed + 1 } } }
}

export function releases(): Workload {
  const first = actor('ledger', firstMachine, { version: 1 })
  const keys = ['red', 'black', 'blue']
  const asked: Asked[] = []
  return {
    name: 'releases',
    kinds: [first],
    later: [actor('ledger', secondMachine, { version: 2, migrate: { 1: secondOf } })],
    async drive(outside, random, rounds) {
      const program = outside.program('scribe')
      const pending: Promise<unknown>[] = []
      for (let at = 0; at < rounds; at++) {
        const one: Asked = { id: `l${asked.length}`, outcome: 'unknown' }
        asked.push(one)
        const sent = program.realm.ref(first, random.pick(keys)).send({ type: 'ADD', id: one.id })
        pending.push(outside.outcomeOf(program, sent).then((outcome) => (one.outcome = outcome)))
        if (random.chance(0.4)) await outside.sleep(random.int(1, 800))
      }
      await Promise.all(pending)
    },
    audit(reader) {
      const all = keys.flatMap((key) => contextOf<Partial<First & Second>>(reader, `ledger/${key}`) ?? [])
      const faults = countFaults('line', asked, timesOf(all.flatMap(({ entries, lines }) => lines ?? entries ?? [])))
      for (const { changed = 0, entries, lines } of all) {
        if (changed > 1) faults.push(`a ledger was changed ${changed} times`)
        if (entries !== undefined && lines !== undefined) faults.push('a ledger is of two releases')
      }
      return faults
    },
  }
}
