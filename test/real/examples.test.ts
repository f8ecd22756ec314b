/** The examples do what their first lines say, against a real server and node. */
import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import actors from '#actors/index.ts'
import { type Node, openNode, openRealm } from '#runtime/index.ts'
import { startNats, type TestNats } from '#test/support/nats.ts'

let server: TestNats
let dir: string
let node: Node

beforeAll(async () => {
  server = await startNats()
  dir = await mkdtemp(join(tmpdir(), 'perdure-examples-'))
  node = await openNode({ realm: 'main', servers: server.url, dir, actors })
})

afterAll(async () => {
  await node.stop()
  await server.stop()
  await rm(dir, { recursive: true, force: true })
})

type Ran = { readonly code: number | null; readonly out: string }

function run(words: readonly string[], input = ''): Promise<Ran> {
  const child = spawn(process.execPath, ['--conditions=perdure-source', 'examples/run.ts', ...words], {
    env: { ...process.env, PERDURE_SERVERS: server.url, PERDURE_DIR: dir },
  })
  let out = ''
  child.stdout.on('data', (text: Buffer) => (out += text.toString()))
  child.stderr.on('data', (text: Buffer) => (out += text.toString()))
  child.stdin.end(input)
  return new Promise((resolve) => child.on('exit', (code) => resolve({ code, out })))
}

test('an order that is paid gives its receipt', async () => {
  const { code, out } = await run(['order'])
  expect(out).toContain("receipt: 'receipt-5'")
  expect(code).toBe(0)
})

test('what was said in a room is there for the next who comes', async () => {
  expect((await run(['chat', 'alice'], 'hello bob\n')).code).toBe(0)
  await using realm = await openRealm({ realm: 'main', servers: server.url, dir })
  const lobby = realm.at('room/lobby')
  const state = (await lobby.waitFor((one) => (one as { value?: unknown }).value === 'empty', { timeoutMs: 10_000 })) as unknown as { context: { lines: unknown[] } }
  expect(state.context.lines).toEqual([{ name: 'alice', text: 'hello bob' }])
  expect((await run(['chat', 'bob'])).out).toContain('alice: hello bob')
})

test('a crawler fetches every page, and not faster than its pace', async () => {
  const { code, out } = await run(['crawler'])
  expect(out).toContain('5 fetched, 0 failed')
  // Four pauses of 200 ms lie between five pages: a lower bound, whatever the machine's speed.
  expect(Number(/in (\d+) ms/.exec(out)?.[1])).toBeGreaterThanOrEqual(800)
  expect(code).toBe(0)
})

test('an example that does not exist is named with those that do', async () => {
  const { code, out } = await run(['chess'])
  expect(out).toContain('There are: order, chat, crawler')
  expect(code).toBe(2)
})
