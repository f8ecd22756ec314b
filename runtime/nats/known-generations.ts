/**
 * Which generations of a realm a server has: the one that serves, those that were sealed, one that is
 * being restored. Invariant: a stream is one of them by its name and by what it says of itself, so
 * another realm's whose name begins alike is never taken for one.
 */
import { type Realm, streamOf } from '#protocol/realm.ts'
import type { Generation } from '#runtime/generations.ts'
import type { Calls } from './calls.ts'
import { forkOf, stateOf, type StreamInfo } from './realm-stream.ts'
import { refusal } from './server-fault.ts'

export type Known = { readonly stream: string; readonly info: StreamInfo; readonly generation: Generation }

/** The newest last. */
export async function knownGenerations(call: Calls['call'], name: string): Promise<readonly Known[]> {
  // A sealed one keeps a subject of its own, below the realm's.
  const { streams } = (await call<{ streams?: string[] | null }>('STREAM.NAMES', { subject: `${name}.>` })) ?? {}
  const known: Known[] = []
  for (const stream of streams ?? []) {
    if (!isStreamOf(name, stream)) continue
    const info = await call<StreamInfo>(`STREAM.INFO.${stream}`, {}, { absent: [refusal.streamNotFound] })
    if (info !== undefined) known.push({ stream, info, generation: knownOf(name, info) })
  }
  return known.sort((a, b) => a.generation.realm.generation - b.generation.realm.generation)
}

/** By its name: the log of a generation of this realm. */
export function isStreamOf(name: string, stream: string): boolean {
  const [, generation] = /_g(\d+)$/.exec(stream) ?? []
  return stream === streamOf({ name, generation: Number(generation ?? 0) })
}

function knownOf(name: string, info: StreamInfo): Generation {
  const { metadata = {}, subjects = [] } = info.config
  const partitions = Number(metadata['perdure-partitions'])
  const serves = subjects.includes(`${name}.commit.*`)
  const realm: Realm = { name, generation: Number(metadata['perdure-generation']), partitions }
  return {
    realm,
    state: serves ? stateOf(info.config) : 'sealed',
    createdAt: info.created,
    firstSeq: info.state.first_seq,
    lastSeq: info.state.last_seq,
    fork: forkOf(info.config),
  }
}
