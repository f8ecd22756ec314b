/**
 * A process that runs one node with labels, whose model answers with the name of that node, or
 * thinks for ever.
 */
import { writeSync } from 'node:fs'
import { flushCompileCache } from 'node:module'
import { storedFaultOf } from '#protocol/fault.ts'
import { systemClock } from '#runtime/clock.ts'
import { openBus } from '#runtime/nats/open-bus.ts'
import { startNode } from '#runtime/start-node.ts'
import { onTrace } from '#runtime/trace.ts'
import { agentsWith } from './agents.ts'
import { nodeOptions, openTestStore } from './engine.ts'

export type LabelledProgram = {
  readonly name: string
  readonly url: string
  readonly realm: string
  readonly labels: readonly string[]
  readonly capacity: number
  /** Its model begins and never answers. */
  readonly isSlow: boolean
}

const given = JSON.parse(process.argv[2] ?? '{}') as LabelledProgram
const say = (line: unknown): void => void writeSync(1, `${JSON.stringify(line)}\n`)

onTrace((event) => {
  if (event.is === 'node.ready' || event.is === 'node.failed' || event.is.startsWith('effect.')) say(event)
})

// It is written at the end of a process otherwise, and these are killed.
flushCompileCache()

try {
  const { name, url, realm, labels, capacity, isSlow } = given
  const bus = await openBus({
    servers: [url],
    realm,
    create: true,
    defaultPartitions: 4,
    replicas: 1,
    durability: 'process',
    name,
    times: { ackMs: 2000, callMs: 2000, heartbeatMs: 500, reconnectMs: 50 },
  })
  const infer = (word: string): Promise<string> =>
    isSlow ? new Promise(() => undefined) : Promise.resolve(`${word} by ${name}`)
  const node = await startNode(
    { bus, store: await openTestStore(bus), clock: systemClock, actors: agentsWith(infer, 'model') },
    { ...nodeOptions, name, labels, capacity, beatMs: 100, suspectMs: 300, deadMs: 1000 },
  )
  process.once('SIGTERM', () => void node.stop())
  const error = await node.ended
  say({ ended: error === undefined ? null : storedFaultOf(error) })
  await bus.close()
} catch (error) {
  say({ ended: storedFaultOf(error) })
  // What was opened would keep it here, and who waits for its words would wait without end.
  process.exit(1)
}
