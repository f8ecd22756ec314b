/** LMDB only follows the log: without it, or with a broken one, everything is still there. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { assign, setup } from 'xstate'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { actor, onTrace, openNode, openRealm } from '#runtime/index.ts'
import { startNats, type TestNats } from '#test/support/nats.ts'

const counters = actor(
  'counter',
  setup({
    types: { context: {} as { count: number }, events: {} as { type: 'ADD' } },
  }).createMachine({
    id: 'counter',
    context: { count: 0 },
    on: { ADD: { actions: assign({ count: ({ context }) => context.count + 1 }) } },
  }),
)

let server: TestNats
let dir: string

beforeAll(async () => {
  server = await startNats()
  dir = await mkdtemp(join(tmpdir(), 'perdure-lost-'))
})

afterAll(async () => {
  await server.stop()
  await rm(dir, { recursive: true, force: true })
})

const open = (realm: string) => openNode({ realm, servers: server.url, dir: join(dir, realm), actors: [counters] })

async function addAndExpect(realm: string, before: number, more: number): Promise<void> {
  await using client = await openRealm({ realm, servers: server.url, dir: join(dir, realm) })
  const one = client.ref(counters, 'a')
  for (let i = 0; i < more; i++) await one.send({ type: 'ADD' })
  const seen = await one.waitFor(({ context }) => context.count >= before + more, { timeoutMs: 120_000 })
  expect(seen.context.count).toBe(before + more)
}

test('a store whose directory is gone is made again from the log', async () => {
  const first = await open('gone')
  await addAndExpect('gone', 0, 10)
  await first.stop()
  await rm(join(dir, 'gone', 'store'), { recursive: true })
  await using _ = await open('gone')
  await addAndExpect('gone', 10, 1)
})

test('a store that cannot be read is made again from the log, and says so', async () => {
  const first = await open('broken')
  await addAndExpect('broken', 0, 10)
  await first.stop()
  await writeFile(join(dir, 'broken', 'store', 'data.mdb'), Buffer.alloc(65_536, 0x5a))
  const reasons: string[] = []
  const hearing = onTrace((trace) => {
    if (trace.is === 'fold.rebuilt') reasons.push(trace.reason)
  })
  await using _ = await open('broken')
  hearing.stop()
  expect(reasons.join()).toContain('cannot be read')
  await addAndExpect('broken', 10, 1)
})

test('two nodes cannot share one store, and the second says which process has it', async () => {
  await using _ = await open('shared')
  await expect(open('shared')).rejects.toThrow(/in use by another process|already/)
})
