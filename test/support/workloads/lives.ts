/** Actors that are deleted and begin anew under the same key: no life knows of another, and who watches is told. */
import { assign, emit, setup } from 'xstate'
import { actor } from '#protocol/actor.ts'
import { type Address, addressOf } from '#protocol/address.ts'
import { decodeEnvelope } from '#protocol/envelope.ts'
import { parseStored } from '#protocol/subject.ts'
import { watch } from '#runtime/core/actions.ts'
import { contextOf, emittedBy, type Reader } from './reader.ts'
import { type Asked, countFaults, timesOf, type Workload } from './workload.ts'

type Hit = { type: 'HIT'; id: string }
type WasHit = { type: 'WAS_HIT'; id: string; nth: number }
type Told = readonly { readonly address: string; readonly reason: string }[]

const mayfly = setup({
  types: { context: {} as { hits: number }, events: {} as Hit, emitted: {} as WasHit },
}).createMachine({
  id: 'mayfly',
  context: { hits: 0 },
  on: {
    HIT: {
      actions: [
        assign({ hits: ({ context }) => context.hits + 1 }),
        emit(({ context, event }) => ({ type: 'WAS_HIT', id: event.id, nth: context.hits })),
      ],
    },
  },
})

const mourner = setup({
  types: {
    context: {} as { asked: readonly string[]; told: Told },
    events: {} as { type: 'WATCH'; id: string; who: string } | { type: 'actor.ended'; address: string; reason: string },
  },
}).createMachine({
  id: 'mourner',
  context: { asked: [], told: [] },
  on: {
    WATCH: {
      actions: [
        assign({ asked: ({ context, event }) => [...context.asked, event.id] }),
        watch(({ event }) => event.who),
      ],
    },
    'actor.ended': {
      actions: assign({
        told: ({ context, event }) => [...context.told, { address: event.address, reason: event.reason }],
      }),
    },
  },
})

export function lives(): Workload {
  const [mayflies, mourners] = [actor('mayfly', mayfly), actor('mourner', mourner)]
  // Many, so that one is left alone for a while when it was deleted.
  const keys = Array.from({ length: 8 }, (_, at) => `day${at}`)
  const hits: Asked[] = []
  const watches: (Asked & { readonly who: string })[] = []

  /** Every stored wish to delete; a copy of one ends no second life of the same beginning. */
  const deletionsOf = (reader: Reader, address: Address): number =>
    reader.entries.filter(({ subject, data }) => {
      const stored = parseStored(subject)
      if (stored.is !== 'in' || stored.sender !== 'c' || stored.address !== address) return false
      return decodeEnvelope(stored.address, data).envelope.content.is === 'delete'
    }).length

  return {
    name: 'lives',
    kinds: [mayflies, mourners],
    async drive(outside, random, rounds) {
      const program = outside.program('gardener')
      const pending: Promise<unknown>[] = []
      const later = (one: Asked, promise: Promise<unknown>): void =>
        void pending.push(outside.outcomeOf(program, promise).then((outcome) => (one.outcome = outcome)))
      for (let at = 0; at < rounds; at++) {
        const key = random.pick(keys)
        const dice = random.next()
        if (dice < 0.5) {
          const one: Asked = { id: `h${hits.length}`, outcome: 'unknown' }
          hits.push(one)
          later(one, program.realm.ref(mayflies, key).send({ type: 'HIT', id: one.id }))
        } else if (dice < 0.7) {
          const who = `mayfly/${key}`
          const one = { id: `m${watches.length}`, outcome: 'unknown' as Asked['outcome'], who }
          watches.push(one)
          later(one, program.realm.ref(mourners, 'm').send({ type: 'WATCH', id: one.id, who }))
        } else {
          later({ id: '', outcome: 'unknown' }, program.realm.operate.delete(`mayfly/${key}`))
        }
        if (random.chance(0.4)) await outside.sleep(random.int(1, 800))
      }
      await Promise.all(pending)
    },
    audit(reader) {
      const all = emittedBy<WasHit>(reader, 'mayfly')
      const faults = countFaults('hit', hits, timesOf(all.map(({ event }) => event.id)))
      const { asked = [], told = [] } = contextOf<{ asked: readonly string[]; told: Told }>(reader, 'mourner/m') ?? {}
      faults.push(...countFaults('watch', watches, timesOf(asked)))
      for (const address of keys.map((key) => addressOf('mayfly', key))) {
        const nths = all.filter((one) => one.address === address).map(({ event }) => event.nth)
        const deletions = deletionsOf(reader, address)
        const lived = nths.filter((nth) => nth === 1).length
        if (nths.some((nth, at) => nth !== 1 && nth !== (nths[at - 1] ?? 0) + 1))
          faults.push(`${address} counted ${nths.join()}`)
        if (lived > deletions + 1) faults.push(`${address} began ${lived} times, and was deleted ${deletions} times`)
        const left = contextOf<{ hits: number }>(reader, address)?.hits
        if (left !== undefined && left !== (nths.at(-1) ?? 0))
          faults.push(`${address} says ${left} after ${nths.join()}`)
        if (left === undefined && nths.length > 0 && deletions === 0)
          faults.push(`${address} is gone, but nobody deleted it`)
        const count = told.filter((one) => one.address === address).length
        const ids = new Set(watches.filter(({ who }) => who === address).map(({ id }) => id))
        const watched = asked.filter((id) => ids.has(id)).length
        if (count > watched) faults.push(`of ${address} ${count} ends were told to ${watched} watches`)
        if (left === undefined && watched > 0 && count === 0) faults.push(`the end of ${address} was told to nobody`)
      }
      return faults
    },
  }
}
