import { connect as connectNats, headers as newHeaders, type NatsConnection } from '@nats-io/transport-node'
import type { Bus } from '#runtime/bus.ts'
import { openBus } from '#runtime/nats/open-bus.ts'
import { busContract } from '#test/support/bus-contract.ts'
import { type TestNats, startNats } from '#test/support/nats.ts'

const partitions = 16
let nats: TestNats

busContract('the bus over NATS [C20]', {
  partitions,
  async setUp() {
    nats = await startNats()
  },
  tearDown: () => nats.stop(),
  async openWorld(realm) {
    const opened: (Bus | NatsConnection)[] = []
    const connect = async (): Promise<Bus> => {
      const bus = await openBus({
        servers: [nats.url],
        realm,
        create: true,
        defaultPartitions: partitions,
        replicas: 1,
        durability: 'process',
        // So long that only the loss of the connection itself can end a wait within a test.
        times: { ackMs: 600_000, callMs: 600_000, heartbeatMs: 600_000 },
      })
      opened.push(bus)
      return bus
    }
    return {
      bus: await connect(),
      connect,
      async publishBare(subject, data, plain = {}) {
        const nc = await connectNats({ servers: nats.url })
        const headers = newHeaders()
        for (const [name, value] of Object.entries(plain)) headers.set(name, value)
        await nc.request(subject, data, { headers, timeout: 5000 })
        await nc.close()
      },
      killServer: () => nats.kill(),
      startServer: () => nats.restart(),
      async [Symbol.asyncDispose]() {
        for (const each of opened) await each.close()
      },
    }
  },
})
