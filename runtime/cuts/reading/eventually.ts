/**
 * An invariant over cuts: whoever was once seen in a state comes to another within a time. It serves
 * "declared predicates", for what must happen and not only for what must never. Invariants: an actor is
 * pending from the first cut that shows it in `from` until one shows it in `to` or not at all, whatever
 * else it does between; it is never said to be late earlier than it is; where not all who are pending
 * can be remembered, that is said instead of "it holds".
 */
import { type Address, isAddress } from '#protocol/address.ts'
import { keptMost } from '#protocol/cut-check.ts'
import { Fault } from '#protocol/fault.ts'
import { type ActorInCut, type CheckedCut, type Invariant, invariant } from './invariant.ts'

export type Eventual = {
  /** Actors of this kind only; all of them by default. */
  readonly kind?: string | undefined
  readonly from: (actor: ActorInCut) => boolean
  readonly to: (actor: ActorInCut) => boolean
  /** From the first cut in which it was seen in `from`. */
  readonly withinMs: number
}

/**
 * ```ts
 * export const shipped = eventually('what is paid is shipped', {
 *   kind: 'order',
 *   from: ({ value }) => value === 'paid',
 *   to: ({ value }) => value === 'shipped',
 *   withinMs: 2 * 24 * 3_600_000,
 * })
 * ```
 * Only what cuts show counts: who was in `from` between two of them was not seen.
 */
export function eventually(name: string, eventual: Eventual): Invariant {
  const { withinMs } = checked(name, eventual)
  return invariant(name, async (cut, _, { before, keep }) => {
    const { pending, forgotten } = await pendingIn(cut, eventual, pendingOf(before))
    keep({ pending })
    return [
      ...(forgotten === 0 ? [] : [forgottenText(forgotten, pending.length)]),
      ...pending.flatMap(([address, since]) =>
        cut.at - since > withinMs ? [lateText(address, since, cut.at - since)] : [],
      ),
    ]
  })
}

/** Since when, of each; the oldest first. */
type Pending = readonly (readonly [address: Address, since: number])[]

async function pendingIn(
  cut: CheckedCut,
  { kind, from, to }: Eventual,
  before: Pending,
): Promise<{ readonly pending: Pending; readonly forgotten: number }> {
  const known = new Map(before)
  const still: [Address, number][] = []
  const added: [Address, number][] = []
  // More than fits is only counted: a cut may hold any number of them.
  let room = bytesMost
  let forgotten = 0
  for await (const one of cut.actors(kind)) {
    const since = known.get(one.address)
    if (to(one) || (since === undefined && !from(one))) continue
    if (since !== undefined) still.push([one.address, since])
    else if ((room -= bytesOf(one.address)) >= 0) added.push([one.address, cut.at])
    else forgotten++
  }
  const all = [...still.toSorted((a, b) => a[1] - b[1]), ...added]
  const pending = fitting(all)
  return { pending, forgotten: forgotten + all.length - pending.length }
}

/** Some are left for what stands around them. */
const bytesMost = keptMost - 64

/** At the most: two heads, the address and a number. */
function bytesOf(address: Address): number {
  return Buffer.byteLength(address) + 16
}

/** The oldest: they are late first. */
function fitting(pending: Pending): Pending {
  let room = bytesMost
  const end = pending.findIndex(([address]) => (room -= bytesOf(address)) < 0)
  return end < 0 ? pending : pending.slice(0, end)
}

/** What stands there may be what another invariant of this name kept, by an older definition. */
function pendingOf(before: unknown): Pending {
  const { pending } = (before ?? {}) as { readonly pending?: unknown }
  if (!Array.isArray(pending)) return []
  return pending.filter(
    (one): one is [Address, number] =>
      Array.isArray(one) && typeof one[0] === 'string' && isAddress(one[0]) && typeof one[1] === 'number',
  )
}

function lateText(address: Address, since: number, ms: number): string {
  return `${address} since ${new Date(since).toISOString()}, for ${Math.round(ms / 1000)} s`
}

function forgottenText(forgotten: number, kept: number): string {
  return `${forgotten} more are pending than can be remembered beside the oldest ${kept}: whether they come in time is not known`
}

function checked(name: string, eventual: Eventual): Eventual {
  const { kind, from, to, withinMs } = (eventual ?? {}) as { readonly [K in keyof Eventual]?: unknown }
  const reason =
    typeof from !== 'function' || typeof to !== 'function'
      ? 'from and to are not both functions'
      : typeof withinMs !== 'number' || !Number.isFinite(withinMs) || withinMs <= 0
        ? `withinMs is ${String(withinMs)}, and not a positive number`
        : kind !== undefined && typeof kind !== 'string'
          ? 'kind is not the name of one'
          : undefined
  if (reason !== undefined) throw new Fault('invariant.incomplete', { value: name, reason })
  return eventual
}
