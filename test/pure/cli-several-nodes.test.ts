/** What a person reads of several nodes: few lines of what moved, with nothing left out, and a doctor's judgement. */
import { expect, test } from 'vitest'
import { type Move, movesOf } from '#bin/moves.ts'
import { rangesText } from '#bin/layout.ts'
import { checkNodes } from '#bin/doctor/nodes.ts'
import { checkReplicas } from '#bin/doctor/server.ts'
import type { RealmHandle, SeenNode, SeenPlace } from '#runtime/index.ts'
import { decodeHeartbeat, encodeHeartbeat } from '#protocol/heartbeat.ts'
import { openVirtualClock } from '#runtime/memory/virtual-clock.ts'

const fault = { code: 'partition.lost', message: 'gone' }

test('what moves within a moment is one line, with what the node has then', async () => {
  const clock = openVirtualClock({ start: 0, progress: () => '' })
  const said: Move[] = []
  const moves = movesOf(clock, (move) => said.push(move))
  for (const partition of [3, 0, 1, 2, 9]) moves.hear({ is: 'partition.claimed', partition, epoch: 1 })
  expect(said).toEqual([])
  await clock.advance(1_000)
  moves.hear({ is: 'partition.released', partition: 9 })
  moves.hear({ is: 'partition.lost', partition: 1, fault })
  moves.flush()
  await clock.advance(1_000)
  expect(said.map(({ told }) => told)).toEqual([
    { level: 'info', text: 'took 5 partitions (0-3, 9); owns 5 now' },
    { level: 'warn', text: 'gave away 1 partition (9), lost 1 partition (1) to others; owns 3 now' },
  ])
  moves.flush()
  expect(said).toHaveLength(2)
})

test('a long row of hand-overs shows every second how far it is', async () => {
  const clock = openVirtualClock({ start: 0, progress: () => '' })
  const said: Move[] = []
  const moves = movesOf(clock, (move) => said.push(move))
  for (let partition = 0; partition < 30; partition++) {
    moves.hear({ is: 'partition.claimed', partition, epoch: 1 })
    await clock.advance(100)
  }
  expect(said.map(({ owned }) => owned)).toEqual([10, 20, 30])
  await clock.advance(1_000)
  expect(said.flatMap(({ taken }) => taken)).toEqual(Array.from({ length: 30 }, (_, partition) => partition))
})

test('numbers are written as ranges, in order and once', () => {
  expect(rangesText([7, 1, 2, 3, 3, 12, 13])).toBe('1-3, 7, 12-13')
  expect(rangesText([])).toBe('')
})

function node(name: string, given: Partial<SeenNode> = {}): SeenNode {
  return {
    ...{ name, life: name, since: 0, beat: 1, phase: 'ready', capacity: 2, labels: [], kinds: [['order', 1, 'aa']] },
    ...{ owned: [], followed: [], release: '0.1.0', aheadMs: 0, behind: 0 },
    load: { cpu: 0, memoryBytes: 0, commitsPerSecond: 0, actors: 0, effects: 0 },
    ...given,
  }
}

async function doctor(nodes: readonly SeenNode[], places: readonly SeenPlace[]): Promise<Record<string, string>> {
  const operate = { nodes: () => Promise.resolve({ nodes, places }) }
  const realm = { name: 'shop', partitions: places.length, operate } as unknown as RealmHandle
  return Object.fromEntries(
    (await checkNodes(realm, { standbys: 1, settleMs: 0 })).map(({ check, status, says }) => [
      check,
      `${status} ${says}`,
    ]),
  )
}

const owned: SeenPlace = { partition: 0, owner: 'a', standbys: [{ name: 'b', isClose: true }], why: undefined }

test('doctor names mixed releases, clocks that differ and one version with two definitions', async () => {
  const mixed = await doctor(
    [node('a'), node('b', { release: '0.2.0', aheadMs: 5_000, kinds: [['order', 1, 'bb']] })],
    [owned],
  )
  expect(mixed).toMatchObject({
    releases: 'warn The nodes run different releases of perdure: 0.1.0 on a; 0.2.0 on b.',
    'node clocks': 'warn The clock of b is 5s ahead of that of a.',
    kinds: 'warn Nodes run different definitions under one version: order (version 1).',
  })
  const same = await doctor([node('a'), node('b', { aheadMs: -3 })], [owned])
  expect(Object.keys(same)).toEqual(['partitions', 'standbys', 'node clocks'])
  expect(same['node clocks']).toBe('ok They agree to 3 ms.')
})

test('doctor says which partitions nobody owns and which nobody stands by for, and why', async () => {
  const bare = { ...owned, partition: 1, standbys: [] }
  const nobodys: SeenPlace = { partition: 2, owner: undefined, standbys: [], why: { is: 'due', by: 'b' } }
  const found = await doctor([node('a'), node('b')], [owned, bare, nobodys])
  expect(found['partitions']).toMatch(
    /^fail Nobody owns 1 partition; a owns 2\. Now without an owner: 2: b is to take them/,
  )
  expect(found['standbys']).toMatch(/^warn Too few nodes follow 1 partition \(1\)/)
})

test('doctor names what a node could not serve for a while, and what it cannot serve now', async () => {
  const reason = 'The store cannot be read. (store.corrupt)'
  const nobodys: SeenPlace = { partition: 2, owner: undefined, standbys: [], why: { is: 'due', by: 'b', reason } }
  const over = await doctor([node('a', { setbacks: [[0, reason, 1]] })], [owned])
  expect(over['setbacks']).toMatch(/^warn a could not serve partition 0 for a while.*store\.corrupt/)
  const lasting = await doctor([node('a'), node('b', { setbacks: [[2, reason, 0]] })], [owned, nobodys])
  expect(lasting['partitions']).toContain(reason)
  expect(lasting['setbacks']).toBeUndefined()
})

test('doctor and the screen say what nodes have still to unpack, as long as they have', async () => {
  const idle = { cpu: 0, memoryBytes: 0, commitsPerSecond: 0, actors: 40, effects: 0 }
  const found = await doctor([node('a', { load: { ...idle, packed: 30 } }), node('b')], [owned])
  expect(found['unpacking']).toMatch(/^ok .*a 30 actors still to unpack.* the key of that cut/)
  expect((await doctor([node('a')], [owned]))['unpacking']).toBeUndefined()
  const beat = (packed: number): SeenNode['load'] =>
    decodeHeartbeat(encodeHeartbeat(node('a', { load: { ...idle, packed } }))).load
  expect([beat(30).packed, beat(0).packed]).toEqual([30, undefined])
})

test('one copy of the log on one of several servers is pointed out', () => {
  const realm = { stream: 'shop', replicas: 1, hasBatches: true, aheadMs: 0 }
  const facts = { address: '', version: '2.12.1', name: '', maxPayload: 1, rttMs: 1, storage: undefined }
  expect(checkReplicas({ ...facts, cluster: 'perdure', realm })).toMatchObject([{ check: 'replicas', status: 'warn' }])
  expect(checkReplicas({ ...facts, cluster: 'perdure', realm: { ...realm, replicas: 3 } })).toEqual([])
  expect(checkReplicas({ ...facts, cluster: undefined, realm })).toEqual([])
})
