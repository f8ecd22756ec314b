/** A log that was mended has one past: places name what they named before. */
import { afterEach, expect, test } from 'vitest'
import { encodeState } from '#protocol/state.ts'
import { openMendWorld } from '#test/support/mend-world.ts'

const worlds: { close(): void }[] = []
afterEach(() => {
  for (const world of worlds.splice(0)) world.close()
})

test.each([5, 30])(
  'at every place before and behind a mending of %i entries actors are what they were',
  async (missing) => {
    const world = await openMendWorld(['a'])
    worlds.push(world)
    const realm = await world.view()
    const addresses = ['list/l1', 'list/l2', 'list/sink'] as const
    const memories: { readonly seq: number; readonly states: readonly (string | undefined)[] }[] = []

    async function remember(): Promise<void> {
      await world.note(7)
      const seen = await world.during(Promise.all(addresses.map((address) => realm.operate.show(address))))
      const { lastSeq: seq } = await world.during(realm.bus.logState())
      memories.push({ seq, states: seen.map((one) => one && JSON.stringify([...encodeState(one.state)])) })
    }

    for (let round = 0; round < 6; round++) await remember()
    world.log.truncate(world.end() - missing)
    await world.clock.advance(500)
    expect(world.mended()).toHaveLength(1)
    for (let round = 0; round < 3; round++) await remember()
    for (const isOwned of [true, false]) {
      if (!isOwned) for (const one of world.all.slice()) await world.kill(one)
      for (const { seq, states } of memories) {
        const then = await world.during(Promise.all(addresses.map((address) => realm.past.at({ seq }, address))))
        const texts = then.map(({ state }) => state && JSON.stringify([...encodeState(state)]))
        expect([isOwned, seq, texts]).toEqual([isOwned, seq, states])
      }
    }
  },
)
