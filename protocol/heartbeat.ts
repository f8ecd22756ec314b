/**
 * What a node says of itself several times a second: that it lives, what it can carry, what it
 * owns and follows. Live only, never stored. Invariant: a heartbeat decides nothing; it may be
 * late or lost, and the claim on the log stays the only proof of an ownership.
 */
import { decode, encode } from './codec.ts'
import { Fault } from './fault.ts'

/**
 * `joining`: not to be given anything yet; `ready`: takes its share; `leaving`: gives away what
 * it has; `mending`: the log lost its end, nobody claims; `gone`: its last word.
 */
export type NodePhase = 'joining' | 'ready' | 'leaving' | 'mending' | 'gone'

/** Partition, epoch of the claim, number of the last record, arrivals that wait. */
export type OwnedPartition = readonly [partition: number, epoch: number, n: number, waiting: number]

/** Partition, number of the last record that was folded, and whether the fold is at the log's end. */
export type FollowedPartition = readonly [partition: number, n: number, isClose: boolean]

export type Load = {
  /** Share of one core that the process used since the heartbeat before. */
  readonly cpu: number
  readonly memoryBytes: number
  readonly commitsPerSecond: number
  readonly actors: number
  readonly effects: number
  /** Actors that a lazy restore brought and that are not unpacked yet: for them it needs the key of the cut. */
  readonly packed?: number | undefined
}

export type Heartbeat = {
  readonly name: string
  /** Of this process: a restart under the same name is another life. */
  readonly life: string
  readonly since: number
  readonly beat: number
  readonly phase: NodePhase
  readonly capacity: number
  readonly labels: readonly string[]
  /** Kind, version, hash of the definition. */
  readonly kinds: readonly (readonly [kind: string, version: number, hash: string])[]
  readonly owned: readonly OwnedPartition[]
  readonly followed: readonly FollowedPartition[]
  readonly load: Load
  /** Of perdure, so that a mixed cluster shows. */
  readonly release: string
  /** How often the log was mended, as far as this node knows; one that still mends may only be late. */
  readonly incarnation?: number | undefined
  /** Partitions that it could not serve, and why. */
  readonly setbacks?: readonly Setback[] | undefined
  /** Partitions that it should follow and cannot now, and why; few of them stand for all. */
  readonly unfollowed?: readonly (readonly [partition: number, reason: string])[] | undefined
  /** It reads what was written before it followed: what it is given now pauses for longer than later. */
  readonly isCatchingUp?: boolean | undefined
  /** Of what it owns, what it does not serve yet. */
  readonly opening?: readonly number[] | undefined
}

/** `since`: when it could serve it again all the same; 0 while it cannot. */
export type Setback = readonly [partition: number, reason: string, since: number]

const format = 1

export function encodeHeartbeat(one: Heartbeat): Uint8Array {
  const { cpu, memoryBytes, commitsPerSecond, actors, effects, packed = 0 } = one.load
  return encode([
    format,
    one.name,
    one.life,
    one.since,
    one.beat,
    one.phase,
    one.capacity,
    one.labels,
    one.kinds,
    one.owned,
    one.followed,
    [cpu, memoryBytes, commitsPerSecond, actors, effects, packed],
    one.release,
    one.incarnation ?? 0,
    one.setbacks ?? [],
    one.unfollowed ?? [],
    one.isCatchingUp ?? false,
    one.opening ?? [],
  ])
}

export function decodeHeartbeat(bytes: Uint8Array): Heartbeat {
  const array = decode(bytes)
  if (!Array.isArray(array) || array[0] !== format || array.length < 13)
    throw new Fault('heartbeat.unknown', { size: bytes.length })
  const [, name, life, since, beat, phase, capacity, labels, kinds, owned, followed, load, release, ...later] = array
  const [incarnation = 0, setbacks = [], unfollowed = [], isCatchingUp = false, opening = []] = later
  const [cpu, memoryBytes, commitsPerSecond, actors, effects, packed = 0] = load as number[]
  return {
    name,
    life,
    since,
    beat,
    phase,
    capacity,
    labels,
    kinds,
    owned,
    followed,
    load: { cpu, memoryBytes, commitsPerSecond, actors, effects, packed: packed === 0 ? undefined : packed },
    release,
    incarnation,
    setbacks,
    unfollowed,
    isCatchingUp,
    opening,
  } as Heartbeat
}
