/** Damage on the disk of a node that was away: what cannot be read is made again from the log, and nothing else stops for it. */
import { readFileSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { assign, setup } from 'xstate'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { encode } from '#protocol/codec.ts'
import { beginning } from '#runtime/core/position.ts'
import { actor, type Node, onTrace, openNode, openRealm } from '#runtime/index.ts'
import { openLmdbStore, removeStore } from '#store/lmdb-store.ts'
import { startNats, type TestNats } from '#test/support/nats.ts'

type Ctx = { readonly count: number; readonly mark: string; readonly more: string }

const counters = (more: string) =>
  actor(
    'counter',
    setup({ types: { context: {} as Ctx, events: {} as { type: 'ADD' } } }).createMachine({
      context: { count: 0, mark: 'find me here', more },
      on: { ADD: { actions: assign({ count: ({ context }) => context.count + 1 }) } },
    }),
  )

const small = counters('')
/** Stands in rows of its own, which nobody looks at before they are read. */
const large = counters('x'.repeat(50_000))

let server: TestNats
let dir: string

beforeAll(async () => {
  server = await startNats()
  dir = await mkdtemp(join(tmpdir(), 'perdure-unreadable-'))
})

afterAll(async () => {
  await server.stop()
  await rm(dir, { recursive: true, force: true })
})

type Kind = ReturnType<typeof counters>

const open = (realm: string, kind: Kind, options: object = {}): Promise<Node> =>
  openNode({ realm, servers: server.url, dir: join(dir, realm), actors: [kind], ...options })

async function addAndExpect(realm: string, kind: Kind, expected: number): Promise<void> {
  await using client = await openRealm({ realm, servers: server.url, dir: join(dir, realm) })
  const one = client.ref(kind, 'a')
  await one.send({ type: 'ADD' })
  const seen = await one.waitFor(({ context }) => context.count >= expected, { timeoutMs: 120_000 })
  expect(seen.context.count).toBe(expected)
}

/** One bit, wherever the state stands. */
function damage(path: string): void {
  const bytes = readFileSync(path)
  let found = 0
  for (let at = bytes.indexOf('find me here'); at >= 0; at = bytes.indexOf('find me here', at + 1)) {
    bytes[at] = (bytes[at] as number) ^ 1
    found++
  }
  expect(found).toBeGreaterThan(0)
  writeFileSync(path, bytes)
}

async function hearing<T>(work: () => Promise<T>): Promise<readonly string[]> {
  const reasons: string[] = []
  const ear = onTrace((trace) => {
    if (trace.is === 'fold.rebuilt') reasons.push(trace.reason)
  })
  await work()
  ear.stop()
  return reasons
}

test('a large state is damaged: its partition alone is made again, once, while the node runs', async () => {
  // Without what is held of the log, where the same words stand again.
  const settings = { 'mend.keepMs': 0 }
  const first = await open('large', large, { settings })
  for (let count = 1; count <= 3; count++) await addAndExpect('large', large, count)
  await first.stop()
  damage(join(dir, 'large', 'store', 'data.mdb'))
  await using node = await open('large', large, { settings })
  const reasons = await hearing(() => addAndExpect('large', large, 4))
  expect(reasons).toEqual([expect.stringMatching(/^What is stored of partition \d+ cannot be read \(store\.corrupt/)])
  expect(node.health()).toMatchObject({ waits: [] })
})

test('what a start itself reads is damaged: it makes the store again, and starts', async () => {
  const first = await open('small', small)
  for (let count = 1; count <= 3; count++) await addAndExpect('small', small, count)
  await first.stop()
  damage(join(dir, 'small', 'store', 'data.mdb'))
  let second: Node | undefined
  const reasons = await hearing(async () => (second = await open('small', small)))
  expect(reasons).toEqual([expect.stringContaining('is damaged')])
  await addAndExpect('small', small, 4)
  await second?.stop()
})

test('damage that is found while the store is in use makes the next start make it again', async () => {
  const identity = { realm: 'shop', generation: 0, partitions: 2, log: 'x' }
  const options = { dir: join(dir, 'found'), identity, mapBytes: 1 << 26 }
  const store = await openLmdbStore(options)
  await store.fold([
    {
      partition: { ...beginning(1), n: 1 },
      changes: [{ address: 'order/1', is: 'full', state: encode([1, 'find me here']), needs: {} }],
      history: [],
    },
  ])
  await store.close()
  damage(join(dir, 'found', 'data.mdb'))
  const again = await openLmdbStore(options)
  await new Promise((resolve) => setImmediate(resolve))
  expect(() => again.count()).toThrow(/damaged/)
  await again.close()
  await expect(openLmdbStore(options)).rejects.toMatchObject({ code: 'store.corrupt' })
  removeStore(join(dir, 'found'))
  await (await openLmdbStore(options)).close()
})
