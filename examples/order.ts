/**
 * An order and its payment timeout, from the side of a program that uses them. The actor itself
 * (actors/order.ts) runs in the node that `npm start` starts; this program can be killed at any
 * line and started again without paying twice.
 *
 *     npm run example order                  places an order, pays it in two parts, ships it
 *     npm run example order -- --late        places one and does not pay: it cancels itself
 *     npm run example order -- --order 7     goes on with the order 7, wherever it stands
 */
import { parseArgs } from 'node:util'
import { openRealm } from 'perdure'
import { order } from '#actors/order.ts'

const { values } = parseArgs({
  options: { late: { type: 'boolean' }, order: { type: 'string' }, dir: { type: 'string' } },
})
const key = values.order ?? `${Date.now()}`
const timeoutMs = 30_000

// A name of its own makes the ids below mean the same after this program was started again.
await using realm = await openRealm({
  realm: 'main',
  client: 'order-desk',
  ...(values.dir === undefined ? {} : { dir: values.dir }),
})
const mine = realm.ref(order, key)

let last = ''
const watching = mine.subscribe((snapshot) => {
  if (snapshot.value !== last)
    console.log(`order/${key} is ${snapshot.value}, ${snapshot.context.paid} of ${snapshot.context.amount} paid`)
  last = snapshot.value
})

await mine.send(
  { type: 'PLACE', item: 'book', amount: 20, payWithinMs: values.late ? 3_000 : 600_000 },
  { id: `place-${key}` },
)
if (!values.late) {
  await mine.send({ type: 'PAY', amount: 5 }, { id: `deposit-${key}` })
  await mine.send({ type: 'PAY', amount: 15 }, { id: `rest-${key}` })
  // The same id again is the same payment, however often the network makes us repeat it.
  await mine.send({ type: 'PAY', amount: 15 }, { id: `rest-${key}` })
  await mine.waitFor((snapshot) => snapshot.matches('paid') || snapshot.status === 'done', { timeoutMs })
  await mine.send({ type: 'SHIP' }, { id: `ship-${key}` })
}
const { paid, shipped } = await mine.output({ timeoutMs })
watching.unsubscribe()
console.log(shipped ? `shipped; ${paid} was paid` : `cancelled; ${paid} is given back`)
