/** Alarms that are set, moved and cancelled: each rings once, never early, never after it was cancelled. */
import { assign, cancel, emit, enqueueActions, setup } from 'xstate'
import { actor } from '#protocol/actor.ts'
import { subscribe } from '#runtime/core/actions.ts'
import { contextOf, emittedBy, sentTo } from './reader.ts'
import { type Asked, countFaults, timesOf, type Workload } from './workload.ts'

type Event =
  | { type: 'SET'; id: string; ms: number }
  | { type: 'RING'; id: string; ms: number }
  | { type: 'CANCEL'; id: string }
type Emitted =
  | { type: 'SAID'; id: string; ms: number }
  | { type: 'RANG'; id: string }
  | { type: 'CANCELLED'; id: string }

const machine = setup({ types: { context: {}, events: {} as Event, emitted: {} as Emitted } }).createMachine({
  id: 'bell',
  context: {},
  on: {
    SET: {
      actions: enqueueActions(({ event: { id, ms }, enqueue }) => {
        enqueue.emit({ type: 'SAID', id, ms })
        enqueue.raise({ type: 'RING', id, ms }, { id, delay: ms })
      }),
    },
    RING: { actions: emit(({ event }) => ({ type: 'RANG', id: event.id })) },
    CANCEL: { actions: [cancel(({ event }) => event.id), emit(({ event }) => ({ type: 'CANCELLED', id: event.id }))] },
  },
})

const hearerMachine = setup({
  types: {
    context: {} as { heard: readonly string[] },
    events: {} as { type: 'LISTEN' } | { type: 'RANG'; id: string },
  },
}).createMachine({
  id: 'hearer',
  context: { heard: [] },
  on: {
    LISTEN: { actions: subscribe('bell.*.RANG', { from: 'start' }) },
    RANG: { actions: assign({ heard: ({ context, event }) => [...context.heard, event.id] }) },
  },
})

export function timers(): Workload {
  const [bells, hearers] = [actor('bell', machine), actor('hearer', hearerMachine)]
  const sets: Asked[] = []
  const cancels: Asked[] = []
  let isHeard = false
  const keys = ['n', 'o', 'p']
  return {
    name: 'timers',
    kinds: [bells, hearers],
    async drive(outside, random, rounds) {
      const program = outside.program('clerk')
      const pending: Promise<unknown>[] = []
      // Again in each round: a subscription from the start is taken once.
      const listening = outside.outcomeOf(program, program.realm.ref(hearers, 'h').send({ type: 'LISTEN' }))
      pending.push(listening.then((outcome) => (isHeard ||= outcome === 'done')))
      for (let at = 0; at < rounds; at++) {
        const key = random.pick(keys)
        const one: Asked = { id: `s${sets.length}`, outcome: 'unknown' }
        sets.push(one)
        const sent = program.realm.ref(bells, key).send({
          type: 'SET',
          id: one.id,
          ms: Math.round(random.int(0, random.chance(0.2) ? 20_000 : 500) * outside.pace),
        })
        pending.push(outside.outcomeOf(program, sent).then((outcome) => (one.outcome = outcome)))
        if (random.chance(0.5)) await outside.sleep(random.int(1, 800))
        if (random.chance(0.2)) {
          const gone: Asked = { id: one.id, outcome: 'unknown' }
          cancels.push(gone)
          const sent = program.realm.ref(bells, key).send({ type: 'CANCEL', id: one.id })
          pending.push(outside.outcomeOf(program, sent).then((outcome) => (gone.outcome = outcome)))
        }
      }
      await Promise.all(pending)
    },
    audit(reader) {
      /** When the request was stored, which is before its step; what was emitted is stamped later. */
      const set = new Map<string, number>()
      for (const { event, at } of sentTo<Event>(reader, 'bell'))
        if (event.type === 'SET' && !set.has(event.id)) set.set(event.id, at)
      const said = new Map<string, number>()
      const cancelled = new Map<string, number>()
      const faults: string[] = []
      const rang: string[] = []
      for (const { event, seq, at } of emittedBy<Emitted>(reader, 'bell')) {
        if (event.type === 'CANCELLED') cancelled.set(event.id, seq)
        else if (event.type === 'SAID') {
          if (said.has(event.id)) faults.push(`alarm ${event.id} was said twice`)
          said.set(event.id, event.ms)
        } else {
          rang.push(event.id)
          const due = (set.get(event.id) ?? Number.POSITIVE_INFINITY) + (said.get(event.id) ?? 0)
          if (at < due - reader.skewMs) faults.push(`alarm ${event.id} rang at ${at}, before ${due}`)
          if (cancelled.has(event.id))
            faults.push(`alarm ${event.id} rang at ${seq}, after it was cancelled at ${cancelled.get(event.id)}`)
        }
      }
      faults.push(...countFaults('alarm', sets, timesOf(said.keys())))
      const times = timesOf(rang)
      for (const id of said.keys()) {
        const count = times.get(id) ?? 0
        if (count > 1 || (count === 0 && !cancelled.has(id))) faults.push(`alarm ${id} rang ${count} times`)
      }
      const heard = contextOf<{ heard: readonly string[] }>(reader, 'hearer/h')?.heard
      if (isHeard && [...(heard ?? [])].join() !== rang.join())
        faults.push(`heard was ${heard?.join()}, and rung ${rang.join()}`)
      return faults
    },
  }
}
