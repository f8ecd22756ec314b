/**
 * Several readings, each in the order of its rows' keys (addresses, or positions), as one in that
 * order. It serves whoever reads layers, partitions or two cuts beside each other. Invariants: of each
 * reading one row is at hand; of rows with one key that of the first reading speaks for all.
 */
import type { Address } from '#protocol/address.ts'
import type { StateRow } from '#protocol/cut.ts'

type Keyed<K> = readonly [key: K, ...rest: unknown[]]

export async function* mergeRows<T extends Keyed<string> | Keyed<number>>(
  readings: readonly AsyncGenerator<T>[],
): AsyncGenerator<T> {
  const heads = await Promise.all(readings.map((reading) => reading.next()))
  for (;;) {
    let least: T | undefined
    for (const { done, value } of heads)
      if (done !== true && (least === undefined || value[0] < least[0])) least = value
    if (least === undefined) return
    yield least
    for (const [at, head] of heads.entries())
      if (head.done !== true && head.value[0] === least[0]) heads[at] = await (readings[at] as AsyncGenerator<T>).next()
  }
}

/** What two cuts say of one actor. */
export type Pair = readonly [address: Address, was: StateRow | undefined, is: StateRow | undefined]

export async function* pairRows(
  before: AsyncGenerator<StateRow>,
  after: AsyncGenerator<StateRow>,
): AsyncGenerator<Pair> {
  let [old, next] = await Promise.all([before.next(), after.next()])
  for (;;) {
    const [was, is] = [rowOf(old), rowOf(next)]
    if (was === undefined && is === undefined) return
    const hasOld = was !== undefined && (is === undefined || was[0] <= is[0])
    const hasNext = is !== undefined && (was === undefined || is[0] <= was[0])
    const [address] = (hasOld ? was : is) as StateRow
    yield [address, hasOld ? was : undefined, hasNext ? is : undefined]
    if (hasOld) old = await before.next()
    if (hasNext) next = await after.next()
  }
}

function rowOf({ done, value }: IteratorResult<StateRow, unknown>): StateRow | undefined {
  return done === true ? undefined : value
}
