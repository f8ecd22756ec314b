/** Wallets as actors of a realm: the same steps as in the textbook, with real timers, effects and topics. */
import { enqueueActions, fromPromise, setup } from 'xstate'
import { actor } from '#protocol/actor.ts'
import { subscribe, tell } from '#runtime/core/actions.ts'
import type { Outside } from '#test/support/workloads/outside.ts'
import { contextOf } from '#test/support/workloads/reader.ts'
import type { Workload } from '#test/support/workloads/workload.ts'
import { partOf } from './textbook.ts'
import { firstMoney, emptyWallet, moved, type Wallet, type WalletEvent } from './wallet.ts'

const lentChild = 'lent-'
const doneType = `xstate.done.actor.${lentChild}`

/** An effect's end names the part that waited for it. */
function eventOf(event: { readonly type: string }): WalletEvent | undefined {
  if (event.type.startsWith(doneType)) return { type: 'BACK', id: event.type.slice(doneType.length) }
  return event.type.startsWith('xstate.') ? undefined : (event as WalletEvent)
}

const workMost = 700

/** `keys`: so many wallets; who pays and follows whom the dice decide. */
export function wallets(count: number): Workload & { readonly keys: readonly string[] } {
  const keys = Array.from({ length: count }, (_, at) => `w${at}`)
  let world: Outside | undefined

  const machine = setup({
    types: { context: {} as Wallet, events: {} as WalletEvent },
    actors: {
      work: fromPromise(async ({ input: { id } }: { input: { id: string } }) => {
        await world?.sleep(1 + ((id.length * 97 + id.charCodeAt(id.length - 1) * 31) % workMost))
      }),
    },
  }).createMachine({
    id: 'wallet',
    context: emptyWallet,
    on: {
      '*': {
        actions: enqueueActions(({ context, event: came, self, enqueue }) => {
          const event = eventOf(came)
          if (event === undefined) return
          const name = self.id.slice('wallet/'.length)
          const { wallet, doings } = moved(context, name, event)
          enqueue.assign(wallet)
          if (event.type === 'BACK') enqueue.stopChild(`${lentChild}${event.id}`)
          for (const doing of doings) {
            if (doing.is === 'pay') enqueue(tell(`wallet/${doing.to}`, doing.event))
            else if (doing.is === 'tell') enqueue.emit(doing.event)
            else if (doing.is === 'follow') enqueue(subscribe(`wallet.${doing.whom}.NEWS`))
            else if (doing.is === 'wait')
              enqueue.raise({ type: 'DUE', id: doing.id }, { id: doing.id, delay: doing.ms })
            else enqueue.spawnChild('work', { id: `${lentChild}${doing.id}`, input: { id: doing.id } })
          }
        }),
      },
    },
  })
  const kind = actor('wallet', machine)
  let begun = 0

  return {
    name: 'wallets',
    keys,
    kinds: [kind],
    async drive(outside, random, rounds) {
      world = outside
      const program = outside.program('payer')
      const pending: Promise<unknown>[] = []
      for (let at = 0; at < rounds; at++) {
        const follow = random.chance(0.3) ? random.pick(keys) : undefined
        const part = partOf(random, keys, `p${begun++}`)
        const sent = program.realm
          .ref(kind, random.pick(keys))
          .send({ type: 'GO', part, ...(follow === undefined ? {} : { follow }) })
        pending.push(outside.outcomeOf(program, sent))
        if (random.chance(0.4)) await outside.sleep(random.int(1, 400))
      }
      await Promise.all(pending)
    },
    audit(reader) {
      const all = keys.flatMap((key) => contextOf<Wallet>(reader, `wallet/${key}`) ?? [])
      const sum = all.reduce((total, { money }) => total + money, 0)
      const gaps = all.reduce((total, one) => total + one.gaps, 0)
      return [
        ...(sum === all.length * firstMoney ? [] : [`${all.length} wallets hold ${sum}`]),
        ...(gaps === 0 ? [] : [`${gaps} times something was missing`]),
      ]
    },
  }
}
