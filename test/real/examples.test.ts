/** The examples do what their first lines say, against a real server and node. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { exampleActors } from '#actors/index.ts'
import { namesByVariable } from '#config/settings.ts'
import { type Node, openNode } from '#runtime/index.ts'
import { startNats, type TestNats } from '#test/support/nats.ts'

let server: TestNats
let dir: string
let node: Node
let site: Server
let visits: { readonly path: string; readonly at: number }[]

beforeAll(async () => {
  server = await startNats()
  dir = await mkdtemp(join(tmpdir(), 'perdure-examples-'))
  node = await openNode({ realm: 'main', servers: server.url, dir, actors: exampleActors })
  // What `up` leaves there; this server asks nobody who he is.
  await writeFile(join(dir, 'credentials.json'), JSON.stringify({ user: 'node', pass: 'any', servers: server.url }), {
    mode: 0o600,
  })
  site = createServer((request, response) => {
    const path = request.url ?? ''
    visits.push({ path, at: performance.now() })
    response.writeHead(path === '/gone' ? 404 : 200, { 'content-type': 'text/html' })
    const links = path === '/' ? ['/a', '/b', '/gone', 'https://elsewhere.example/'] : ['/', '/a', '/c']
    response.end(`<title>page ${path}</title>${links.map((link) => `<a href="${link}">x</a>`).join('')}`)
  })
  site.listen(0, '127.0.0.1')
  await once(site, 'listening')
})

afterAll(async () => {
  site.close()
  await node.stop()
  await server.stop()
  await rm(dir, { recursive: true, force: true })
})

type Ran = { readonly code: number | null; readonly out: string }

function run(words: readonly string[], input = ''): Promise<Ran> {
  const child = spawn(process.execPath, ['--conditions=perdure-source', 'examples/run.ts', ...words, '--dir', dir], {
    env: { ...process.env, PERDURE_SERVERS: server.url },
  })
  let out = ''
  child.stdout.on('data', (text: Buffer) => (out += text.toString()))
  child.stderr.on('data', (text: Buffer) => (out += text.toString()))
  child.stdin.end(input)
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, out })))
}

test('an order that is paid in two parts is shipped, and a payment sent twice counts once', async () => {
  const { code, out } = await run(['order', '--order', 'in-time'])
  expect(out).toContain('shipped; 20 was paid')
  expect(code).toBe(0)
})

test('an order that is not paid in time cancels itself', async () => {
  const { code, out } = await run(['order', '--late'])
  expect(out).toContain('cancelled; 0 is given back')
  expect(code).toBe(0)
})

test('what was said in a room is there for the next who comes', async () => {
  const first = await run(['chat', 'lobby', 'ada'], 'hello\nis anybody here?\n')
  expect(first).toEqual({ code: 0, out: '* ada is here (ada)\nada: hello\nada: is anybody here?\n* ada has left\n' })
  const second = await run(['chat', 'lobby', 'bob'])
  expect(second.out).toBe('ada: hello\nada: is anybody here?\n* bob is here (bob)\n* bob has left\n')
})

test('a crawler fetches each page of the site once, with a pause between two', async () => {
  visits = []
  const { port } = site.address() as AddressInfo
  const { code, out } = await run(['crawler', `http://127.0.0.1:${port}/`, '--pages', '5', '--pause', '100'])
  expect(out).toContain('5 pages, 0 failed, 0 left')
  expect(code).toBe(0)
  expect(visits.map(({ path }) => path)).toEqual(['/', '/a', '/b', '/gone', '/c'])
  // Never faster than asked: a lower bound, whatever the speed of the machine.
  const pauses = visits.slice(1).map(({ at }, index) => at - (visits[index]?.at ?? 0))
  expect(Math.min(...pauses)).toBeGreaterThanOrEqual(99)
})

test('an example that does not exist is named with those that do', async () => {
  const { code, out } = await run(['chess'])
  expect(out).toContain('There are: order, chat, crawler')
  expect(code).toBe(2)
})

test('what the files for deployment call is there', async () => {
  const unit = await readFile('examples/deploy/perdure.service', 'utf8')
  const container = await readFile('examples/deploy/Containerfile', 'utf8')
  expect(unit).toMatch(/^ExecStart=\/usr\/bin\/env node node_modules\/\.bin\/perdure up --actors actors\.ts$/m)
  expect(unit).toMatch(/^KillMode=mixed$/m)
  const node = await readFile('examples/deploy/perdure-node.service', 'utf8')
  expect(node).toMatch(/^ExecStart=\/usr\/bin\/env node node_modules\/\.bin\/perdure node --actors actors\.ts$/m)
  const variables = [node, unit, container].flatMap((text) => text.match(/PERDURE_[A-Z_]+/g) ?? [])
  expect(variables).toContain('PERDURE_LABELS')
  for (const variable of variables) expect([...namesByVariable.keys()]).toContain(variable)
  expect(container).toMatch(/^ENTRYPOINT \["node", "node_modules\/\.bin\/perdure"\]$/m)
  expect(container).toContain('/health/live')
})
