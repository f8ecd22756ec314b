/**
 * The generations of a realm over JetStream: one stream each. It serves "a new stream whose first
 * sequence lies above the old end". Invariant: the realm's subjects belong to one stream at a time,
 * and every write names its stream, so what was meant for an older one is refused by the server.
 */
import { parseRealmName, streamOf } from '#protocol/realm.ts'
import { storedSubjectsOf } from '#protocol/subject.ts'
import type { Bus } from '#runtime/bus.ts'
import type { Generation, Generations } from '#runtime/generations.ts'
import { type BusOptions, busTimes } from './bus-options.ts'
import { openCalls } from './calls.ts'
import { openLink } from './link.ts'
import { openBus } from './open-bus.ts'
import { openReplies } from './replies.ts'
import { configOf, stateOf, type StreamInfo } from './realm-stream.ts'
import { refusal } from './server-fault.ts'

export type OpenGenerations = Generations & AsyncDisposable

export async function openGenerations(options: BusOptions): Promise<OpenGenerations> {
  const times = { ...busTimes, ...options.times }
  const name = parseRealmName(options.realm)
  const link = await openLink(options, times)
  const replies = openReplies(link, options.inboxPrefix)
  const { call } = openCalls(link, replies, { realm: name, callMs: times.callMs })
  const absent = { absent: [refusal.streamNotFound] }

  /** Every stream of the realm, the newest last. */
  async function all(): Promise<readonly Known[]> {
    const known: Known[] = []
    for (let generation = 0, missing = 0; missing < 2; generation++) {
      const stream = streamOf({ name, generation })
      const info = await call<StreamInfo>(`STREAM.INFO.${stream}`, {}, absent)
      // The first may have been removed once it was not needed any more.
      if (info === undefined) missing++
      else known.push({ stream, info, generation: knownOf(name, info) })
    }
    return known
  }

  const newest = async (): Promise<Known | undefined> => (await all()).at(-1)

  async function update({ stream, info }: Known, change: object): Promise<void> {
    await call(`STREAM.UPDATE.${stream}`, { ...info.config, ...change })
  }

  const withState = ({ info }: Known, state: Generation['state']): object => ({
    metadata: { ...info.config.metadata, 'perdure-state': state },
  })

  return {
    newest: async () => (await newest())?.generation,
    async seal() {
      const found = await newest()
      if (found === undefined || found.generation.state === 'sealed') return
      const { subject_transform: _, ...config } = found.info.config
      const subjects = [`${name}.sealed.g${found.generation.realm.generation}`]
      await call(`STREAM.UPDATE.${found.stream}`, { ...config, subjects, ...withState(found, 'sealed') })
    },
    async begin({ generation, partitions, firstSeq }): Promise<Bus> {
      const realm = { name, generation, partitions }
      const config = { ...configOf(realm, options), first_seq: firstSeq }
      const metadata = { ...config.metadata, 'perdure-state': 'restoring' }
      await call(`STREAM.CREATE.${config.name}`, { ...config, metadata }, { waitMs: 10_000 })
      return openBus({ ...options, partitions, create: true, mayRestore: true })
    },
    async open() {
      const found = await newest()
      if (found !== undefined) await update(found, withState(found, 'open'))
    },
    async discard() {
      const found = await newest()
      if (found?.generation.state !== 'restoring') return
      for (const stream of [found.stream, `OBJ_${found.stream}_bases`])
        await call(`STREAM.DELETE.${stream}`, {}, absent)
    },
    async past(generation) {
      const found = (await all()).find((one) => one.generation.realm.generation === generation)
      return found === undefined ? undefined : openBus({ ...options, create: false, generation })
    },
    async [Symbol.asyncDispose]() {
      replies.close()
      await link.close()
    },
  }
}

type Known = { readonly stream: string; readonly info: StreamInfo; readonly generation: Generation }

function knownOf(name: string, info: StreamInfo): Generation {
  const { metadata = {}, subjects = [] } = info.config
  const partitions = Number(metadata['perdure-partitions'])
  const serves = subjects.includes(storedSubjectsOf(name)[0] as string)
  return {
    realm: { name, generation: Number(metadata['perdure-generation']), partitions },
    state: serves ? stateOf(info.config) : 'sealed',
    createdAt: info.created,
    firstSeq: info.state.first_seq,
    lastSeq: info.state.last_seq,
  }
}
