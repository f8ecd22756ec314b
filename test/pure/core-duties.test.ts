/** Several nodes that act on what they last heard of each other: it ends well, and without fights. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Heartbeat } from '#protocol/heartbeat.ts'
import { dutiesOf } from '#runtime/core/duties.ts'
import { placementOf } from '#runtime/core/placement.ts'
import { rounds } from '#test/support/rounds.ts'

const partitions = 16
const standbys = 1

/** A log that knows only who claimed last, and nodes that hear each other some rounds late. */
class World {
  readonly nodes = new Map<string, Node>()
  readonly claims = new Map<number, { readonly name: string; readonly epoch: number }>()
  /** Partitions that were claimed from under a node that lived and was known to the claimer. */
  fights = 0

  add(name: string): void {
    this.nodes.set(name, { name, phase: 'ready', owned: new Map(), followed: new Map(), said: [] })
  }

  beat(node: Node): void {
    node.said.push({
      name: node.name,
      life: node.name,
      since: 0,
      beat: node.said.length,
      phase: node.phase,
      capacity: 1,
      labels: [],
      kinds: [],
      owned: [...node.owned].map(([partition, epoch]) => [partition, epoch, 0, 0]),
      followed: [...node.followed].map(([partition, rounds]) => [partition, 0, rounds > 1]),
      load: { cpu: 0, memoryBytes: 0, commitsPerSecond: 0, actors: 0, effects: 0 },
      release: '',
    })
  }

  act(node: Node, late: number): void {
    for (const [partition, epoch] of node.owned)
      if (this.claims.get(partition)?.epoch !== epoch) node.owned.delete(partition)
    this.beat(node)
    const self = node.said.at(-1) as Heartbeat
    const others = [...this.nodes.values()].flatMap((one) =>
      one === node ? [] : (one.said.at(-1 - late) ?? one.said.at(0) ?? []),
    )
    const candidates = [self, ...others].filter(({ phase }) => phase === 'ready')
    const duties = dutiesOf({ self, others, placement: placementOf(candidates, { partitions, standbys }) })
    for (const partition of node.followed.keys())
      if (!duties.follow.includes(partition)) node.followed.delete(partition)
    for (const partition of duties.follow) node.followed.set(partition, (node.followed.get(partition) ?? 0) + 1)
    for (const partition of duties.claim) {
      const before = this.claims.get(partition)
      if (before !== undefined && this.nodes.get(before.name)?.owned.has(partition) === true) this.fights++
      const epoch = (before?.epoch ?? 0) + 1
      this.claims.set(partition, { name: node.name, epoch })
      node.owned.set(partition, epoch)
      node.followed.delete(partition)
    }
    for (const { partition } of duties.handOver.slice(0, 4)) node.owned.delete(partition)
    this.beat(node)
  }

  round(late: () => number): void {
    for (const node of this.nodes.values()) this.act(node, late())
  }

  owners(): (string | undefined)[] {
    return Array.from(
      { length: partitions },
      (_, partition) => [...this.nodes.values()].find((node) => node.owned.has(partition))?.name,
    )
  }

  wanted(): readonly (string | undefined)[] {
    const ready = [...this.nodes.values()].filter(({ phase }) => phase === 'ready')
    return placementOf(
      ready.map(({ name }) => ({ name, capacity: 1 })),
      { partitions, standbys },
    ).owners
  }
}

type Node = {
  readonly name: string
  phase: Heartbeat['phase']
  readonly owned: Map<number, number>
  /** Rounds that it has followed for; after two it is close to the log's end. */
  readonly followed: Map<number, number>
  readonly said: Heartbeat[]
}

function worldOf(...names: string[]): World {
  const world = new World()
  for (const name of names) world.add(name)
  return world
}

function settle(world: World, rounds = 40): void {
  for (let round = 0; round < rounds; round++) world.round(() => 0)
}

const steps = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.record({ is: fc.constant('rounds' as const), late: fc.integer({ min: 0, max: 3 }) }) },
    fc.record({ is: fc.constantFrom('join' as const, 'kill' as const, 'leave' as const), at: fc.nat(9) }),
  ),
  { maxLength: 30 },
)

test('whatever came and went, in the end everybody owns what is meant for it, and it stays so', () => {
  fc.assert(
    fc.property(steps, (plan) => {
      const world = worldOf('a')
      let count = 0
      for (const step of plan) {
        if (step.is === 'rounds') world.round(() => step.late)
        else if (step.is === 'join') world.add(`n${count++}`)
        else if (world.nodes.size > 1) {
          const node = [...world.nodes.values()][step.at % world.nodes.size] as Node
          if (step.is === 'kill') world.nodes.delete(node.name)
          else if ([...world.nodes.values()].some((one) => one !== node && one.phase === 'ready'))
            node.phase = 'leaving'
        }
      }
      // Those that leave keep what nobody can take.
      world.add('last')
      settle(world)
      expect(world.owners()).toEqual(world.wanted())
      const { fights } = world
      const before = new Map(world.claims)
      settle(world, 5)
      expect(world.claims).toEqual(before)
      expect(world.fights).toBe(fights)
    }),
    { numRuns: rounds(60, 600) },
  )
})

test('while nobody dies and all hear each other, no partition is claimed from under its owner', () => {
  const world = worldOf('a')
  settle(world, 3)
  for (const name of ['b', 'c', 'd']) {
    world.add(name)
    settle(world, 20)
  }
  for (const node of world.nodes.values()) {
    if (node.name === 'd') continue
    node.phase = 'leaving'
    settle(world, 20)
    expect(node.owned.size).toBe(0)
  }
  expect(world.fights).toBe(0)
  expect(new Set(world.owners())).toEqual(new Set(['d']))
})

test('a partition waits with its owner until the one it is meant for has read up to the end', () => {
  const world = worldOf('a')
  settle(world, 3)
  world.add('b')
  world.round(() => 0)
  expect(world.owners().every((owner) => owner === 'a')).toBe(true)
  settle(world, 20)
  expect(world.owners()).toEqual(world.wanted())
})

test('when a node dies, a warm one takes its partitions although a cold one was meant for them', () => {
  const world = worldOf('a', 'b')
  settle(world, 20)
  // Meant for much and not yet reading; then a dies.
  world.add('c')
  world.nodes.delete('a')
  const cold = world.nodes.get('c') as Node
  world.beat(cold)
  const warm = world.nodes.get('b') as Node
  world.act(warm, 0)
  expect(warm.owned.size).toBe(partitions)
  settle(world, 20)
  expect(world.owners()).toEqual(world.wanted())
})
