import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Carrier, carriersFor, lackOf } from '#runtime/core/carriers.ts'

const need = { label: 'gpu', kind: 'maker', version: 2 }

const node = (name: string, given: Partial<Carrier> = {}): Carrier => ({
  name,
  life: `${name}-1`,
  phase: 'ready',
  capacity: 1,
  labels: ['gpu'],
  kinds: [['maker', 2, 'h']],
  ...given,
})

const ids = Array.from({ length: 4000 }, (_, n) => `0-nonce-${n}-0`)

const counts = (nodes: readonly Carrier[]): Record<string, number> => {
  const found: Record<string, number> = {}
  for (const id of ids) {
    const name = carriersFor(id, nodes, need)[0]?.name ?? 'nobody'
    found[name] = (found[name] ?? 0) + 1
  }
  return found
}

test('only a node that is ready, has the label and serves the version of the kind is a carrier', () => {
  const nodes = [
    node('leaving', { phase: 'leaving' }),
    node('unlabelled', { labels: ['cpu', 'gpu-2'] }),
    node('older', { kinds: [['maker', 1, 'h']] }),
    node('other', { kinds: [['baker', 2, 'h']] }),
  ]
  expect(carriersFor('e', nodes, need)).toEqual([])
  expect(lackOf([...nodes, node('bare', { labels: [] })], need)).toBe(
    'leaving (labels: gpu; leaving), unlabelled (labels: cpu, gpu-2), older (labels: gpu; does not serve maker version 2), ' +
      'other (labels: gpu; does not serve maker version 2), bare (labels: none)',
  )
  expect(carriersFor('e', [...nodes, node('fit')], need).map(({ name }) => name)).toEqual(['fit'])
})

test('effects are spread by capacity, and a node that owns nothing counts as one core', () => {
  const found = counts([node('small'), node('large', { capacity: 2 }), node('aside', { capacity: 0 })])
  expect(found['small']).toBeGreaterThan(850)
  expect(found['small']).toBeLessThan(1150)
  expect(found['large']).toBeGreaterThan(1850)
  expect(found['large']).toBeLessThan(2150)
  expect(found['aside']).toBeGreaterThan(850)
})

test('every owner chooses alike, and who comes or goes moves nothing between the others', () => {
  const names = fc.uniqueArray(fc.stringMatching(/^[a-z]{1,6}$/), { minLength: 2, maxLength: 8 })
  fc.assert(
    fc.property(names, fc.nat(3999), fc.nat(7), (all, at, away) => {
      const nodes = all.map((name) => node(name))
      const id = ids[at] as string
      const order = carriersFor(id, nodes, need).map(({ name }) => name)
      expect(carriersFor(id, nodes.toReversed(), need).map(({ name }) => name)).toEqual(order)
      const gone = all[away % all.length]
      const left = nodes.filter(({ name }) => name !== gone)
      expect(carriersFor(id, left, need).map(({ name }) => name)).toEqual(order.filter((name) => name !== gone))
    }),
    { seed: 3, numRuns: 300 },
  )
})
