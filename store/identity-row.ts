/**
 * Whose store this is and in which format. It serves the clause "LMDB follows the log": a store
 * that follows another log must not be mistaken for one that follows ours.
 */
import { decode, encode } from '#protocol/codec.ts'
import { Fault } from '#protocol/fault.ts'
import { sealed, unsealed } from './sealed.ts'
import type { StoreIdentity } from './store.ts'
import { entriesOf, type Tables } from './tables.ts'

export const storeFormat = 1

const key = Buffer.from('identity')

export async function checkIdentity(tables: Tables, dir: string, identity: StoreIdentity): Promise<void> {
  const row = tables.meta.get(key)
  if (row === undefined) {
    if (entriesOf(tables.actors) + entriesOf(tables.partitions) > 0)
      throw new Fault('store.corrupt', { value: dir, reason: 'it does not say whose it is' })
    await tables.write([
      {
        table: tables.meta,
        key,
        value: sealed(
          key,
          encode([storeFormat, identity.realm, identity.generation, identity.partitions, identity.log]),
        ),
      },
    ])
    return
  }
  const [format, realm, generation, partitions, log] = decode(unsealed(key, row, 'its identity')) as [
    number,
    string,
    number,
    number,
    string,
  ]
  if (format > storeFormat) throw new Fault('store.format', { value: dir, have: format, want: storeFormat })
  const have = { realm, generation, partitions, log }
  if (isSame(have, identity)) return
  if (have.realm === identity.realm && have.generation < identity.generation)
    throw new Fault('store.superseded', { value: dir, have: have.generation, want: identity.generation })
  throw new Fault('store.foreign', { value: dir, have: nameOf(have, identity), want: nameOf(identity, have) })
}

function isSame(a: StoreIdentity, b: StoreIdentity): boolean {
  return a.realm === b.realm && a.generation === b.generation && a.partitions === b.partitions && a.log === b.log
}

/** The realm's name, and after it whatever else is different. */
function nameOf(one: StoreIdentity, other: StoreIdentity): string {
  const parts = [one.realm]
  if (one.generation !== other.generation) parts.push(`generation ${one.generation}`)
  if (one.partitions !== other.partitions) parts.push(`${one.partitions} partitions`)
  if (one.log !== other.log) parts.push(`log of ${one.log}`)
  return parts.join(', ')
}
