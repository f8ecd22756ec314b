/** One real server for the tests of a file, a bus on it, and a foreign client that obeys none of our rules. */
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { afterAll, beforeAll } from 'vitest'
import type { Bus } from '#runtime/bus.ts'
import type { BusOptions } from '#runtime/nats/bus-options.ts'
import { openBus } from '#runtime/nats/open-bus.ts'
import { startNats, type TestNats } from './nats.ts'

export type RealBus = {
  readonly foreign: () => NatsConnection
  readonly nextRealm: () => string
  readonly open: (realm?: string, more?: Partial<BusOptions>) => Promise<Bus>
  /** A call of the JetStream API, refusals included. */
  readonly api: <T>(subject: string, body?: object) => Promise<T>
}

export function useRealBus(): RealBus {
  let nats: TestNats
  let foreign: NatsConnection
  let realms = 0
  beforeAll(async () => {
    nats = await startNats()
    foreign = await connect({ servers: nats.url })
  })
  afterAll(async () => {
    await foreign.close()
    await nats.stop()
  })

  const nextRealm = (): string => `real${++realms}`
  return {
    foreign: () => foreign,
    nextRealm,
    open: (realm = nextRealm(), more = {}) =>
      openBus({
        servers: [nats.url],
        realm,
        create: true,
        defaultPartitions: 4,
        replicas: 1,
        durability: 'process',
        ...more,
      }),
    async api<T>(subject: string, body: object = {}) {
      const answer = await foreign.request(`$JS.API.${subject}`, JSON.stringify(body), { timeout: 5000 })
      return answer.json<T>()
    },
  }
}
