/**
 * A process that runs one node of the crash tests: the real bus, the real store, the workloads'
 * actors. It dies where it is told to, and says what happens to it in lines of JSON.
 */
import { writeSync } from 'node:fs'
import { flushCompileCache } from 'node:module'
import { createInterface } from 'node:readline'
import { storedFaultOf } from '#protocol/fault.ts'
import { systemClock } from '#runtime/clock.ts'
import type { Bus } from '#runtime/bus.ts'
import { openBus } from '#runtime/nats/open-bus.ts'
import type { NodeOptions } from '#runtime/node.ts'
import { startNode } from '#runtime/start-node.ts'
import { onTrace } from '#runtime/trace.ts'
import { openLmdbStore } from '#store/lmdb-store.ts'
import { nodeOptions } from '#test/support/engine.ts'
import { scriptedAgent } from '#test/support/scripted-agent.ts'
import { everything } from '#test/support/workloads/everything.ts'
import { plants } from '#test/support/sim/mutations.ts'
import { randomOf } from '#test/support/workloads/random.ts'
import { type Death, mortalBus, mortalStore, reachByTrace, reaperOf } from './boundaries.ts'

export type NodeProgram = {
  readonly name: string
  readonly url: string
  readonly realm: string
  readonly dir: string
  readonly partitions: number
  readonly death?: Death | undefined
  /** A bug of the simulation's list, planted into this process. */
  readonly plant?: string | undefined
  /** How long it waits for an acknowledgement; for other answers as long as any node. */
  readonly ackMs: number
  /** Of a node's options, beside those of all tests. */
  readonly options?: Partial<NodeOptions> | undefined
  /** Instead of the workloads it has an agent, whose model is whoever started this process. */
  readonly isScripted?: boolean | undefined
}

export type Answer = { readonly turn: number; readonly text: string }

const given = JSON.parse(process.argv[2] ?? '{}') as NodeProgram
const say = (line: unknown): void => void writeSync(1, `${JSON.stringify(line)}\n`)

function planted(bus: Bus): Bus {
  const plant = given.plant === undefined ? undefined : plants[given.plant]
  return plant?.(randomOf(1)).bus?.(bus, systemClock) ?? bus
}

/** Asks on standard output, and is answered on standard input. */
function modelOf(): (turn: number) => Promise<string> {
  const waiting = new Map<number, (text: string) => void>()
  createInterface({ input: process.stdin }).on('line', (line) => {
    const { turn, text } = JSON.parse(line) as Answer
    waiting.get(turn)?.(text)
  })
  // A node that stopped does not stay for answers.
  process.stdin.unref()
  return (turn) => {
    const { promise, resolve } = Promise.withResolvers<string>()
    waiting.set(turn, resolve)
    say({ asked: turn })
    return promise
  }
}

onTrace((event) => {
  if (
    event.is === 'node.ready' ||
    event.is === 'partition.lost' ||
    event.is === 'node.failed' ||
    event.is === 'log.shorter' ||
    event.is === 'log.mended' ||
    event.is === 'log.forked' ||
    event.is === 'duty.failed' ||
    event.is === 'commit.unknown'
  )
    say(event)
})

// It is written at the end of a process otherwise, and these are killed.
flushCompileCache()

try {
  const reaper = reaperOf(given.death)
  reachByTrace(reaper)
  const plain = await openBus({
    servers: [given.url],
    realm: given.realm,
    create: true,
    defaultPartitions: given.partitions,
    replicas: 1,
    durability: 'process',
    name: given.name,
    times: { ackMs: given.ackMs, heartbeatMs: 500, reconnectMs: 50 },
  })
  const { name, generation, partitions } = plain.realm
  const { createdAt } = await plain.logState()
  const store = await openLmdbStore({
    dir: given.dir,
    mapBytes: 2 ** 30,
    identity: { realm: name, generation, partitions, log: createdAt },
  })
  const actors = given.isScripted === true ? scriptedAgent(modelOf()) : everything().flatMap((one) => one.kinds)
  const node = await startNode(
    { bus: planted(mortalBus(plain, reaper)), store: mortalStore(store, reaper), clock: systemClock, actors },
    { ...nodeOptions, name: given.name, cheapMost: 4, ...given.options },
  )
  process.once('SIGTERM', () => void node.stop())
  const error = await node.ended
  say({ ended: error === undefined ? null : storedFaultOf(error) })
  await store.close()
  await plain.close()
} catch (error) {
  say({ ended: storedFaultOf(error) })
  // What was opened would keep it here, and who waits for its words would wait without end.
  process.exit(1)
}
