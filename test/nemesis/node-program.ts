/**
 * A process that runs one node as a user's machine does: the defaults of all settings, the real
 * bus and store. Over the channel to its parent its clock can be set wrong, its stop be asked
 * for, and its fold be shown; what happens to it it says in lines of JSON.
 */
import { createHash } from 'node:crypto'
import { writeSync } from 'node:fs'
import { flushCompileCache } from 'node:module'
import { join } from 'node:path'
import { openConfig } from '#config/open-config.ts'
import { busOptionsOf, nodeOptionsOf, storeOptionsOf } from '#config/options.ts'
import { encode } from '#protocol/codec.ts'
import { storedFaultOf } from '#protocol/fault.ts'
import { type Clock, systemClock } from '#runtime/clock.ts'
import { openBus } from '#runtime/nats/open-bus.ts'
import { startNode } from '#runtime/start-node.ts'
import type { Node } from '#runtime/node.ts'
import { onTrace } from '#runtime/trace.ts'
import { openLmdbArchive } from '#store/lmdb-archive.ts'
import { openLmdbStore } from '#store/lmdb-store.ts'
import type { Store } from '#store/store.ts'
import { randomOf } from '#test/support/workloads/random.ts'
import { kindsOf } from './load.ts'
import { plants } from './plants.ts'

export type NodeProgram = {
  readonly name: string
  readonly urls: readonly string[]
  readonly realm: string
  readonly dir: string
  /** Of settings, beside their defaults. */
  readonly flags: Readonly<Record<string, string>>
  readonly plant?: string | undefined
  /** It takes part in cuts. */
  readonly takesCuts?: boolean | undefined
}

export type Command =
  | { readonly do: 'stop' }
  | { readonly do: 'take' }
  | { readonly do: 'clock'; readonly offsetMs: number }
  | { readonly do: 'fold'; readonly id: number }
  | { readonly do: 'positions'; readonly id: number }

/** What the store holds of one partition after its record n. */
export type Folded = { readonly partition: number; readonly n: number; readonly digest: string }

const given = JSON.parse(process.argv[2] ?? '{}') as NodeProgram
const say = (line: object): void => void writeSync(1, `${JSON.stringify({ at: Date.now(), ...line })}\n`)

const archiveBytes = 2 ** 30

let offsetMs = 0
/** As a machine whose date was set: what waits for a while goes on waiting for that while. */
const wrongClock: Clock = {
  now: () => systemClock.now() + offsetMs,
  at: (instant, call) => systemClock.at(instant - offsetMs, call),
}

/** What happens with each event would drown the rest, and slow the node down. */
const untold = new Set([
  'stepped',
  'committed',
  'unhandled',
  'effect.begun',
  'effect.ended',
  'effect.retry',
  'effect.sent',
  'timer.late',
  'actor.log',
  'fold.progress',
  'base.uploaded',
])
onTrace((event) => {
  if (!untold.has(event.is)) say(event)
})

function foldedOf(store: Store, partitions: number): Folded[] {
  return Array.from({ length: partitions }, (_, partition) => {
    const hash = createHash('sha256')
    for (const address of [...store.addresses({ partition })].toSorted()) {
      hash.update(address)
      hash.update(encode(store.read(address)))
    }
    return { partition, n: store.partition(partition)?.n ?? 0, digest: hash.digest('base64url') }
  })
}

async function run(): Promise<void> {
  const { name, urls, realm, dir, flags } = given
  const config = openConfig({ flags: { ...flags, servers: urls.join(','), realm, dir, name }, cwd: dir })
  // What is open when a start fails would keep the process here, without a node in it.
  await using stack = new AsyncDisposableStack()
  const plain = await openBus({ ...busOptionsOf(config), create: true })
  stack.defer(() => plain.close())
  const mutation = given.plant === undefined ? undefined : plants[given.plant]?.(randomOf(1))
  const bus = mutation?.bus?.(plain, wrongClock) ?? plain
  const { createdAt } = await plain.logState()
  const { generation, partitions } = plain.realm
  const store = await openLmdbStore({
    ...storeOptionsOf(config),
    identity: { realm, generation, partitions, log: createdAt },
  })
  stack.defer(() => store.close())
  const archive =
    given.takesCuts === true
      ? openLmdbArchive({ dir: join(dir, 'archive'), mapBytes: archiveBytes, secret: undefined })
      : undefined
  stack.defer(() => archive?.close())
  const kinds = mutation?.kinds?.(kindsOf()) ?? kindsOf()
  const seen = mutation?.store?.(store) ?? store
  const node: Node = await startNode(
    { bus, store: seen, archive, clock: wrongClock, actors: kinds },
    nodeOptionsOf(config),
  )
  const commands = {
    stop: () => void node.stop(),
    take() {
      // How it ends, its note says; who dies meanwhile says nothing.
      node.cuts?.take({ name: undefined, by: 'nemesis' }).whole.catch(() => undefined)
    },
    clock: (command: Command) => void (offsetMs = command.do === 'clock' ? command.offsetMs : offsetMs),
    async fold(command: Command) {
      await node.settle()
      if (command.do === 'fold') say({ is: 'folded', id: command.id, folded: foldedOf(store, partitions) })
    },
    positions(command: Command) {
      const numbers = Array.from({ length: partitions }, (_, partition) => store.partition(partition)?.n ?? 0)
      if (command.do === 'positions') say({ is: 'positions', id: command.id, numbers })
    },
  }
  process.on('message', (command: Command) => void commands[command.do](command))
  process.once('SIGTERM', () => void node.stop())
  say({ is: 'up' })
  const error = await node.ended
  say({ is: 'ended', fault: error === undefined ? null : storedFaultOf(error) })
}

// It is written at the end of a process otherwise, and these are killed.
flushCompileCache()

try {
  await run()
} catch (error) {
  say({ is: 'ended', fault: storedFaultOf(error) })
  process.exitCode = 1
}
// The channel to the parent would keep it here.
if (process.connected) process.disconnect()
