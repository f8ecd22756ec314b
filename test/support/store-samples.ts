/** Small states, positions and lines for tests of stores; no test runner, so that a child process can use them. */
import { type Address, addressOf } from '#protocol/address.ts'
import { encode } from '#protocol/codec.ts'
import { partitionOf } from '#protocol/partition.ts'
import type { FoldedChange, FoldedPartition, HistoryLine, Needs, StoreIdentity } from '#store/store.ts'

export const identity: StoreIdentity = { realm: 'shop', generation: 0, partitions: 8, log: '2031-05-04T12:00:00Z' }

export const positionOf = (partition: number, n: number, more: Partial<FoldedPartition> = {}): FoldedPartition => ({
  partition,
  epoch: 1,
  n,
  seq: n * 10,
  cursor: n * 10 - 1,
  heard: 0,
  awayMs: 5,
  openedAt: 1000,
  at: 2000 + n,
  marks: {},
  ...more,
})

export const stateOf = (steps: number, context: unknown = { steps }) => [
  1,
  1,
  'hash',
  0,
  'idle',
  context,
  3,
  steps,
  100,
  200,
]

export const full = (address: Address, steps: number, needs: Needs = {}): FoldedChange => ({
  address,
  is: 'full',
  state: encode(stateOf(steps)),
  needs,
})

/** Addresses of one partition, in order. */
export function addressesIn(partition: number, count: number, kind = 'order'): Address[] {
  const found: Address[] = []
  for (let key = 0; found.length < count; key++) {
    const address = addressOf(kind, `k${key}`)
    if (partitionOf(address, identity.partitions) === partition) found.push(address)
  }
  return found.sort()
}

export const lineOf = (address: Address, n: number, type = 'PAY'): HistoryLine => ({
  address,
  n,
  seq: n * 10,
  at: 2000 + n,
  steps: [{ seq: n * 10 - 1, type }],
})
