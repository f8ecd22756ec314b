/** Several nodes from the command line: they join, share, are looked at, are taken out and come back. */
import { createServer } from 'node:net'
import { once } from 'node:events'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openRealm } from '#runtime/index.ts'
import { type Cli, openCli, type Running } from '#test/support/cli.ts'
import { startNats, type TestNats } from '#test/support/nats.ts'

let server: TestNats
let cli: Cli
let there: readonly string[]

beforeEach(async () => {
  server = await startNats()
  cli = await openCli()
  there = ['--servers', server.url, '--realm', 'shop']
})

afterEach(async () => {
  await cli.close()
  await server.stop()
})

type Place = {
  readonly partition: number
  readonly owner?: string
  readonly standbys: readonly { readonly name: string; readonly isClose: boolean }[]
}
type Look = {
  readonly nodes: readonly {
    readonly name: string
    readonly state: string
    readonly owned: readonly number[]
    readonly labels: readonly string[]
  }[]
  readonly partitions: readonly Place[]
}

async function look(): Promise<Look> {
  const [seen] = await cli.json('nodes', ...there)
  return seen as Look
}

/** Looks until it is so; the test's own limit is the deadline. */
async function lookUntil(isSo: (seen: Look) => boolean): Promise<Look> {
  for (;;) {
    const seen = await look()
    if (isSo(seen)) return seen
  }
}

const join = async (name: string, ...flags: readonly string[]): Promise<Running> =>
  await cli.node(...there, '--name', name, '--dir', name, '--capacity', '2', ...flags)

const isShared =
  (...names: readonly string[]) =>
  ({ nodes, partitions }: Look): boolean =>
    nodes.map(({ name }) => name).join() === names.join() &&
    nodes.every(({ owned, state }) => state === 'ready' && owned.length > 0) &&
    partitions.every(({ owner, standbys }) => owner !== undefined && standbys.some(({ isClose }) => isClose))

const isOwnedBy =
  (name: string) =>
  ({ partitions }: Look): boolean =>
    partitions.every(({ owner }) => owner === name)

test('three nodes share the partitions of a realm, and say in a few lines what they took and gave', async () => {
  const nodes = [await join('a'), await join('b', '--label', 'gpu,eu'), await join('c')]
  const seen = await lookUntil(isShared('a', 'b', 'c'))
  expect(seen.partitions).toHaveLength(16)
  for (const { owned } of seen.nodes) expect(owned.length).toBeLessThanOrEqual(6)
  expect(seen.nodes[1]).toMatchObject({ name: 'b', state: 'ready', labels: ['gpu', 'eu'], release: expect.any(String) })

  const { out, code } = await cli.run(['nodes', ...there])
  expect(code).toBe(0)
  expect(out).toMatch(/^NODE +STATE +UP +OWNS +WAITING +CPU +MEMORY +COMMITS\/S +ACTORS$/m)
  expect(out).toMatch(/^b +ready .*\n {2}owns [\d, -]+; follows [\d, -]+\n {2}capacity 2; labels gpu, eu; perdure \d/m)
  expect(out).toContain('3 nodes, 16 partitions; all have an owner and a standby')
  for (const line of out.split('\n')) expect(line.length).toBeLessThanOrEqual(80)

  // What moved is told together, never partition by partition; in the end it says what each has.
  for (const [at, node] of nodes.entries())
    await node.line(({ is, owned }) => is === 'partitions.moved' && owned === seen.nodes[at]?.owned.length)
  for (const { lines } of nodes) {
    expect(lines.filter(({ is }) => is === 'partition.claimed' || is === 'partition.released')).toEqual([])
  }
  expect(nodes[0]?.lines.map(({ text }) => text)).toEqual(expect.arrayContaining(['node b is here', 'node c is here']))
})

test('a node on a clean machine is one command, and ready without owning anything while others own all [N37]', async () => {
  const port = await freePort()
  await join('a', '--health-port', String(port))
  const first = await fetch(`http://127.0.0.1:${port}/health/ready`)
  expect([first.status, await first.json()]).toMatchObject([200, { ready: true, health: { partitions: 16, nodes: 1 } }])
  const other = await freePort()
  await join('none', '--capacity', '0', '--health-port', String(other))
  const second = await fetch(`http://127.0.0.1:${other}/health/ready`)
  expect([second.status, await second.json()]).toMatchObject([
    200,
    { ready: true, health: { partitions: 0, nodes: 2 } },
  ])
})

test('a node that is started before its server waits for it and says so; Ctrl-C ends the waiting', async () => {
  await server.kill()
  const joining = join('early')
  joining.catch(() => undefined)
  const given = { signal: { name: 'SIGINT', when: 'cannot start yet' } } as const
  const { code, err, out } = await cli.run(['node', ...there, '--health-port', '0', '--dir', 'undecided'], given)
  expect({ code, out: out + err }).toMatchObject({
    code: 0,
    out: expect.stringMatching(/tries for .*No NATS server answers/),
  })
  await server.restart()
  await joining
  const seen = await lookUntil(isOwnedBy('early'))
  expect(seen.nodes.map(({ name }) => name)).toEqual(['early'])
})

test('a node whose patience is over says what it waited for, and ends', async () => {
  await server.kill()
  const { code, err } = await cli.run(['node', ...there, '--health-port', '0', '--start-patience', '300ms'])
  expect({ code, err }).toMatchObject({
    code: 1,
    err: expect.stringMatching(/No NATS server answers.*start\.patienceMs.*node\.impatient/s),
  })
})

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as { port: number }
  probe.close()
  await once(probe, 'close')
  return port
}

test('a drained node gives everything away, ends with 0, and every actor is served all the while', async () => {
  await join('a')
  const b = await join('b')
  await lookUntil(isShared('a', 'b'))
  const keys = Array.from({ length: 24 }, (_, at) => `counter/k${at}`)
  await using realm = await openRealm({ realm: 'shop', servers: server.url, dir: cli.folder })
  await Promise.all(keys.map((key) => realm.send(key, { type: 'ADD', by: 1 })))
  const [listed, drained] = await Promise.all([cli.json('ps', ...there), cli.run(['drain', 'b', ...there])])
  expect(listed.map(({ address }) => address as string).toSorted()).toEqual(keys.toSorted())
  expect(drained).toMatchObject({ code: 0, err: '' })
  expect(drained.out).toMatch(
    /^b has \d+ partitions left\n(?:b has \d+ partitions? left\n)*b has given everything away and stopped\.\n$/,
  )
  expect(await b.ended).toEqual({ code: 0, signal: null, err: '' })
  expect(b.lines.map(({ is }) => is)).toEqual(
    expect.arrayContaining(['node.drain', 'partitions.moved', 'node.stopped']),
  )
  const seen = await lookUntil(isOwnedBy('a'))
  expect(seen.nodes.map(({ name }) => name)).toEqual(['a'])
})

test('a node that is drained and kept has nothing until it is asked to take its share again', async () => {
  await join('a')
  const b = await join('b')
  await lookUntil(isShared('a', 'b'))
  expect((await cli.json('drain', 'b', '--keep-running', ...there)).at(-1)).toEqual({
    node: 'b',
    left: 0,
    state: 'drained',
  })
  const seen = await lookUntil(isOwnedBy('a'))
  expect(seen.nodes).toMatchObject([{ name: 'a' }, { name: 'b', state: 'drained', owned: [] }])
  const found = await cli.json('doctor', '--health-port', '0', ...there)
  expect(found).toContainEqual(
    expect.objectContaining({ check: 'drained', status: 'warn', fix: expect.stringContaining('--undo') }),
  )
  expect((await cli.run(['drain', 'b', '--undo', ...there])).out).toMatch(/^b takes its share again/)
  await lookUntil(isShared('a', 'b'))
  expect(await b.stop()).toBe(0)
})

test('the last node keeps its partitions, and a name that nobody has is told with the one that was meant', async () => {
  await join('node-one')
  expect(await cli.run(['drain', 'node-one', ...there])).toMatchObject({
    code: 1,
    err: expect.stringMatching(/No other node of "shop" is ready .*\(node\.last\)\n$/),
  })
  expect(await cli.run(['drain', 'node-on', ...there])).toMatchObject({
    code: 3,
    err: expect.stringMatching(/No node named "node-on" .* Did you mean "node-one"\?.*\(node\.absent\)\n$/),
  })
  expect(isOwnedBy('node-one')(await look())).toBe(true)
})

test('Ctrl-C on a node gives its partitions away first, so that none is without an owner afterwards', async () => {
  await join('a')
  const b = await join('b')
  await lookUntil(isShared('a', 'b'))
  b.send('SIGINT')
  expect((await b.ended).code).toBe(0)
  await lookUntil(isOwnedBy('a'))
  const moved = b.lines.filter(({ is }) => is === 'partitions.moved').at(-1)
  expect(moved).toMatchObject({ owned: 0, text: expect.stringMatching(/gave away \d+ partitions .*; owns 0 now$/) })
})

test('of a realm without a node it says so with 3, and what nobody owns with its reason', async () => {
  const a = await join('a')
  await a.stop()
  const { code, out } = await cli.run(['nodes', ...there])
  expect(code).toBe(3)
  expect(out).toMatch(/without an owner: 0-15: no node runs; events are stored meanwhile and wait/)
  await join('none', '--capacity', '0')
  const second = await cli.run(['nodes', ...there])
  expect(second.out).toMatch(/without an owner: 0-15: no node that is ready has a capacity above 0/)
  expect((await cli.run(['doctor', '--health-port', '0', ...there])).out.replaceAll(/\s+/g, ' ')).toContain(
    'No node owns any of the 16 partitions of "shop".',
  )
})

test('nodes --watch looks again and again until Ctrl-C', async () => {
  await join('a')
  const { code, out } = await cli.run(['nodes', '--watch', '--json', ...there], {
    signal: { name: 'SIGINT', when: '"owned":[0,1' },
  })
  expect(code).toBe(0)
  const [first] = out.trim().split('\n')
  expect(JSON.parse(first ?? '')).toMatchObject({ nodes: [{ name: 'a', state: 'ready' }] })
})

test('doctor says who stands by, and what is missing', async () => {
  await join('a')
  const says = async (check: string): Promise<{ status: string; says: string }> =>
    (await cli.json('doctor', '--health-port', '0', ...there)).find((one) => one.check === check)
  expect(await says('standbys')).toMatchObject({ status: 'ok', says: expect.stringContaining('there is one node') })
  await join('b')
  await lookUntil(isShared('a', 'b'))
  expect(await says('standbys')).toMatchObject({
    status: 'ok',
    says: expect.stringContaining('1 node follows each partition'),
  })
  expect(await says('node clocks')).toMatchObject({ status: 'ok' })
  expect(await says('partitions')).toMatchObject({ status: 'ok', says: expect.stringMatching(/a owns 8, b owns 8/) })
})
