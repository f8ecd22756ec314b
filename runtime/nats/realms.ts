/**
 * The realms beside each other on one JetStream. It serves "a fork is a second realm beside the
 * first". Invariants: what a stream says of itself decides whether it is a fork's; its log goes last,
 * so that a removal that died is begun again under the same name.
 */
import { Fault, isFault } from '#protocol/fault.ts'
import type { Fork } from '#protocol/fork.ts'
import { basesOf, parseRealmName, partsOf, type Realm } from '#protocol/realm.ts'
import type { Generations } from '#runtime/generations.ts'
import type { Realms, SeenFork } from '#runtime/realms.ts'
import type { BusOptions } from './bus-options.ts'
import { openGenerations } from './generations.ts'
import { isStreamOf } from './known-generations.ts'
import { openLine } from './open-line.ts'
import { forkMetadataKey, forkOf, stateOf, type StreamInfo } from './realm-stream.ts'
import { refusal } from './server-fault.ts'

type Page = { readonly total?: number; readonly streams?: readonly StreamInfo[] | null }

export async function openRealms(options: BusOptions): Promise<Realms> {
  const line = await openLine(options)
  const { call } = line.calls
  const absent = { absent: [refusal.streamNotFound] }

  async function listed(subject: string): Promise<readonly StreamInfo[]> {
    const found: StreamInfo[] = []
    for (;;) {
      const { streams, total = 0 } = (await call<Page>('STREAM.LIST', { subject, offset: found.length })) ?? {}
      found.push(...(streams ?? []))
      if ((streams ?? []).length === 0 || found.length >= total) return found
    }
  }

  return {
    async forks() {
      const logs = (await listed('*.commit.*')).filter(isFork)
      return logs.map(seenOf).toSorted((a, b) => (a.name < b.name ? -1 : 1))
    },
    generations: (realm): Promise<Generations & Partial<AsyncDisposable>> =>
      openGenerations({ ...options, realm, partitions: undefined, create: false }),
    async remove(realm) {
      const name = parseRealmName(realm)
      const logs = (await listed(`${name}.>`)).filter(({ config }) => isStreamOf(name, config.name))
      if (logs.length === 0) return false
      if (!logs.some(isFork)) throw new Fault('fork.notFork', { value: name })
      const generations = logs.map(realmOf).toSorted((a, b) => a.generation - b.generation)
      const [, , ...beside] = partsOf({ name, generation: 0 })
      const logNames = generations.map((one) => partsOf(one)[0])
      for (const stream of [...generations.map(basesOf), ...beside, ...logNames])
        await call(`STREAM.DELETE.${stream}`, {}, absent)
      return true
    },
    [Symbol.asyncDispose]: () => line[Symbol.asyncDispose](),
  }
}

function isFork({ config: { metadata = {} } }: StreamInfo): boolean {
  return metadata[forkMetadataKey] !== undefined
}

function realmOf({ config: { metadata = {}, name } }: StreamInfo): Realm {
  const generation = Number(metadata['perdure-generation'])
  return {
    name: name.replace(/_g\d+$/, ''),
    generation,
    partitions: Number(metadata['perdure-partitions']),
  }
}

function seenOf(info: StreamInfo): SeenFork {
  const { messages: entries, bytes } = info.state
  return { ...realmOf(info), state: stateOf(info.config), fork: readableFork(info), entries, bytes }
}

function readableFork({ config }: StreamInfo): Fork | undefined {
  try {
    return forkOf(config)
  } catch (error) {
    if (isFault(error, 'fork.unreadable')) return undefined
    throw error
  }
}
