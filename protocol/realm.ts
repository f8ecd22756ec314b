/** A realm is one world of actors: one stream, one partition count, one subject prefix. */
import { Fault } from './fault.ts'

export type Realm = {
  readonly name: string
  readonly generation: number
  readonly partitions: number
}

const realmPattern = /^[a-zA-Z][a-zA-Z0-9-]{0,31}$/

export function parseRealmName(name: string): string {
  if (!realmPattern.test(name)) throw new Fault('realm.invalid', { value: name })
  return name
}

/** The stream's name; generation 0 carries the realm's own name. */
export function streamOf(realm: Pick<Realm, 'name' | 'generation'>): string {
  return realm.generation === 0 ? realm.name : `${realm.name}_g${realm.generation}`
}

/**
 * The streams of which a realm consists: the log and the bases of a generation, and, beside all
 * generations, the cuts, the registries of kinds and of what is known of cuts.
 */
export function partsOf(
  realm: Pick<Realm, 'name' | 'generation'>,
): readonly [log: string, bases: string, cuts: string, ...registries: string[]] {
  const { name } = realm
  return [streamOf(realm), basesOf(realm), `OBJ_${name}_cuts`, `KV_${name}_kinds`, `KV_${name}_cuts`]
}

export function basesOf(realm: Pick<Realm, 'name' | 'generation'>): string {
  return `OBJ_${streamOf(realm)}_bases`
}

/** What the server says that leads a stream from now on, to everybody in the account. */
export function leaderElected(stream: string): string {
  return `$JS.EVENT.ADVISORY.STREAM.LEADER_ELECTED.${stream}`
}
