/**
 * Before a rollout is undone, everything that is stored is tried with the steps down, by those who
 * own it, and nothing is changed. It serves the clause "its new state". Invariant: an undo of which
 * it is known that it would leave somebody behind does not begin by itself.
 */
import type { Address } from '#protocol/address.ts'
import { Fault } from '#protocol/fault.ts'
import type { Query, Rehearsed } from '#protocol/query.ts'
import type { KindEntry } from '#runtime/core/kind-entry.ts'
import { wayBack } from '#runtime/core/rollout.ts'
import type { Views } from './views.ts'

type World = { readonly views: Pick<Views, 'query'>; readonly partitions: number }

/** So many addresses are named. */
const namedMost = 10

/** Throws `rollout.downFails`, with the addresses of those that could not be taken back. */
export async function tryWayBack({ views, partitions }: World, entry: KindEntry): Promise<void> {
  const { kind, rollout } = entry
  if (rollout === undefined || rollout.state === 'held' || rollout.state === 'undoing' || rollout.share === 0) return
  const { from, to } = rollout
  if (wayBack(entry, from, to).is !== 'down') return
  const all = await Promise.all(
    Array.from({ length: partitions }, (_, partition) =>
      tryPartition(views, partition, { is: 'rehearse', kind, to: from }),
    ),
  )
  const failed = all.flatMap((one) => one.failed)
  const count = all.reduce((sum, one) => sum + one.count, 0)
  if (count === 0) return
  const named = failed.slice(0, namedMost).map(([address, reason]) => `${address} (${reason})`)
  const more = count > named.length ? [`and ${count - named.length} more`] : []
  const problems = [...named, ...more].join('; ')
  throw new Fault('rollout.downFails', { value: kind, version: from, count, problems })
}

type Found = { readonly failed: readonly (readonly [Address, string])[]; readonly count: number }

async function tryPartition(
  views: Pick<Views, 'query'>,
  partition: number,
  asked: Extract<Query, { is: 'rehearse' }>,
): Promise<Found> {
  const failed: (readonly [Address, string])[] = []
  let count = 0
  for (let after: Address | undefined; ;) {
    const page = await views.query<Rehearsed | undefined>(partition, { ...asked, after })
    if (page === undefined)
      throw new Fault('query.failed', { reason: 'the owner runs a release that cannot try it', code: 'query.unknown' })
    failed.push(...page.failed.slice(0, namedMost - failed.length))
    count += page.failed.length
    after = page.last
    if (after === undefined) return { failed, count }
  }
}
