/** A process that runs one node with one version of a kind, over a real server; what happens it says in lines of JSON. */
import { writeSync } from 'node:fs'
import { openConfig } from '#config/open-config.ts'
import { busOptionsOf, nodeOptionsOf, storeOptionsOf } from '#config/options.ts'
import type { ActorState } from '#protocol/state.ts'
import { systemClock } from '#runtime/clock.ts'
import { openBus } from '#runtime/nats/open-bus.ts'
import { startNode } from '#runtime/start-node.ts'
import { onTrace } from '#runtime/trace.ts'
import { openLmdbStore } from '#store/lmdb-store.ts'
import { counter } from './rollout-kinds.ts'

export type RolloutNode = {
  readonly name: string
  readonly url: string
  readonly dir: string
  readonly version: 1 | 2
}

const { name, url, dir, version } = JSON.parse(process.argv[2] ?? '{}') as RolloutNode
const say = (line: object): void => void writeSync(1, `${JSON.stringify({ at: Date.now(), ...line })}\n`)
onTrace((event) => {
  if (!['stepped', 'committed', 'fold.progress'].includes(event.is)) say(event)
})

const renamed =
  (from: string, to: string) =>
  (state: ActorState): ActorState => {
    const { [from]: moved, ...rest } = state.snapshot.context as Record<string, unknown>
    return { ...state, snapshot: { ...state.snapshot, context: { ...rest, [to]: moved } } }
  }
const migrate = { 1: { up: renamed('by', 'stepper'), down: renamed('stepper', 'by') } }
const kind = version === 1 ? counter('order', 1) : counter('order', 2, migrate)

const realm = 'shop'
const config = openConfig({ flags: { servers: url, realm, dir, name, capacity: '1' }, cwd: dir })
const bus = await openBus({ ...busOptionsOf(config), create: true })
const { createdAt } = await bus.logState()
const { generation, partitions } = bus.realm
const identity = { realm, generation, partitions, log: createdAt }
const store = await openLmdbStore({ ...storeOptionsOf(config), identity })
const node = await startNode({ bus, store, clock: systemClock, actors: [kind] }, nodeOptionsOf(config))
process.once('SIGTERM', () => void node.stop())
await node.ended
await store.close()
await bus.close()
say({ is: 'ended' })
