import { setImmediate } from 'node:timers/promises'
import { connect as connectNats, headers as newHeaders, type NatsConnection } from '@nats-io/transport-node'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { subjects } from '#protocol/subject.ts'
import type { Bus } from '#runtime/bus.ts'
import { openBus } from '#runtime/nats/open-bus.ts'
import { onTrace } from '#runtime/trace.ts'
import { busContract } from '#test/support/bus-contract.ts'
import { bytes, faultOf, listen, textOf } from '#test/support/bus-world.ts'
import { startNats, type TestNats } from '#test/support/nats.ts'
import { type NatsCluster, startCluster } from '#test/support/nats-cluster.ts'

const partitions = 16
let cluster: NatsCluster

const openOn = (realm: string, ackMs: number): Promise<Bus> =>
  openBus({
    // All begin on the same server, since interest in a subject takes its time to reach the others.
    servers: cluster.urls.slice(0, 1),
    realm,
    create: true,
    defaultPartitions: partitions,
    replicas: 3,
    durability: 'process',
    // An election takes 4 to 9 s.
    times: { ackMs, callMs: 30_000, heartbeatMs: 1000 },
  })

busContract('the bus over a cluster of three', {
  partitions,
  async setUp() {
    cluster = await startCluster()
  },
  tearDown: () => cluster.stop(),
  async openWorld(realm) {
    const opened: Bus[] = []
    const connect = async (): Promise<Bus> => {
      const bus = await openOn(realm, 30_000)
      opened.push(bus)
      return bus
    }
    return {
      bus: await connect(),
      connect,
      async publishBare(subject, data, plain = {}) {
        const nc = await connectNats({ servers: [...cluster.urls] })
        const headers = newHeaders()
        for (const [name, value] of Object.entries(plain)) headers.set(name, value)
        await nc.request(subject, data, { headers, timeout: 5000 })
        await nc.close()
      },
      async killServer() {
        await Promise.all(cluster.servers.map((server) => server.kill()))
      },
      async startServer() {
        await Promise.all(cluster.servers.map((server) => server.restart()))
        await cluster.ready(realm)
      },
      async [Symbol.asyncDispose]() {
        for (const each of opened) await each.close()
      },
    }
  },
})

describe('a stream whose leader dies', () => {
  beforeAll(async () => {
    cluster = await startCluster()
  })
  afterAll(() => cluster.stop())

  test('keeps every acknowledged commit of a chain once, in order', async () => {
    const bus = await openOn('chain', 1000)
    const foreign = await connectNats({ servers: [...cluster.urls] })
    const heard = await listen(bus, 'chain.>')
    const fence = subjects.commit(bus.realm, 0)
    let seq = 0
    let kills = 0
    for (let n = 0; n < 60; n++) {
      if (n % 20 === 10) {
        kills++
        const info = await foreign.request('$JS.API.STREAM.INFO.chain', '{}', { timeout: 30_000 })
        const leader = info.json<{ cluster: { leader: string } }>().cluster.leader
        await cluster.servers[Number(leader.at(-1))]?.kill()
      }
      const entries = [
        { subject: subjects.in(bus.realm, 1, 0, 'order/1'), data: bytes(`sent ${n}`) },
        { subject: fence, data: bytes(`commit ${n}`), check: { seq } },
      ]
      // As an owner does it: the identical bytes again until the server has said yes or no.
      for (;;) {
        const fault = await faultOf(bus.appendAll(entries).then((placed) => (seq = placed.seq)))
        if (fault.code === 'none') break
        if (fault.code === 'bus.conflict') {
          const last = await bus.last(fence)
          expect(textOf(last?.data as Uint8Array)).toBe(`commit ${n}`)
          seq = last?.seq as number
          break
        }
        expect(['bus.timeout', 'bus.unreachable', 'bus.inProgress']).toContain(fault.code)
        // A refusal may come without any waiting, and the reconnect needs its turn.
        await setImmediate()
      }
      if (n % 20 === 15) {
        for (const server of cluster.servers) await server.restart()
        await cluster.ready('chain')
      }
    }
    const entries = await heard.until((all) => all.at(-1)?.seq === seq)
    const texts = entries.map(({ data }) => textOf(data))
    expect(texts).toEqual(Array.from({ length: 60 }, (_, n) => [`sent ${n}`, `commit ${n}`]).flat())
    expect(kills).toBe(3)
    await foreign.close()
    await bus.close()
  })
})

describe('a server that stops as planned', () => {
  beforeAll(async () => {
    cluster = await startCluster()
  })
  afterAll(() => cluster.stop())

  /** Whoever waited for this would not see the end of the test. */
  const times = { ackMs: 600_000, callMs: 600_000, heartbeatMs: 300_000 }

  test(
    'is noticed by each reader and by each append that it leaves without an answer',
    { timeout: 180_000 },
    async () => {
      const open = (server: number): Promise<Bus> =>
        openBus({
          servers: cluster.urls.slice(server).concat(cluster.urls.slice(0, server)),
          realm: 'stops',
          create: true,
          defaultPartitions: partitions,
          replicas: 3,
          durability: 'process',
          times,
        })
      const buses = [await open(0), await open(1), await open(2)]
      const [{ realm }] = buses as [Bus, Bus, Bus]
      const numbers = Array.from({ length: partitions }, (_, at) => at)
      const heard = await Promise.all(
        buses.map((bus) => Promise.all(numbers.map((at) => listen(bus, subjects.mailbox(realm, at))))),
      )
      let isOver = false
      let rounds = 0
      // Each bus always has something on its way; an append whose outcome is open goes again.
      const appending = buses.map(async (bus) => {
        while (!isOver) {
          const code = await faultOf(bus.append({ subject: subjects.in(realm, 0, 'e', 'order/1'), data: bytes('on') }))
          expect(['none', 'bus.timeout', 'bus.unreachable']).toContain(code.code)
          await setImmediate()
        }
      })
      for (const server of cluster.servers) {
        await server.quit()
        rounds++
        for (const at of numbers) {
          const entry = { subject: subjects.in(realm, at, 'e', 'order/1'), data: bytes(`round ${rounds}`) }
          while ((await faultOf((buses[at % 3] as Bus).append(entry))).code !== 'none') await setImmediate()
        }
        const hasCome = (entries: readonly { readonly data: Uint8Array }[]): boolean =>
          entries.some(({ data }) => textOf(data) === `round ${rounds}`)
        await Promise.all(heard.flat().map((one) => one.until(hasCome)))
        await server.restart()
        await cluster.inStep('stops')
      }
      isOver = true
      await Promise.all(appending)
      for (const bus of buses) await bus.close()
    },
  )
})

describe('what decides who owns a partition', () => {
  let foreign: NatsConnection

  beforeAll(async () => {
    cluster = await startCluster()
    foreign = await connectNats({ servers: [...cluster.urls] })
  })
  afterAll(async () => {
    await foreign.close()
    await cluster.stop()
  })

  const openAt = (server: number, callMs: number): Promise<Bus> =>
    openBus({
      servers: cluster.urls.slice(server, server + 1),
      realm: 'reads',
      create: true,
      defaultPartitions: partitions,
      replicas: 3,
      durability: 'process',
      times: { ackMs: 30_000, callMs },
    })

  test('is read from the leader: where there is none nobody answers, though every replica could', async () => {
    const first = await openAt(0, 30_000)
    const info = await foreign.request('$JS.API.STREAM.INFO.reads', '{}', { timeout: 30_000 })
    const leader = Number(info.json<{ cluster: { leader: string } }>().cluster.leader.at(-1))
    const follower = (leader + 1) % 3
    const fence = subjects.commit(first.realm, 3)
    const { seq } = await first.append({ subject: fence, data: bytes('claim') })
    const reader = await openAt(follower, 1000)
    expect([(await reader.last(fence))?.seq, (await reader.next(fence, 1))?.seq]).toEqual([seq, seq])
    const near = await connectNats({ servers: cluster.urls.slice(follower, follower + 1) })

    const directly = async (): Promise<number> => {
      const asked = near.request('$JS.API.DIRECT.GET.reads', JSON.stringify({ last_by_subj: fence }), { timeout: 500 })
      return Number((await asked.catch(() => undefined))?.headers?.get('Nats-Sequence'))
    }
    // Replicas answer direct questions once they know that they have everything.
    for (;;) {
      await cluster.servers[leader]?.pause()
      if ((await directly()) === seq) break
      cluster.servers[leader]?.resume()
    }
    // Nobody else is elected before four seconds, and who is then was not asked.
    const asked = [reader.last(fence), reader.lastMatching(fence), reader.next(fence, 1), reader.get(seq)]
    const answers = await Promise.all(asked.map(faultOf))
    expect(answers.map(({ code }) => code)).toEqual(Array.from(asked, () => 'bus.timeout'))
    cluster.servers[leader]?.resume()
    await near.close()
    for (const bus of [first, reader]) await bus.close()
  })
})

describe('a server that says nothing while its connections stand', () => {
  beforeAll(async () => {
    cluster = await startCluster()
  })
  afterAll(() => cluster.stop())

  test('is left for another one, long before its pings are missed', { timeout: 60_000 }, async () => {
    const said: string[] = []
    const hearing = onTrace((event) => {
      if (event.is === 'server.silent') said.push(event.fault.code)
    })
    await using bus = await openOn('still', 2_000)
    const heard = await listen(bus, 'still.>')
    const still = cluster.servers[0] as TestNats
    await still.pause()
    const entry = { subject: subjects.in(bus.realm, 1, 'e', 'order/1'), data: bytes('sent') }
    // That server may have led the log as well, and then an election has to come first.
    while ((await faultOf(bus.append(entry))).code !== 'none') await setImmediate()
    await heard.until(({ length }) => length > 0)
    expect(said).toEqual(['server.silent'])
    still.resume()
    hearing.stop()
  })

  test('and a lone one is waited for, because there is no other', async () => {
    await using lone = await startNats()
    const said: string[] = []
    const hearing = onTrace(({ is }) => void said.push(is))
    const times = { ackMs: 3_000, callMs: 3_000, heartbeatMs: 60_000, quietMs: 1, answerMs: 1 }
    await using bus = await openBus({
      servers: [lone.url],
      realm: 'lone',
      partitions: 4,
      create: true,
      replicas: 1,
      durability: 'process',
      times,
    })
    await lone.pause()
    const entry = { subject: subjects.in(bus.realm, 1, 'e', 'order/1'), data: bytes('sent') }
    expect(await faultOf(bus.append(entry))).toMatchObject({ code: 'bus.timeout' })
    lone.resume()
    expect(await faultOf(bus.append(entry))).toMatchObject({ code: 'none' })
    expect(said).not.toContain('server.silent')
    hearing.stop()
  })
})
