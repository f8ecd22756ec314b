/**
 * An order that must be paid in time. Run `npm start` in one terminal and this in another:
 *
 *     npm run example order
 *
 * Stop the node with kill -9 while it runs, start it again, and it goes on where it was.
 */
import { openRealm } from 'perdure'
import { order } from '#actors/order.ts'

await using realm = await openRealm({ realm: process.argv[2] ?? 'main' })
const key = `order-${Date.now()}`
const mine = await realm.start(order, key, { input: { price: 5 } })

await mine.waitFor((snapshot) => snapshot.matches('open'), { timeoutMs: 10_000 })
console.log(`${mine.address} waits for its payment of 5`)

await mine.send({ type: 'PAY', amount: 3 })
console.log('3 were not enough:', await mine.ask({ type: 'STATUS' }, { timeoutMs: 10_000 }))

await mine.send({ type: 'PAY', amount: 5 })
console.log('paid:', await mine.output({ timeoutMs: 10_000 }))
