/** How the bus comes back to a server, whatever happens on the way. */
import { expect, test } from 'vitest'
import { subjects } from '#protocol/subject.ts'
import { openBus } from '#runtime/nats/open-bus.ts'
import { bytes, stateOf } from '#test/support/bus-world.ts'
import { openProxy } from '#test/support/crash/proxy.ts'
import { startNats } from '#test/support/nats.ts'

test('a connection that breaks between the greeting and the first answer is dialled again at once', async () => {
  await using nats = await startNats()
  const proxy = await openProxy(nats.port)
  const bus = await openBus({
    servers: [proxy.url],
    realm: 'shop',
    create: true,
    defaultPartitions: 1,
    replicas: 1,
    durability: 'process',
    // Whoever waited for this would not see the end of the test.
    times: { connectMs: 600_000, reconnectMs: 20 },
  })
  for (let round = 0; round < 3; round++) {
    const lost = stateOf(bus, 'disconnected')
    const greeted = proxy.holdBack(/^CONNECT /)
    proxy.cut()
    await Promise.all([lost, greeted])
    proxy.cut()
    await stateOf(bus, 'connected')
    expect(await bus.append({ subject: subjects.commit(bus.realm, 0), data: bytes('on') })).toEqual({ seq: round + 1 })
  }
  await bus.close()
  await proxy.close()
})
