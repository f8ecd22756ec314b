/** The life of a cluster of embedded servers: stops, kills and restarts lose nothing that was acknowledged. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { NatsConnection } from '@nats-io/transport-node'
import { expect, test } from 'vitest'
import { ensureCredentials } from '#runtime/server/credentials.ts'
import { isAlive } from '#runtime/server/process-identity.ts'
import { asked, type ClusterWorld, openClusterWorld } from '#test/support/cluster-world.ts'
import { natsServer } from '#test/support/nats.ts'

const stream = { name: 'main', subjects: ['main.in.>'], num_replicas: 3 }

async function store(connection: NatsConnection, from: number, to: number): Promise<void> {
  for (let at = from; at < to; at++) await asked(connection, 'main.in.0', `entry ${at}`)
}

async function stored(world: ClusterWorld, urls: readonly string[]): Promise<Set<string>> {
  const connection = await world.connect(urls, (await ensureCredentials(world.dir)).node)
  const { state } = await asked<{ state: { last_seq: number } }>(connection, '$JS.API.STREAM.INFO.main', {})
  const texts = new Set<string>()
  for (let seq = 1; seq <= state.last_seq; seq++) {
    const { message } = await asked<{ message: { data: string } }>(connection, '$JS.API.STREAM.MSG.GET.main', { seq })
    texts.add(Buffer.from(message.data, 'base64').toString())
  }
  await connection.close()
  return texts
}

const entries = (count: number): Set<string> => new Set(Array.from({ length: count }, (_, at) => `entry ${at}`))

test('a stop is orderly, and the next start finds what was stored on the ports that are free then', async () => {
  await using world = await openClusterWorld()
  const first = await world.launch()
  const node = await world.connect(first.urls, first.credentials.node)
  await asked(node, '$JS.API.STREAM.CREATE.main', stream)
  await store(node, 0, 50)
  await node.close()
  await first.stop()
  expect(await first.exited).toBeUndefined()
  expect(first.servers.map((server) => isAlive(server.pid()))).toEqual([false, false, false])
  expect(world.faults).toEqual([])
  const second = await world.launch()
  expect(await stored(world, second.urls)).toEqual(entries(50))
})

test('one that is killed is reported and started again, and nothing that was acknowledged is lost, leader or not', async () => {
  await using world = await openClusterWorld()
  const cluster = await world.launch()
  const node = await world.connect(cluster.urls, cluster.credentials.node)
  await asked(node, '$JS.API.STREAM.CREATE.main', stream)
  for (const [at, { name }] of cluster.servers.entries()) {
    await store(node, at * 20, at * 20 + 10)
    const info = await asked<{ cluster: { leader: string } }>(node, '$JS.API.STREAM.INFO.main', {})
    // The first time its leader, then whichever the number says.
    const victim = cluster.servers.find((server) => server.name === (at === 0 ? info.cluster.leader : name))!
    const before = victim.pid()
    process.kill(before, 'SIGKILL')
    await world.heard(new RegExp(`^fault of ${victim.name.at(-1)}: The nats-server ended \\(SIGKILL\\)`))
    await store(node, at * 20 + 10, at * 20 + 20)
    await world.heard(new RegExp(`started server ${victim.name.at(-1)} of 3 again`))
    expect(victim.pid()).not.toBe(before)
    // All three are in step before the next is killed.
    for (;;) {
      const { cluster: all } = await asked<{ cluster: { replicas?: { current: boolean }[] } }>(
        node,
        '$JS.API.STREAM.INFO.main',
        {},
      )
      if (all.replicas?.length === 2 && all.replicas.every(({ current }) => current)) break
    }
  }
  expect(await stored(world, cluster.urls)).toEqual(entries(60))
  const { node: login, outside } = cluster.credentials
  const routes = await readFile(join(world.dir, 'cluster', '1', 'nats.conf'), 'utf8')
  const route = /nats-route:\/\/route:([^@]+)@/.exec(routes)?.[1] ?? ''
  expect(route.length).toBeGreaterThan(20)
  const logs = await Promise.all(
    ['1', '2', '3'].map((one) => readFile(join(world.dir, 'cluster', one, 'nats.log'), 'utf8')),
  )
  for (const secret of [login.pass, outside.pass, route])
    expect([...world.said, ...logs].join('\n')).not.toContain(secret)
})

test('after a kill of everything the next start stops what still runs, and finds what was stored', async () => {
  await using world = await openClusterWorld()
  const elsewhere = await world.launchElsewhere()
  const { node: login } = await ensureCredentials(world.dir)
  const node = await world.connect(elsewhere.urls, login)
  await asked(node, '$JS.API.STREAM.CREATE.main', stream)
  await store(node, 0, 30)
  await node.close()
  const [killed, ...standing] = elsewhere.pids
  // Standing still they cannot take the signal that ends them with their owner.
  for (const pid of standing) process.kill(pid, 'SIGSTOP')
  await elsewhere.kill()
  if (isAlive(killed!)) process.kill(killed!, 'SIGKILL')
  const next = await world.launch({ graceMs: 100 })
  expect(elsewhere.pids.map(isAlive)).toEqual([false, false, false])
  for (const pid of standing)
    expect(world.said).toContain(`stopping the nats-server (pid ${pid}) that an earlier run left behind`)
  expect(await stored(world, next.urls)).toEqual(entries(30))
})

test('when no majority can be kept running, it ends with why', async () => {
  await using world = await openClusterWorld()
  const binary = join(world.dir, 'nats-server')
  const broken = join(world.dir, 'broken')
  await writeFile(
    binary,
    `#!/bin/sh\nif [ -e '${broken}' ]; then echo 'no disk' >&2; exit 3; fi\nexec '${natsServer()}' "$@"\n`,
    {
      mode: 0o755,
    },
  )
  const cluster = await world.launch({ binary })
  await writeFile(broken, '')
  for (const server of cluster.servers.slice(0, 2)) process.kill(server.pid(), 'SIGKILL')
  expect(await cluster.exited).toMatchObject({ code: 'server.died' })
  expect(world.faults.length).toBe(8)
  expect(world.said.filter((line) => line.includes('ended too often')).length).toBe(2)
  await cluster.stop()
})
