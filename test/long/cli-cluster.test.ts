/** `up --cluster 3`: three servers and three nodes on one machine, of which each may be killed. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { isAlive } from '#runtime/server/process-identity.ts'
import { type Cli, openCli, type Running } from '#test/support/cli.ts'

let cli: Cli

beforeEach(async () => {
  cli = await openCli()
})

afterEach(async () => {
  await cli.close()
})

type Process = { readonly name: string; readonly pid: number }

async function open(): Promise<{
  readonly up: Running
  readonly nodes: readonly Process[]
  readonly servers: readonly Process[]
}> {
  const up = await cli.up('--cluster', '3')
  const { nodes, servers } = up.lines.find(({ is }) => is === 'up.ready') as unknown as {
    nodes: readonly Process[]
    servers: readonly Process[]
  }
  return { up, nodes, servers }
}

async function owners(): Promise<readonly (string | undefined)[]> {
  const [seen] = await cli.json('nodes')
  return (seen.partitions as { owner?: string }[]).map(({ owner }) => owner)
}

/** Looks until it is so; the test's own limit is the deadline. */
async function untilOwned(isSo: (names: ReadonlySet<string | undefined>) => boolean): Promise<void> {
  while (!isSo(new Set(await owners())));
}

/** Asks again until it is answered. */
async function jsonInTime(...args: readonly string[]): Promise<unknown[]> {
  for (;;) {
    const { code, out } = await cli.run([...args, '--json'])
    if (code === 0)
      return out
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown)
  }
}

test('a node and a server that are killed are missed by nobody, and started again', async () => {
  const { up, nodes, servers } = await open()
  expect(nodes.map(({ name }) => name)).toEqual(['node-1', 'node-2', 'node-3'])
  expect(servers).toHaveLength(3)
  await untilOwned((names) => names.size === 3 && !names.has(undefined))
  for (const by of [1, 2, 3]) await cli.json('send', 'counter/a', 'ADD', `by=${by}`)

  process.kill(nodes[1]?.pid ?? 0, 'SIGKILL')
  await up.line(({ is, text }) => is === 'node.died' && text.includes('node-2') && text.includes('SIGKILL'))
  await cli.json('send', 'counter/a', 'ADD', 'by=4')
  expect(await cli.json('ask', 'counter/a', 'GET', '--emitted', 'COUNT')).toEqual([{ type: 'COUNT', count: 10 }])
  await up.line(({ is, node }) => is === 'node.again' && node === 'node-2')
  await untilOwned((names) => names.has('node-2') && !names.has(undefined))

  process.kill(servers[0]?.pid ?? 0, 'SIGKILL')
  await up.line(({ is, server }) => is === 'server.died' && server === 1)
  // Until the other two have chosen who leads nobody acknowledges; the id makes all tries one event.
  await jsonInTime('send', 'counter/a', 'ADD', 'by=5', '--id', 'five')
  expect(await jsonInTime('ask', 'counter/a', 'GET', '--emitted', 'COUNT')).toEqual([{ type: 'COUNT', count: 15 }])
  const found = (await jsonInTime('doctor', '--health-port', '0')) as { check: string; says: string }[]
  expect(found.find(({ check }) => check === 'durability')?.says).toMatch(/^3 replicas: .* 1 of 3 servers/)
  expect(await up.stop()).toBe(0)
})

test('Ctrl-C ends the nodes and then the servers, and the next start has everything', async () => {
  const { up, nodes, servers } = await open()
  await cli.json('send', 'order/42', 'PLACE', 'item=book', 'amount=20')
  up.send('SIGINT')
  expect(await up.ended).toEqual({ code: 0, signal: null, err: '' })
  expect([...nodes, ...servers].filter(({ pid }) => isAlive(pid))).toEqual([])
  expect(
    up.lines
      .filter(({ is }) => is === 'node.stopped')
      .map(({ node }) => String(node))
      .toSorted(),
  ).toEqual(['node-1', 'node-2', 'node-3'])
  expect(up.lines.filter(({ is }) => is === 'node.died' || is === 'server.died')).toEqual([])
  const next = await open()
  expect(await cli.json('show', 'order/42')).toMatchObject([{ state: 'placed' }])
  // A killed parent leaves nothing behind.
  next.up.send('SIGKILL')
  await next.up.ended
  while ([...next.nodes, ...next.servers].some(({ pid }) => isAlive(pid)))
    await new Promise((resolve) => setTimeout(resolve, 20))
})

test('a node that is drained stays away until the next start, and the others go on', async () => {
  const { up } = await open()
  await untilOwned((names) => names.size === 3 && !names.has(undefined))
  expect((await cli.json('drain', 'node-3')).at(-1)).toEqual({ node: 'node-3', left: 0, state: 'stopped' })
  await up.line(({ is, node }) => is === 'node.left' && node === 'node-3')
  await untilOwned((names) => names.size === 2 && !names.has(undefined) && !names.has('node-3'))
  expect(up.lines.filter(({ is }) => is === 'node.again' || is === 'node.died')).toEqual([])
  expect(await up.stop()).toBe(0)
})

test('--cluster and --servers together are refused, and a directory of one server does not become one of three', async () => {
  expect(await cli.run(['up', '--cluster', '3', '--servers', 'nats://127.0.0.1:1'])).toMatchObject({ code: 2 })
  expect(await cli.run(['up', '--cluster', '4'])).toMatchObject({ code: 2, err: expect.stringContaining('3, 5') })
  const alone = await cli.up()
  await alone.stop()
  const { code, err } = await cli.run(['up', '--cluster', '3', '--port', '0', '--health-port', '0'])
  expect({ code, err }).toEqual({ code: 1, err: expect.stringContaining('(server.otherCount)') })
})
