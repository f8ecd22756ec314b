import { systemClock } from '#runtime/clock.ts'
import { openMemoryLog } from '#runtime/memory/memory-bus.ts'
import { busContract } from '#test/support/bus-contract.ts'
import { bytes } from '#test/support/bus-world.ts'

const partitions = 16

busContract('the bus in memory [C20]', {
  partitions,
  setUp: () => Promise.resolve(),
  tearDown: () => Promise.resolve(),
  async openWorld(realm) {
    const log = openMemoryLog({ realm, partitions, clock: systemClock })
    return {
      bus: log.connect(),
      connect: async () => log.connect(),
      async publishBare(subject, data, headers = {}) {
        const id = headers['perdure-id'] ?? headers['Nats-Msg-Id']
        log.publish(subject, bytes(data), { id, traceparent: headers['traceparent'] })
      },
      killServer: async () => log.stop(),
      startServer: async () => log.start(),
      [Symbol.asyncDispose]: async () => undefined,
    }
  },
})
