/** Several embedded servers keep one log together, and none is started where another number of them kept it. */
import { mkdir, readdir } from 'node:fs/promises'
import { once } from 'node:events'
import { createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openConfig } from '#config/open-config.ts'
import { storedSubjectsOf, transformOf } from '#protocol/subject.ts'
import { ensureCredentials, outsideLoginFile, readLogin } from '#runtime/server/credentials.ts'
import { portsFrom } from '#runtime/server/free-port.ts'
import { launchServer } from '#runtime/server/launch-server.ts'
import { accessOf } from '#runtime/wiring.ts'
import { asked, openClusterWorld } from '#test/support/cluster-world.ts'

test('three servers keep the log together: each takes events from outsiders, and all replicas have them', async () => {
  await using world = await openClusterWorld()
  const { servers, urls, credentials } = await world.launch()
  const [first, ...others] = servers.map(({ port }) => port)
  expect(others.every((port, at) => port > [first, ...others][at]!)).toBe(true)
  const node = await world.connect(urls, credentials.node)
  const realm = {
    name: 'main',
    subjects: storedSubjectsOf('main'),
    subject_transform: transformOf('main', 4),
    num_replicas: 3,
  }
  await asked(node, '$JS.API.STREAM.CREATE.main', realm)
  for (const [at, url] of urls.entries()) {
    const outsider = await world.connect([url], credentials.outside)
    await asked(outsider, `main.to.order.${at}`, '{"type":"PAY"}')
    await expect(outsider.request('main.commit.0', 'x', { timeout: 5_000 })).rejects.toThrow(/Permissions Violation/)
  }
  const info = await asked<{ state: { messages: number }; cluster: { replicas: unknown[] } }>(
    node,
    '$JS.API.STREAM.INFO.main',
    {},
  )
  expect([info.state.messages, info.cluster.replicas.length]).toEqual([3, 2])
  // Nothing of the waiting is left behind.
  expect(await asked(node, '$JS.API.STREAM.NAMES', {})).toMatchObject({ streams: ['main'] })
  expect((await readLogin(outsideLoginFile(world.dir)))?.servers).toBe(urls.join(','))
  const config = openConfig({ flags: { dir: world.dir }, env: {} })
  expect(await accessOf(config)).toEqual({ servers: urls, auth: credentials.node })
})

test('the first port is the one that was asked for, the others the next that are free', async () => {
  const [port, between] = (await portsFrom(0, 2, '--port')) as [number, number]
  const other = createServer().listen(between, '127.0.0.1')
  await once(other, 'listening')
  const ports = await portsFrom(port, 3, '--port')
  expect([ports[0], ports.includes(between), new Set(ports).size]).toEqual([port, false, 3])
  await expect(portsFrom(between, 3, '--port')).rejects.toMatchObject({
    code: 'port.taken',
    details: { value: between },
  })
  other.close()
})

test('ports that another program takes between choice and start are chosen anew, routes too', async () => {
  await using world = await openClusterWorld()
  const thieves: Server[] = []
  const { onProgress } = await world.options()
  const { servers } = await world.launch({
    onProgress(line) {
      onProgress(line)
      const chosen = /at ports (.*)/.exec(line)?.[1]?.split(', ').map(Number)
      if (chosen === undefined || thieves.length === 2) return
      // First the route of the last of them, then the port of the second.
      const port = thieves.length === 0 ? (chosen[2] as number) + 3 : (chosen[1] as number)
      thieves.push(createServer().listen(port, '127.0.0.1'))
    },
  })
  expect(servers).toHaveLength(3)
  // Other programs of this machine take ports, too; then it chooses once more.
  const said = world.said.filter((line) => line.includes('choosing others'))
  expect(said.length).toBeGreaterThanOrEqual(thieves.length)
  expect(thieves).toHaveLength(2)
  expect(world.faults).toEqual([])
  for (const thief of thieves) thief.close()
})

test('a port that was asked for and is taken is said at once, and no other is tried', async () => {
  await using world = await openClusterWorld()
  const [port = 0] = await portsFrom(0, 1, '--port')
  const other = createServer().listen(port, '127.0.0.1')
  await once(other, 'listening')
  await expect(world.launch({ port })).rejects.toMatchObject({ code: 'port.taken', details: { value: port } })
  expect(world.said).toEqual([])
  other.close()
})

test('a log that was kept by one server is not touched by three, nor the other way round', async () => {
  await using world = await openClusterWorld()
  await mkdir(join(world.dir, 'server', 'jetstream'), { recursive: true })
  await expect(world.launch()).rejects.toMatchObject({
    code: 'server.otherCount',
    details: { value: world.dir, have: 1, want: 3 },
  })
  await using three = await openClusterWorld()
  for (const number of ['1', '2', '3'])
    await mkdir(join(three.dir, 'cluster', number, 'jetstream'), { recursive: true })
  await expect(launchServer({ ...(await three.options()), onLine: () => {}, onFault: () => {} })).rejects.toMatchObject(
    {
      code: 'server.otherCount',
      details: { have: 3, want: 1 },
    },
  )
  await expect(three.launch({ count: 5 })).rejects.toMatchObject({ code: 'server.otherCount', details: { have: 3 } })
})

test('a launch that fails leaves no server and no lock behind', async () => {
  await using world = await openClusterWorld()
  await ensureCredentials(world.dir)
  await expect(world.launch({ binary: '/bin/false' })).rejects.toMatchObject({ code: 'server.died' })
  expect(await readdir(join(world.dir, 'cluster'))).toEqual(['1', '2', '3'])
  const giveUp = new AbortController()
  await expect(world.launch({ signal: giveUp.signal, onLine: () => giveUp.abort() })).rejects.toThrow(/abort/i)
  expect((await readdir(join(world.dir, 'cluster'))).toSorted()).toEqual(['1', '2', '3'])
})
