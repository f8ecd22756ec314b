/** What doctor says of a log that lost its end, and of one that was restored, which lost nothing. */
import { expect, test } from 'vitest'
import { checkMended } from '#bin/doctor/log.ts'
import { encodeMendRow } from '#runtime/core/mend-row.ts'
import type { RealmHandle } from '#runtime/index.ts'

const restored = 'restore'

function realmWith(generation: number, mends: readonly string[]): RealmHandle {
  const data = encodeMendRow(
    {
      mends: mends.map((_, at) => [at * 100, at + 1]),
      lineage: mends.map((id, at) => [at + 1, id]),
      pieces: [],
      isOpen: false,
      report: { from: 1, to: 3, entries: 3, missing: 0, at: 1000, node: mends.at(-1) ?? '' },
    },
    [],
  )
  const realm = { name: 'shop', generation, partitions: 4 }
  return { bus: { realm, last: async () => (mends.length === 0 ? undefined : { data }) } } as unknown as RealmHandle
}

test.each([
  ['nothing happened to', 0, []],
  ['was restored', 1, [restored]],
] as const)('a log that %s lost nothing', async (_, generation, mends) => {
  expect(await checkMended(realmWith(generation, mends))).toMatchObject({ status: 'ok' })
})

test.each([
  ['once', 0, ['web-1']],
  ['once', 2, [restored, 'web-1']],
  ['2 times', 1, [restored, 'web-1', 'web-2']],
] as const)('a log that lost its end %s, in generation %i, is told of', async (often, generation, mends) => {
  const found = await checkMended(realmWith(generation, mends))
  expect(found).toMatchObject({ status: 'warn' })
  expect(JSON.stringify(found)).toContain(`lost its end ${often}, last`)
})
