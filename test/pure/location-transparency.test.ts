/** Where an actor and its effects live is nobody's business but the operator's. */
import { expect, test } from 'vitest'
import type { Address } from '#protocol/address.ts'
import { partitionOf } from '#protocol/partition.ts'
import { openMemoryLog } from '#runtime/memory/memory-bus.ts'
import type { Node, NodeOptions } from '#runtime/node.ts'
import { openVirtualClock } from '#runtime/memory/virtual-clock.ts'
import { agentsWith } from '#test/support/agents.ts'
import { openTestNode, openTestRealm } from '#test/support/engine.ts'
import { members } from '#test/support/labelled-world.ts'

type Place = { readonly name: string; readonly options?: Partial<NodeOptions> }

const words = ['one', 'two', 'three']

/** The same script wherever things are: what the agent and the provider come to know, and who called the model. */
async function run(places: readonly Place[], label: string | undefined) {
  const nodes: Node[] = []
  const callers = new Set<string>()
  const clock = openVirtualClock({
    start: 0,
    progress: () => nodes.map((node) => `${node.health().queued} ${node.health().staged}`).join(),
  })
  const log = openMemoryLog({ realm: 'shop', partitions: 8, clock })
  for (const { name, options } of places) {
    const infer = async (word: string): Promise<string> => {
      callers.add(name)
      return word.toUpperCase()
    }
    const opening = openTestNode(log.connect(), agentsWith(infer, label), {
      clock,
      options: { name, ...members, ...options },
    })
    await clock.advance(200)
    nodes.push(await opening)
  }
  await clock.advance(3000)
  const ownerOf = (address: Address): string | undefined =>
    nodes.find((node) => node.health().owned.includes(partitionOf(address, 8)))?.name
  const keys = Array.from({ length: 40 }, (_, n) => `k${n}`)
  const here = keys.find((key) => ownerOf(`agent/${key}`) === places[0]?.name)
  const there = keys.find((key) => ownerOf(`provider/${key}`) === (places[1] ?? places[0])?.name)
  const provider = there === undefined ? 'provider/p' : `provider/${there}`
  const realm = openTestRealm(log.connect(), clock)
  for (const word of words) {
    const sent = realm.send(`agent/${here}`, { type: 'ASK', provider, self: `agent/${here}`, word })
    await clock.advance(200)
    await sent
  }
  const contextOf = async (address: string): Promise<unknown> => {
    const showing = realm.operate.show(address as Address)
    await clock.advance(100)
    return (await showing)?.state.snapshot.context
  }
  const known = { agent: await contextOf(`agent/${here}`), provider: await contextOf(provider) }
  for (const node of nodes) node.kill()
  return { known, callers: [...callers], owners: [ownerOf(`agent/${here}`), ownerOf(provider as Address)] }
}

test('an agent uses a provider that lives on another node by its address alone, as if it were here [LM19]', async () => {
  const alone = await run([{ name: 'a' }], undefined)
  expect(alone.known).toEqual({ agent: { heard: ['ONE', 'TWO', 'THREE'] }, provider: { queue: [], calls: 3 } })
  const apart = await run([{ name: 'a' }, { name: 'b' }], undefined)
  expect(apart.known).toEqual(alone.known)
  expect(apart.callers).toEqual(['b'])
})

test('and so it is when the model of that provider is on a third node, bound by label [LM19]', async () => {
  const places = [{ name: 'a' }, { name: 'b' }, { name: 'gpu', options: { capacity: 0, labels: ['model'] } }]
  const bound = await run(places, 'model')
  expect(bound.known).toEqual({ agent: { heard: ['ONE', 'TWO', 'THREE'] }, provider: { queue: [], calls: 3 } })
  expect(bound.callers).toEqual(['gpu'])
})
