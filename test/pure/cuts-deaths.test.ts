/**
 * Death at every await of a cut: whoever takes it, and whoever records parts of it, dies at the first
 * operation after the cut was asked for, in another run at the second, and so on until a run ends
 * alive; each time before it happened, and before it heard that it had. What is whole is
 * consistent, what is not says why or is found out by its deadline, and the next cut is whole.
 */
import { expect, test } from 'vitest'
import { openCutRealm } from '#test/support/cuts/cut-realm.ts'
import { rounds } from '#test/support/rounds.ts'

type Death = { readonly who: 'taker' | 'participant'; readonly operation: number; readonly when: 'before' | 'after' }

/** What was on the way when it died; nothing when it did not. */
async function run({ who, operation, when }: Death): Promise<{ readonly faults: string[]; readonly died?: string }> {
  using realm = openCutRealm({ partitions: 3, seed: operation })
  let begun: number | undefined
  let died: string | undefined
  const mortal = {
    dies(at: number, what: string): 'before' | 'after' | undefined {
      if (begun === undefined || at - begun !== operation) return undefined
      died = what
      return when
    },
  }
  const a = realm.launch('a', who === 'taker' ? mortal : {})
  const b = realm.launch('b', who === 'participant' ? mortal : {})
  await realm.clock.advance(3000)
  const paying = realm.pay(12)
  await realm.clock.advance(500)
  begun = (who === 'taker' ? a : b).operations
  let isOver = false
  // Who dies after its end is no part of it any more.
  void realm.take(a).then(() => {
    isOver = true
    begun = undefined
  })
  await realm.clock.advanceUntil(() => isOver || died !== undefined, 15_000)
  // Past the deadline of the one that was begun.
  await realm.clock.advance(12_000)
  begun = undefined
  await realm.within(paying)
  if (died !== undefined) realm.launch(who === 'taker' ? 'a' : 'b')
  await realm.clock.advance(3000)
  const next = await realm.within(realm.take(who === 'taker' ? b : a))
  const faults = await realm.faults()
  if (next.manifest === undefined) faults.push(`the next cut: ${String(next.error)}`)
  return { faults, ...(died === undefined ? {} : { died }) }
}

const stride = rounds(2, 1)

test.each([
  ['taker', 'before'],
  ['taker', 'after'],
  ['participant', 'before'],
  ['participant', 'after'],
] as const)('a %s that dies %s an operation is done leaves nothing half and disturbs nobody', async (who, when) => {
  const kinds = new Set<string>()
  for (let operation = when === 'before' ? stride : 2; ; operation += stride) {
    const { faults, died } = await run({ who, operation, when })
    expect(faults, `${who} died ${when} operation ${operation} (${died})`).toEqual([])
    if (died === undefined) break
    kinds.add(died)
  }
  // The path that was cut everywhere has all its parts.
  const parts = who === 'taker' ? ['append', 'fold', 'keep', 'note'] : ['append', 'fold', 'keep']
  expect([...kinds]).toEqual(expect.arrayContaining(parts))
})
