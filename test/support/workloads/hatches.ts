/** Events that nobody can take and events that make a machine throw: each is taken once or set aside once, and harms nothing. */
import { assign, emit, setup } from 'xstate'
import { actor } from '#protocol/actor.ts'
import { addressOf } from '#protocol/address.ts'
import { emittedBy, parkedFor } from './reader.ts'
import { type Asked, countFaults, timesOf, type Workload } from './workload.ts'

type Event = { type: 'OPEN' | 'SHUT' } | { type: 'PUT' | 'BREAK'; id: string }
type Took = { type: 'TOOK'; id: string; nth: number }

const machine = setup({
  types: { context: {} as { taken: number }, events: {} as Event, emitted: {} as Took },
  actions: {
    shatter: assign(() => {
      throw new Error('broken')
    }),
  },
}).createMachine({
  id: 'hatch',
  context: { taken: 0 },
  initial: 'shut',
  // Opening what is open is nothing to be set aside.
  on: { OPEN: {}, SHUT: {} },
  states: {
    shut: { on: { OPEN: 'open' } },
    open: {
      on: {
        SHUT: 'shut',
        PUT: {
          actions: [
            assign({ taken: ({ context }) => context.taken + 1 }),
            emit(({ context, event }) => ({ type: 'TOOK', id: event.id, nth: context.taken })),
          ],
        },
        BREAK: { actions: 'shatter' },
      },
    },
  },
})

export function hatches(): Workload {
  const kind = actor('hatch', machine, {
    unhandled: 'park',
    supervision: { strategy: 'restart', intensity: 1_000_000, periodMs: 1000 },
  })
  const keys = ['fore', 'aft']
  const puts: Asked[] = []
  const breaks: Asked[] = []
  return {
    name: 'hatches',
    kinds: [kind],
    parks: (address) => address.startsWith('hatch/'),
    async drive(outside, random, rounds) {
      const program = outside.program('sailor')
      const pending: Promise<unknown>[] = []
      for (let at = 0; at < rounds; at++) {
        const to = program.realm.ref(kind, random.pick(keys))
        const dice = random.next()
        const type = dice < 0.25 ? 'OPEN' : dice < 0.3 ? 'SHUT' : dice < 0.45 ? 'BREAK' : 'PUT'
        if (type === 'OPEN' || type === 'SHUT') {
          pending.push(outside.outcomeOf(program, to.send({ type })))
        } else {
          const one: Asked = { id: `p${puts.length + breaks.length}`, outcome: 'unknown' }
          ;(type === 'PUT' ? puts : breaks).push(one)
          const sent = to.send({ type, id: one.id })
          pending.push(outside.outcomeOf(program, sent).then((outcome) => (one.outcome = outcome)))
        }
        if (random.chance(0.4)) await outside.sleep(random.int(1, 800))
      }
      await Promise.all(pending)
    },
    audit(reader) {
      const took = emittedBy<Took>(reader, 'hatch')
      const parked = parkedFor(reader, 'hatch')
      const idsOf = (type: string): string[] =>
        parked.flatMap(({ event }) => (event.type === type ? [(event as unknown as { id: string }).id] : []))
      const faults = countFaults('put', puts, timesOf([...took.map(({ event }) => event.id), ...idsOf('PUT')]))
      faults.push(...countFaults('break', breaks, timesOf(idsOf('BREAK'))))
      for (const address of keys.map((key) => addressOf('hatch', key))) {
        const taken = took.filter((one) => one.address === address)
        const threw = parked.filter((one) => one.address === address && one.code === 'actor.threw')
        let count = 0
        for (const one of [...taken, ...threw].sort((one, other) => one.seq - other.seq)) {
          count = 'code' in one ? 0 : count + 1
          if (!('code' in one) && one.event.nth !== count)
            faults.push(
              `${address} took ${one.event.id} as its ${one.event.nth}th since it began, and it was the ${count}th`,
            )
        }
        const status = reader.states.get(address)?.snapshot.status ?? 'active'
        if (status !== 'active') faults.push(`${address} is ${status}, but each throw is a new beginning`)
      }
      return faults
    },
  }
}
