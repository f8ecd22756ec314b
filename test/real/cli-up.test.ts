/** `up`: everything starts, ends and comes back as one. */
import { connect } from '@nats-io/transport-node'
import { spawn } from 'node:child_process'
import { createServer } from 'node:net'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { isAlive } from '#runtime/server/process-identity.ts'
import { type Cli, loginOf, openCli } from '#test/support/cli.ts'
import { natsServer } from '#test/support/nats.ts'

let cli: Cli

beforeEach(async () => {
  cli = await openCli()
})

afterEach(async () => {
  await cli.close()
})

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}

/** Resolves when the process is gone; the test's own limit is the deadline. */
async function gone(pid: number): Promise<void> {
  while (isAlive(pid)) await new Promise((resolve) => setTimeout(resolve, 10))
}

test('Ctrl-C ends the node and then the server, in order and with 0', async () => {
  const up = await cli.up()
  expect(isAlive(up.serverPid)).toBe(true)
  up.send('SIGINT')
  expect(await up.ended).toEqual({ code: 0, signal: null, err: '' })
  expect(isAlive(up.serverPid)).toBe(false)
  expect(up.lines.map(({ is }) => is)).toContain('node.stopped')
  for (const file of ['credentials.json', 'outside.json'] as const) {
    expect(JSON.stringify(up.lines)).not.toContain((await loginOf(cli, file))['pass'])
  }
})

test('a second start finds all state again', async () => {
  const first = await cli.up()
  await cli.json('send', 'order/42', 'PLACE', 'item=book', 'amount=20')
  await cli.json('ask', 'order/42', 'PAY', 'amount=5', '--until', 'placed')
  expect(await first.stop()).toBe(0)
  await cli.up()
  const [shown] = await cli.json('show', 'order/42')
  expect(shown).toMatchObject({ state: 'placed', context: { item: 'book', amount: 20, paid: 5 } })
})

test('after SIGKILL the server does not outlive it, and the next start has everything that was stored', async () => {
  const first = await cli.up()
  for (const by of [1, 2, 3]) await cli.json('send', 'counter/a', 'ADD', `by=${by}`)
  first.send('SIGKILL')
  await first.ended
  await gone(first.serverPid)
  const second = await cli.up()
  expect(await cli.json('ask', 'counter/a', 'GET', '--emitted', 'COUNT')).toEqual([{ type: 'COUNT', count: 6 }])
  expect(second.lines.filter(({ level }) => level === 'error')).toEqual([])
})

/** The launcher under an old Node, which starts the checkout's own with a channel to it, in three lines. */
const oldLauncher = `
import { fork } from 'node:child_process'
fork(process.argv[2], process.argv.slice(3), { execPath: process.execPath })
`

test('a node whose launcher is killed ends with it, and so does its server', async () => {
  const file = join(cli.folder, 'launch.mjs')
  await writeFile(file, oldLauncher)
  const perdure = fileURLToPath(new URL('../../bin/perdure.js', import.meta.url))
  const parent = spawn(process.execPath, [file, perdure, 'up', '--port', '0', '--health-port', '0', '--json'], {
    cwd: cli.folder,
    env: { ...process.env, PERDURE_NATS_SERVER: natsServer() },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  for await (const line of createInterface({ input: parent.stdout })) {
    const { is, pid, server } = JSON.parse(line) as { is: string; pid: number; server: { pid: number } }
    if (is !== 'up.ready') continue
    parent.kill('SIGKILL')
    await gone(pid)
    await gone(server.pid)
    return
  }
  throw new Error('it ended before it was ready')
})

test('a server that is killed is started again with a line that says so, and nothing is lost', async () => {
  const up = await cli.up()
  for (const by of [1, 2, 3]) await cli.json('send', 'counter/a', 'ADD', `by=${by}`)
  process.kill(up.serverPid, 'SIGKILL')
  const died = await up.line(({ is }) => is === 'server.died')
  expect(died.text).toBe('the nats-server ended (SIGKILL); what was stored is safe on disk.')
  const again = await up.line(({ text }) => text.includes('runs again'))
  expect(again.text).toMatch(/^the nats-server runs again at port \d+ \(process \d+\)$/)
  await cli.json('send', 'counter/a', 'ADD', 'by=4')
  expect(await cli.json('ask', 'counter/a', 'GET', '--emitted', 'COUNT')).toEqual([{ type: 'COUNT', count: 10 }])
  expect(await up.stop()).toBe(0)
  expect(up.lines.filter(({ level }) => level === 'error')).toEqual([])
})

test('a server that is killed again and again ends up with one sentence and 1', async () => {
  const up = await cli.up()
  const pids = new Set([up.serverPid])
  let pid = up.serverPid
  for (let times = 1; times <= 4; times++) {
    process.kill(pid, 'SIGKILL')
    if (times === 4) break
    const { text } = await up.line(({ text }) => {
      const [, number] = /runs again at port \d+ \(process (\d+)\)/.exec(text) ?? []
      return number !== undefined && !pids.has(Number(number))
    })
    pid = Number(/process (\d+)/.exec(text)?.[1])
    pids.add(pid)
  }
  const { code, err } = await up.ended
  expect(code).toBe(1)
  expect(JSON.parse(err)).toMatchObject({ fault: { code: 'server.restless', details: { value: 4, limit: 60 } } })
  expect(up.lines.map(({ is }) => is)).not.toContain('up.drained')
})

test('a directory in use, a port that is taken and a server that cannot be found are a sentence each', async () => {
  const up = await cli.up()
  const port = Number(new URL(up.url).port)
  const locked = await cli.run(['up', '--port', '0', '--health-port', '0'])
  expect(locked).toEqual({
    code: 1,
    out: '',
    err: expect.stringMatching(
      /^perdure: The store at .* is in use by another process \(pid \d+\)\..* \(store\.locked\)\n$/,
    ),
  })
  const taken = await cli.run(['up', '--port', String(port), '--dir', 'other', '--health-port', '0'])
  expect(taken).toMatchObject({
    code: 1,
    err: expect.stringMatching(/^perdure: Port \d+ is in use by another program\..*--port\. \(port\.taken\)\n$/),
  })
  const health = await cli.run(['up', '--port', '0', '--dir', 'other', '--health-port', String(port)])
  expect(health).toMatchObject({
    code: 1,
    err: expect.stringMatching(/^perdure: Port \d+ .*--health-port\. \(port\.taken\)\n$/),
  })
  const missing = await cli.run(['up', '--port', '0', '--dir', 'other', '--nats-server', '/nowhere/nats-server'])
  expect(missing).toMatchObject({ code: 1, err: expect.stringMatching(/\(server\.unusable\)\n$/) })
})

test('live from the beginning, ready while it owns its partitions', async () => {
  const port = await freePort()
  const up = await cli.up('--health-port', String(port))
  const live = await fetch(`${up.health}/health/live`)
  expect(live.status).toBe(200)
  const ready = await fetch(`${up.health}/health/ready`)
  expect(ready.status).toBe(200)
  expect(await ready.json()).toMatchObject({
    live: true,
    ready: true,
    bus: 'connected',
    health: { ready: true, partitions: 16, of: 16 },
  })
  expect((await fetch(`${up.health}/`)).status).toBe(404)
  expect((await fetch(`${up.health}/health/live`, { method: 'POST' })).status).toBe(405)
  await up.stop()
  await expect(fetch(`${up.health}/health/live`)).rejects.toThrow(/fetch failed/)
})

test('any NATS client with the credentials for outsiders can publish JSON, and a repeated id is one event', async () => {
  await cli.up()
  const { user = '', pass = '', servers = '', inboxPrefix = '' } = await loginOf(cli, 'outside.json')
  const outside = await connect({ servers, user, pass, inboxPrefix })
  const { headers } = await import('@nats-io/nats-core')
  const once = headers()
  once.set('perdure-id', 'add-1')
  for (let copy = 0; copy < 3; copy++)
    await outside.request('main.to.counter.b', '{"type":"ADD","by":5}', { timeout: 5_000, headers: once })
  await outside.close()
  expect(await cli.json('ask', 'counter/b', 'GET', '--emitted', 'COUNT')).toEqual([{ type: 'COUNT', count: 5 }])
})

test('it runs the kinds of a module, and says in a sentence what is wrong with one', async () => {
  const file = (name: string, text: string): Promise<void> => writeFile(join(cli.folder, name), text)
  await file('none.ts', 'export const one = 1\n')
  await file('broken.ts', 'export const one: = 1\n')
  await file('throws.ts', 'throw new TypeError("no such thing")\n')
  for (const [name, reason] of [
    ['none.ts', 'it exports none'],
    ['broken.ts', 'SyntaxError'],
    ['throws.ts', 'TypeError: no such thing'],
    ['absent.ts', 'there is no such file'],
  ] as const) {
    const { code, err } = await cli.run(['up', '--actors', name, '--port', '0', '--health-port', '0'])
    expect({ code, err }).toEqual({
      code: 1,
      err: expect.stringMatching(/^perdure: The actor kinds of .*\(actors\.unusable\)\n$/),
    })
    expect(err).toContain(reason)
  }
})

test('a node by itself serves a realm on a server that is there, and SIGTERM ends it in order', async () => {
  const up = await cli.up()
  const port = await freePort()
  const other = cli.run(
    [
      'node',
      '--realm',
      'other',
      '--dir',
      'second',
      '--servers',
      up.url,
      '--user',
      'node',
      '--pass',
      (await loginOf(cli, 'credentials.json'))['pass'] ?? '',
      '--health-port',
      String(port),
    ],
    {
      signal: { name: 'SIGTERM', when: 'runs 16 partitions' },
    },
  )
  expect(await other).toMatchObject({ code: 0, out: expect.stringContaining('has let go of its partitions') })
})
