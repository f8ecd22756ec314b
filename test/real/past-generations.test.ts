/** What a restore took back can still be looked at: a sealed log is read as any other. */
import { expect, test } from 'vitest'
import { encodeRecord } from '#protocol/record.ts'
import { systemClock } from '#runtime/clock.ts'
import { epochsOf } from '#runtime/past/epochs.ts'
import { scanCommits } from '#runtime/past/scan.ts'
import { openBus } from '#runtime/nats/open-bus.ts'
import { openGenerations } from '#runtime/nats/generations.ts'
import { startNats } from '#test/support/nats.ts'

test('the commits of an actor are found in the log of an earlier generation', async () => {
  await using server = await startNats()
  const options = {
    servers: [server.url],
    realm: 'shop',
    partitions: 4,
    replicas: 1,
    durability: 'process',
    create: true,
  } as const
  await using old = await openBus(options)
  const about = { is: 'commit', generation: 0, partition: 0, epoch: 1, previous: 0, cursor: 0, heard: 0 } as const
  for (let n = 1; n <= 20; n++) {
    const address = n % 3 === 0 ? 'order/42' : 'order/43'
    const changes = [{ address, is: 'full', state: new Uint8Array([n]) }] as const
    const steps = [{ change: 0, seq: 0, type: 'X' }]
    const data = encodeRecord({ ...about, n, at: n, awayMs: 0, openedAt: 0, changes, marks: [], clients: [], steps })
    await old.append({ subject: 'shop.commit.0', data })
  }
  {
    await using generations = await openGenerations({ ...options, create: false })
    await generations.seal()
    const generation = await generations.reserve(0)
    await (await generations.begin({ generation, partitions: 4, firstSeq: 100 })).close()
    await generations.open(generation)
  }
  await using bus = await openBus({ ...options, create: false })
  const generations = () => openGenerations({ ...options, create: false })
  await using epochs = epochsOf({ bus, clock: systemClock, generations }, { retryMs: 10 })
  const past = await epochs.of(0)
  const stretch = { partition: 0, address: 'order/42', after: 0, bound: { seq: 15 } } as const
  const { commits, first } = await scanCommits((past as NonNullable<typeof past>).bus, stretch)
  expect([first, ...commits.map(({ n }) => n)]).toEqual([1, 3, 6, 9, 12, 15])
})
