/**
 * A process that folds without pause until it is killed: two partitions, whole states, growing
 * ones and ones that go. It prints the number of each fold once that was acknowledged, and the
 * code of the fault that ended it.
 */
import type { Address } from '#protocol/address.ts'
import { encode } from '#protocol/codec.ts'
import { openStateWriter, type StateWriter } from '#protocol/delta.ts'
import { isFault } from '#protocol/fault.ts'
import { openLmdbStore } from '#store/lmdb-store.ts'
import type { FoldedChange } from '#store/store.ts'
import { addressesIn, identity, positionOf, stateOf } from './store-samples.ts'

export const foldedPartitions = [2, 5] as const

/** What an actor's state is after commit `n`, or nothing while it is gone. Every commit changes every actor. */
export function stateAfter(n: number, which: number): unknown[] | undefined {
  if (which === 0) return n % 5 === 0 ? undefined : stateOf(n)
  if (which === 1)
    return stateOf(n, {
      turns: Array.from({ length: n % 400 }, (_, at) => ({ role: 'user', text: `${which} said ${at} `.repeat(8) })),
    })
  return stateOf(n, { n, half: 'z'.repeat((n * 37) % 1000) })
}

export const actorsOf = (partition: number): Address[] => addressesIn(partition, 12)

if (process.argv[2] === 'fold') {
  const store = await openLmdbStore({ dir: process.argv[3] as string, identity, mapBytes: 2 ** 28 })
  const writers = new Map<string, StateWriter>()
  const changeOf = (address: Address, which: number, n: number): FoldedChange => {
    const state = stateAfter(n, which)
    if (state === undefined) return { address, is: 'gone' }
    if (which !== 1) return { address, is: 'full', state: encode(state), needs: { due: n } }
    const writer = writers.get(address) ?? openStateWriter(store.read(address))
    writers.set(address, writer)
    const written = writer.write(state)
    if (written.is === 'delta') return { address, is: 'deltas', deltas: [written.bytes], needs: { due: n } }
    return { address, is: 'full', state: encode(state), needs: { due: n } }
  }
  const first = (store.partition(foldedPartitions[0])?.n ?? 0) + 1
  const onTheirWay: Promise<void>[] = []
  let failure: unknown
  for (let n = first; failure === undefined; n++) {
    const folds = foldedPartitions.map((partition) => {
      const actors = actorsOf(partition)
      const history = actors.map((address) => ({
        address,
        n,
        seq: n * 10,
        at: n,
        steps: [{ seq: n * 10, type: 'GO' }],
      }))
      return {
        partition: positionOf(partition, n),
        clients: new Map([['c', ['c', n, n] as const]]),
        changes: actors.map((address, which) => changeOf(address, which, n)),
        history,
      }
    })
    onTheirWay.push(
      store.fold(folds).then(
        () => void process.stdout.write(`${n}\n`),
        (error: unknown) => void (failure ??= error),
      ),
    )
    // Several at once, so that a kill finds some of them waiting and one being written.
    if (onTheirWay.length > 4) await onTheirWay.shift()
  }
  await Promise.all(onTheirWay)
  await store.close()
  process.stdout.write(`${isFault(failure) ? failure.code : 'no fault'}\n`)
}
