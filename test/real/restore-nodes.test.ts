/** A realm of several nodes is rewound and repartitioned while programs use it. */
import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { isFault, openRealm, type RealmHandle } from '#runtime/index.ts'
import { type Cli, openCli, type Running } from '#test/support/cli.ts'
import { startNats, type TestNats } from '#test/support/nats.ts'

let server: TestNats
let cli: Cli
let there: readonly string[]
let keyed: readonly string[]
const opened: RealmHandle[] = []

beforeEach(async () => {
  server = await startNats()
  cli = await openCli()
  // Cuts of one realm are sealed with one key.
  const key = join(cli.folder, 'shared.key')
  await writeFile(key, randomBytes(32).toString('hex'), { mode: 0o600 })
  there = ['--servers', server.url, '--realm', 'shop']
  keyed = [...there, '--cuts-key-file', key]
})

afterEach(async () => {
  for (const realm of opened.splice(0)) await realm.close()
  await cli.close()
  await server.stop()
})

const start = async (name: string): Promise<Running> =>
  await cli.node(...keyed, '--name', name, '--dir', name, '--capacity', '2')

const readyAgain = (node: Running, nth: number): Promise<unknown> =>
  node.line(() => node.lines.filter(({ is }) => is === 'node.ready').length >= nth)

async function open(): Promise<RealmHandle> {
  const realm = await openRealm({ realm: 'shop', servers: server.url, client: 'loader', dir: cli.folder })
  opened.push(realm)
  return realm
}

const keys = Array.from({ length: 8 }, (_, at) => `k${at}`)

type Load = { readonly sent: number; reached(sent: number): Promise<void>; stop(): Promise<number> }

/** A program that insists: what it was not told of is sent again with its id, also to the next generation. */
function load(): Load {
  let realm = open()
  let moved: RealmHandle | undefined
  let sent = 0
  let next = 0
  let isOver = false
  const waiting = new Set<() => void>()

  async function insist(at: number): Promise<void> {
    for (;;) {
      const mine = await realm
      try {
        await mine.send(`counter/${keys[at % keys.length]}`, { type: 'ADD', by: 1 }, { id: `send-${at}` })
        sent++
        for (const wake of waiting) wake()
        return
      } catch (error) {
        if (!isFault(error, 'realm.moved')) throw error
        // All that were under way are told; the first opens the realm again.
        if (moved !== mine) {
          moved = mine
          realm = untilOpen()
        }
      }
    }
  }

  const lanes = Array.from({ length: 8 }, async () => {
    while (!isOver) {
      await insist(next++)
      await pause(30)
    }
  })
  return {
    get sent() {
      return sent
    },
    async reached(most) {
      while (sent < most) await new Promise<void>((resolve) => waiting.add(resolve))
    },
    async stop() {
      isOver = true
      await Promise.all(lanes)
      return sent
    },
  }
}

async function untilOpen(): Promise<RealmHandle> {
  for (;;) {
    try {
      return await open()
    } catch (error) {
      if (!isFault(error, 'realm.restoring')) throw error
      // Who asks without a pause takes from the restore what it waits for.
      await pause(50)
    }
  }
}

async function total(): Promise<number> {
  const realm = await open()
  const counts = await Promise.all(
    keys.map((key) => realm.at(`counter/${key}`).ask({ type: 'GET' }, { emitted: 'COUNT', timeoutMs: 120_000 })),
  )
  return counts.reduce<number>((sum, told) => sum + (told as { count: number }).count, 0)
}

test('three nodes are rewound under load and go on; with the replay nothing that was acknowledged is lost', async () => {
  const nodes = [await start('a'), await start('b'), await start('c')]
  const loading = load()
  await loading.reached(200)
  const [{ id }] = (await cli.json('cut', 'take', ...there)) as [{ id: string }]
  await loading.reached(loading.sent + 200)
  const [restored] = await cli.json('restore', id, '--replay', '--yes', ...keyed)
  expect(restored.replayed).toBeGreaterThan(200)
  await Promise.all(nodes.map((node) => readyAgain(node, 2)))
  await loading.reached(loading.sent + 200)
  const sent = await loading.stop()
  expect(await total()).toBe(sent)
  for (const node of nodes) expect(node.lines.filter(({ is }) => is === 'node.superseded')).toHaveLength(1)
  expect(nodes.flatMap(({ lines }) => lines.filter(({ level }) => level === 'error'))).toEqual([])
})

test('the number of partitions changes in one command, and what comes meanwhile is not lost', async () => {
  const nodes = [await start('a'), await start('b')]
  const loading = load()
  await loading.reached(200)
  const [changed] = await cli.json('repartition', '24', '--yes', ...keyed)
  expect(changed).toMatchObject({ generation: 1, partitions: 24 })
  await Promise.all(nodes.map((node) => readyAgain(node, 2)))
  await loading.reached(loading.sent + 200)
  const sent = await loading.stop()
  expect(await total()).toBe(sent)
  const [seen] = (await cli.json('nodes', ...there)) as [{ partitions: readonly unknown[] }]
  expect(seen.partitions).toHaveLength(24)
})
