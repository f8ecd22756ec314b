/** Transfers between accounts: nothing is made or lost, and each transfer happens once, on both sides. */
import { assign, setup } from 'xstate'
import { actor } from '#protocol/actor.ts'
import { tell } from '#runtime/core/actions.ts'
import { contextOf } from './reader.ts'
import { type Asked, countFaults, timesOf, type Workload } from './workload.ts'

type Account = {
  readonly balance: number
  readonly out: readonly string[]
  readonly in: readonly string[]
  readonly refused: readonly string[]
}
type Event =
  | { type: 'TRANSFER'; id: string; to: string; amount: number }
  | { type: 'CREDIT'; id: string; amount: number }

const machine = setup({
  types: { context: {} as Account, events: {} as Event },
  guards: { covered: ({ context, event }) => event.type === 'TRANSFER' && context.balance >= event.amount },
}).createMachine({
  id: 'account',
  context: { balance: 100, out: [], in: [], refused: [] },
  on: {
    TRANSFER: [
      {
        guard: 'covered',
        actions: [
          assign(({ context, event }) => ({
            balance: context.balance - event.amount,
            out: [...context.out, event.id],
          })),
          tell(
            ({ event }) => `account/${event.to}`,
            ({ event }) => ({ type: 'CREDIT', id: event.id, amount: event.amount }),
          ),
        ],
      },
      { actions: assign({ refused: ({ context, event }) => [...context.refused, event.id] }) },
    ],
    CREDIT: {
      actions: assign(({ context, event }) => ({
        balance: context.balance + event.amount,
        in: [...context.in, event.id],
      })),
    },
  },
})

export function bank(): Workload {
  const accounts = actor('account', machine)
  const keys = ['a', 'b', 'c', 'd', 'e']
  const asked: Asked[] = []
  return {
    name: 'bank',
    kinds: [accounts],
    async drive(outside, random, rounds) {
      const program = outside.program('teller')
      const pending: Promise<unknown>[] = []
      for (let at = 0; at < rounds; at++) {
        const [from, to] = [random.pick(keys), random.pick(keys)]
        const one: Asked = { id: `t${asked.length}`, outcome: 'unknown' }
        asked.push(one)
        const sent = program.realm
          .ref(accounts, from)
          .send({ type: 'TRANSFER', id: one.id, to, amount: random.int(1, 40) })
        pending.push(outside.outcomeOf(program, sent).then((outcome) => (one.outcome = outcome)))
        if (random.chance(0.4)) await outside.sleep(random.int(1, 800))
      }
      await Promise.all(pending)
    },
    audit(reader) {
      const all = keys.flatMap((key) => contextOf<Account>(reader, `account/${key}`) ?? [])
      const sum = all.reduce((total, { balance }) => total + balance, 0)
      const out = all.flatMap((one) => one.out)
      const faults = countFaults('transfer', asked, timesOf([...out, ...all.flatMap((one) => one.refused)]))
      if (sum !== 100 * all.length) faults.push(`${all.length} accounts hold ${sum}`)
      const came = timesOf(all.flatMap((one) => one.in))
      for (const id of out)
        if (came.get(id) !== 1) faults.push(`transfer ${id} left once and arrived ${came.get(id) ?? 0} times`)
      return faults
    },
  }
}
