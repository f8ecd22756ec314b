/**
 * The stream that is the realm: found, checked, or made. It keeps the invariant that a public
 * address accepts nothing but an event: the stream has no schedules, rollup or per-message TTL,
 * because with any of them one header from an outsider could wipe the realm.
 */
import { Fault } from '#protocol/fault.ts'
import { type Fork, forkText, parseFork } from '#protocol/fork.ts'
import { parseRealmName, type Realm, streamOf } from '#protocol/realm.ts'
import { storedSubjectsOf, transformOf } from '#protocol/subject.ts'
import type { Generation } from '#runtime/generations.ts'
import { type BusOptions, duplicateWindowMs } from './bus-options.ts'
import type { Calls } from './calls.ts'
import { refusal } from './server-fault.ts'

/** The format of what the log holds; the next release reads this one too. */
const format = 1
/** A release that knows no forks must not serve one: it would let its effects out. */
const forkFormat = 2

export type RealmStream = {
  readonly realm: Realm
  readonly fork: Fork | undefined
  readonly stream: string
  readonly replicas: number
}

export type StreamConfig = {
  readonly name: string
  readonly storage?: string
  readonly discard?: string
  readonly max_consumers?: number
  readonly duplicate_window?: number
  readonly allow_direct?: boolean
  readonly subjects?: readonly string[]
  readonly subject_transform?: { readonly src: string; readonly dest: string }
  readonly metadata?: Readonly<Record<string, string>>
  readonly num_replicas: number
  readonly allow_atomic?: boolean
  readonly allow_rollup_hdrs?: boolean
  readonly allow_msg_schedules?: boolean
  readonly allow_msg_ttl?: boolean
  readonly allow_msg_counter?: boolean
  readonly deny_purge?: boolean
  readonly sealed?: boolean
  readonly retention?: string
  readonly max_age?: number
  readonly max_msgs?: number
  readonly max_bytes?: number
  readonly max_msgs_per_subject?: number
}

export type StreamInfo = {
  readonly config: StreamConfig
  readonly created: string
  readonly state: {
    readonly first_seq: number
    readonly last_seq: number
    readonly messages: number
    readonly bytes: number
  }
  /** Of one server alone there is none. */
  readonly cluster?: {
    /** Empty, or not there: whoever answers knows none. */
    readonly leader?: string
    readonly replicas?:
      | readonly {
          readonly name: string
          /** It has all that the leader has, and by how many entries it is behind. */
          readonly current: boolean
          readonly lag?: number
          readonly offline?: boolean
          /** Nanoseconds since it was heard. */
          readonly active: number
        }[]
      | null
  }
}

export async function openRealmStream({ call }: Calls, options: BusOptions, address: string): Promise<RealmStream> {
  const name = parseRealmName(options.realm)
  // Two nodes may make the realm at the same moment: the second then finds what the first made.
  for (let attempt = 1; ; attempt++) {
    const found = await find(call, name, { address, generation: options.generation })
    if (found !== undefined) return check(found.config, name, options)
    if (!options.create) throw new Fault('realm.missing', { value: name })
    const made = await make(call, name, options)
    if (made !== undefined) return check(made.config, name, options)
    if (attempt === 3) throw new Fault('realm.taken', { value: name, stream: name })
  }
}

type Wanted = { readonly address: string; readonly generation: number | undefined }

async function find(
  call: Calls['call'],
  name: string,
  { address, generation }: Wanted,
): Promise<StreamInfo | undefined> {
  const fence = `${name}.commit.*`
  const absent = { absent: [refusal.streamNotFound] }
  if (generation !== undefined) return call(`STREAM.INFO.${streamOf({ name, generation })}`, {}, absent)
  const nobody = new Fault('bus.noJetStream', { value: address })
  const first = await call<StreamInfo>(`STREAM.INFO.${name}`, {}, { ...absent, nobody })
  if (first?.config.subjects?.includes(fence)) return first
  // A later generation is another stream that has taken the subjects over.
  const holders = await call<{ streams?: string[] | null }>('STREAM.NAMES', { subject: fence })
  const holder = holders?.streams?.[0]
  const found = holder === undefined ? undefined : await call<StreamInfo>(`STREAM.INFO.${holder}`, {}, absent)
  if (found !== undefined) return found
  // Between two generations nobody has the subjects, or in a cluster one of which not every server knows yet.
  const isBetween = first !== undefined && stateOf(first.config) === 'sealed'
  if (isBetween || holder !== undefined) throw new Fault('realm.restoring', { value: name })
  if (first === undefined) return undefined
  throw new Fault('realm.taken', { value: name, stream: name })
}

export const forkMetadataKey = 'perdure-fork'

/** Of a realm that is a fork: of what. */
export function forkOf({ metadata = {} }: StreamConfig): Fork | undefined {
  const text = metadata[forkMetadataKey]
  return text === undefined ? undefined : parseFork(text)
}

/** What a stream of a fork says of itself besides what any says. */
export function forkMetadata(fork: Fork | undefined): Record<string, string> {
  return fork === undefined ? {} : { 'perdure-format': String(forkFormat), [forkMetadataKey]: forkText(fork) }
}

/** One that was never restored says nothing of it. */
export function stateOf({ metadata = {} }: StreamConfig): Generation['state'] {
  const state = metadata['perdure-state']
  return state === 'sealed' || state === 'restoring' ? state : 'open'
}

async function make(call: Calls['call'], name: string, options: BusOptions): Promise<StreamInfo | undefined> {
  const partitions = options.partitions ?? options.defaultPartitions
  if (partitions === undefined) throw new RangeError('A realm cannot be made without a number of partitions.')
  const config = configOf({ name, generation: 0, partitions }, options)
  const absent = [refusal.streamNameInUse, refusal.subjectsOverlap]
  return call<StreamInfo>(`STREAM.CREATE.${config.name}`, config, { absent, waitMs: 10_000 })
}

export function configOf(realm: Realm, options: BusOptions): StreamConfig {
  const { name, partitions, generation } = realm
  const window = options.duplicateWindowMs ?? duplicateWindowMs
  return {
    name: streamOf(realm),
    subjects: storedSubjectsOf(name),
    subject_transform: transformOf(name, partitions),
    storage: 'file',
    num_replicas: options.replicas,
    retention: 'limits',
    // No limit ever removes an entry: trimming is ours, behind the fold.
    discard: 'old',
    max_age: 0,
    max_msgs: -1,
    max_bytes: -1,
    max_msgs_per_subject: -1,
    // Left out, a server-wide default of 1000 applies, and a large cluster of readers meets it.
    max_consumers: -1,
    duplicate_window: window * 1_000_000,
    allow_atomic: true,
    allow_direct: true,
    allow_rollup_hdrs: false,
    metadata: {
      'perdure-format': String(format),
      'perdure-partitions': String(partitions),
      'perdure-generation': String(generation),
    },
  }
}

function check(config: StreamConfig, name: string, options: BusOptions): RealmStream {
  const { metadata = {} } = config
  const have = Number(metadata['perdure-format'])
  const partitions = Number(metadata['perdure-partitions'])
  const generation = Number(metadata['perdure-generation'])
  if (!(have > 0) || !(partitions > 0) || !(generation >= 0)) {
    throw new Fault('realm.taken', { value: name, stream: config.name })
  }
  const fork = forkOf(config)
  const want = fork === undefined ? format : forkFormat
  if (have > want) throw new Fault('realm.format', { value: name, have, want })
  if (options.partitions !== undefined && options.partitions !== partitions) {
    throw new Fault('realm.mismatch', { value: name, have: partitions, want: options.partitions })
  }
  // Who restores it, and who looks back at an earlier generation, knows what it is.
  if (stateOf(config) === 'restoring' && options.mayRestore !== true)
    throw new Fault('realm.restoring', { value: name })
  if (options.generation !== undefined)
    return { realm: { name, generation, partitions }, fork, stream: config.name, replicas: config.num_replicas }
  const problems = problemsOf(config, name, partitions)
  if (problems.length > 0) throw new Fault('realm.altered', { value: name, problems: problems.join('; ') })
  return { realm: { name, generation, partitions }, fork, stream: config.name, replicas: config.num_replicas }
}

/** What would lose entries, let outsiders harm the realm, or send them to the wrong partition. */
function problemsOf(config: StreamConfig, name: string, partitions: number): string[] {
  const transform = transformOf(name, partitions)
  const must: readonly (readonly [boolean, string])[] = [
    [config.allow_atomic === true, 'atomic publishing is off'],
    [config.allow_rollup_hdrs !== true, 'rollup headers are allowed'],
    [config.allow_msg_schedules !== true, 'message schedules are allowed'],
    [config.allow_msg_ttl !== true, 'per-message TTL is allowed'],
    [config.allow_msg_counter !== true, 'message counters are allowed'],
    [config.deny_purge !== true, 'purging is denied'],
    [config.sealed !== true, 'the stream is sealed'],
    [config.retention === undefined || config.retention === 'limits', `retention is ${config.retention}`],
    [!(Number(config.max_age) > 0), 'max_age removes entries'],
    [!(Number(config.max_msgs) > 0), 'max_msgs removes entries'],
    [!(Number(config.max_bytes) > 0), 'max_bytes removes entries'],
    [!(Number(config.max_msgs_per_subject) > 0), 'max_msgs_per_subject removes entries'],
    [
      config.subject_transform?.src === transform.src && config.subject_transform.dest === transform.dest,
      `the subject transform is not ${transform.dest}`,
    ],
    ...storedSubjectsOf(name).map(
      (subject) => [config.subjects?.includes(subject) === true, `it does not store ${subject}`] as const,
    ),
  ]
  return must.filter(([holds]) => !holds).map(([, problem]) => problem)
}
