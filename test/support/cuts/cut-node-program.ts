/**
 * A process that runs one node of the cuts' crash tests: the real bus, the real store and archive,
 * wallets. It takes a cut when it is told to, and dies where it is told to.
 */
import { writeSync } from 'node:fs'
import { flushCompileCache } from 'node:module'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { storedFaultOf } from '#protocol/fault.ts'
import { systemClock } from '#runtime/clock.ts'
import { openBus } from '#runtime/nats/open-bus.ts'
import type { NodeOptions } from '#runtime/node.ts'
import { startNode } from '#runtime/start-node.ts'
import { openLmdbArchive } from '#store/lmdb-archive.ts'
import { openLmdbStore } from '#store/lmdb-store.ts'
import { nodeOptions } from '#test/support/engine.ts'
import { type CutDeath, cutReaperOf, mortalCutBus, mortalCutStore } from './cut-deaths.ts'
import { wallets } from './wallets.ts'

export type CutNodeProgram = {
  readonly name: string
  readonly url: string
  readonly realm: string
  readonly dir: string
  readonly partitions: number
  readonly wallets: number
  readonly secret: string
  readonly options: Partial<NodeOptions>
}

/** What it is told, a line each. */
export type CutOrder = { readonly is: 'take' | 'live' } | ({ readonly is: 'die' } & CutDeath)

const given = JSON.parse(process.argv[2] ?? '{}') as CutNodeProgram
const say = (line: unknown): void => void writeSync(1, `${JSON.stringify(line)}\n`)

// It is written at the end of a process otherwise, and these are killed.
flushCompileCache()

try {
  const reaper = cutReaperOf()
  const plain = await openBus({
    servers: [given.url],
    realm: given.realm,
    create: true,
    defaultPartitions: given.partitions,
    replicas: 1,
    durability: 'process',
    name: given.name,
    times: { ackMs: 1500, callMs: 1500, heartbeatMs: 500, reconnectMs: 50 },
  })
  const { name, generation, partitions } = plain.realm
  const { createdAt } = await plain.logState()
  const store = await openLmdbStore({
    dir: join(given.dir, 'store'),
    mapBytes: 2 ** 28,
    identity: { realm: name, generation, partitions, log: createdAt },
  })
  const secret = Buffer.from(given.secret, 'hex')
  const archive = openLmdbArchive({ dir: join(given.dir, 'archive'), mapBytes: 2 ** 28, secret })
  const node = await startNode(
    {
      bus: mortalCutBus(plain, reaper),
      store: mortalCutStore(store, reaper),
      archive,
      clock: systemClock,
      actors: wallets(given.wallets).kinds,
    },
    { ...nodeOptions, ...given.options, name: given.name },
  )
  createInterface({ input: process.stdin }).on('line', (text) => {
    const order = JSON.parse(text) as CutOrder
    if (order.is !== 'take') return reaper.arm(order.is === 'die' ? order : undefined)
    const taking = node.cuts?.take({ name: undefined, by: 'test' })
    taking?.whole.then(
      () => say({ is: 'whole', cut: taking.id }),
      (error: unknown) => say({ is: 'abandoned', cut: taking.id, fault: storedFaultOf(error) }),
    )
  })
  say({ is: 'ready' })
  const error = await node.ended
  say({ is: 'ended', fault: error === undefined ? null : storedFaultOf(error) })
  process.exit(1)
} catch (error) {
  say({ is: 'ended', fault: storedFaultOf(error) })
  process.exit(1)
}
