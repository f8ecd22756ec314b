/** What is stored of a past grows with what changed, not with what there is: cuts, and the log of a long conversation. */
import { expect, test } from 'vitest'
import { assign, setup } from 'xstate'
import { actor } from '#protocol/actor.ts'
import { parseStored } from '#protocol/subject.ts'
import { openCutRealm } from '#test/support/cuts/cut-realm.ts'
import { nodeOptions } from '#test/support/engine.ts'
import { randomOf } from '#test/support/workloads/random.ts'

type Line = { readonly type: 'SAY'; readonly text: string }

const chat = actor(
  'chat',
  setup({ types: { context: {} as { lines: string[] }, events: {} as Line } }).createMachine({
    context: { lines: [] },
    on: { SAY: { actions: assign({ lines: ({ context, event }) => [...context.lines, event.text] }) } },
  }),
  { version: 1 },
)

const lineBytes = 1000
const dice = randomOf(1)

/** Nothing in it is there twice. */
const line = (): string =>
  Array.from({ length: lineBytes / 10 }, () =>
    dice
      .int(0, 36 ** 6)
      .toString(36)
      .padEnd(10, '-'),
  ).join('')

const eventOf = (text: string): Uint8Array => new TextEncoder().encode(JSON.stringify({ type: 'SAY', text }))

type Costs = { readonly sizes: readonly number[]; readonly sum: number }

/** Of so many cuts, with four of four hundred actors changed before each. */
async function costOf(cuts: number, cutLayersMost: number): Promise<Costs> {
  using realm = openCutRealm({ partitions: 2, kinds: [chat] })
  const a = realm.launch('a', { options: { cutLayersMost } })
  await realm.clock.advance(3000)
  const say = (key: number): void => void realm.log.publish(`shop.to.chat.${key}`, eventOf(line()))
  for (let key = 0; key < 400; key++) say(key)
  await realm.clock.advance(5000)
  const sizes: number[] = []
  for (let at = 0; at < cuts; at++) {
    for (let one = 0; one < 4; one++) say((at * 4 + one) % 400)
    await realm.clock.advance(1000)
    const { manifest } = await realm.within(realm.take(a))
    sizes.push(manifest?.added ?? Number.NaN)
  }
  return { sizes, sum: sizes.reduce((one, other) => one + other, 0) }
}

test('a cut costs what changed since the one before, and now and then all of it [C37]', async () => {
  const { cutLayersMost } = nodeOptions
  const { sizes, sum } = await costOf(3 * cutLayersMost, cutLayersMost)
  const [whole = 0] = sizes
  expect(sizes.filter((size) => size > whole / 20).length).toBe(3)
  expect(sum).toBeLessThan(whole * 3 * 1.4)
})

test('where layers may be many, each byte that changed costs at most three [C37]', async () => {
  const { sizes, sum } = await costOf(40, 1000)
  const [first = 0] = sizes
  const changed = sizes.length * Math.max(...sizes.filter((size) => size < first / 20))
  expect(changed).toBeGreaterThan(first / 2)
  expect(sum - first).toBeLessThan(3 * changed)
})

test('a chat of 1,000 turns leaves little more on the log than what was said [C37]', async () => {
  using realm = openCutRealm({ partitions: 1, kinds: [chat] })
  await realm.join('a')
  for (let turn = 0; turn < 1000; turn++) {
    realm.log.publish('shop.to.chat.a', eventOf(line()))
    await realm.clock.advance(30)
  }
  await realm.clock.advance(5000)
  const bytesOf = (is: string): number =>
    realm.entries.reduce((sum, { subject, data }) => sum + (parseStored(subject).is === is ? data.length : 0), 0)
  expect(bytesOf('commit')).toBeLessThan(1.3 * 1000 * lineBytes)
})
