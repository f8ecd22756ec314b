/**
 * The generations of a realm over JetStream: one stream each. It serves "a new stream whose first
 * sequence lies above the old end". Invariant: the realm's subjects belong to one stream at a time,
 * and every write names its stream, so what was meant for an older one is refused by the server.
 */
import { basesOf, parseRealmName } from '#protocol/realm.ts'
import { storedSubjectsOf, subjects, transformOf } from '#protocol/subject.ts'
import type { Bus } from '#runtime/bus.ts'
import type { Generation, Generations } from '#runtime/generations.ts'
import { decideAttempt, reserveAttempt } from './attempts.ts'
import type { BusOptions } from './bus-options.ts'
import { type Known, knownGenerations } from './known-generations.ts'
import { openLine } from './open-line.ts'
import { openBus } from './open-bus.ts'
import { openRegistry } from './registry.ts'
import { configOf, forkMetadata } from './realm-stream.ts'
import { refusal } from './server-fault.ts'

export type OpenGenerations = Generations & AsyncDisposable

export async function openGenerations(options: BusOptions): Promise<OpenGenerations> {
  const name = parseRealmName(options.realm)
  const line = await openLine(options)
  const { link, calls, callMs } = line
  const { call } = calls
  const absent = { absent: [refusal.streamNotFound] }
  const notes = openRegistry(link, calls, {
    realm: { name, generation: 0, partitions: 0 },
    replicas: options.replicas,
    callMs,
    bucket: `${name}_cuts`,
  })

  const all = (): Promise<readonly Known[]> => knownGenerations(call, name)

  const newest = async (): Promise<Known | undefined> => (await all()).at(-1)

  async function update({ stream, info }: Known, change: object): Promise<void> {
    await call(`STREAM.UPDATE.${stream}`, { ...info.config, ...change })
  }

  const withState = ({ info }: Known, state: Generation['state']): object => ({
    metadata: { ...info.config.metadata, 'perdure-state': state },
  })

  async function finish(generation: number): Promise<void> {
    const found = (await all()).find((one) => one.generation.realm.generation === generation)
    if (found?.generation.state !== 'restoring') return
    await update(found, { ...withState(found, 'open'), ...takenBy(found) })
  }

  /** With what anybody may send to the realm. */
  const takenBy = ({ generation: { realm } }: Known): object => ({
    subjects: storedSubjectsOf(name),
    subject_transform: transformOf(name, realm.partitions),
  })

  async function discard(before: number): Promise<void> {
    for (const { stream, generation } of await all()) {
      if (generation.state !== 'restoring' || generation.realm.generation >= before) continue
      for (const each of [stream, basesOf(generation.realm)]) await call(`STREAM.DELETE.${each}`, {}, absent)
    }
  }

  const lookingAt = (generation: number): BusOptions => ({
    ...options,
    partitions: undefined,
    create: false,
    generation,
    mayRestore: true,
  })

  /** To those who would find it out by themselves, a little later. */
  function tell(): void {
    if (link.isUp()) link.publish(subjects.generation({ name }), new Uint8Array())
  }

  return {
    maxPayload: link.maxPayload,
    newest: async () => (await newest())?.generation,
    async reserve(above) {
      await notes.ensure()
      const { before, generation } = await reserveAttempt(notes, above)
      // It died between the decision and what everybody sees of it.
      if (before?.isDecided === true) await finish(before.generation)
      return generation
    },
    async seal() {
      const found = await newest()
      // One that is being restored belongs to somebody who came later.
      if (found?.generation.state !== 'open') return
      const { subject_transform: _, ...config } = found.info.config
      const sealed = [`${name}.sealed.g${found.generation.realm.generation}`]
      await call(`STREAM.UPDATE.${found.stream}`, { ...config, subjects: sealed, ...withState(found, 'sealed') })
      tell()
    },
    async begin({ generation, partitions, firstSeq, fork }): Promise<Bus> {
      const realm = { name, generation, partitions }
      // As many copies as the one before has: what was asked for when that was made.
      const before = await newest()
      const replicas = before?.info.config.num_replicas ?? options.replicas
      const { subject_transform: _, ...whole } = configOf(realm, { ...options, replicas })
      // What is sent from outside would come before what is restored: it is refused until all of it is there.
      const subjects = storedSubjectsOf(name).filter((subject) => subject !== publicOf(name))
      const config = { ...whole, subjects, first_seq: firstSeq }
      const metadata = {
        ...config.metadata,
        ...forkMetadata(fork ?? before?.generation.fork),
        'perdure-state': 'restoring',
      }
      await call(`STREAM.CREATE.${config.name}`, { ...config, metadata }, { waitMs: 10_000 })
      return openBus({ ...options, replicas, partitions, create: true, mayRestore: true, generation })
    },
    async open(generation) {
      await decideAttempt(notes, generation)
      await finish(generation)
      tell()
    },
    discard,
    async unseal() {
      await notes.ensure()
      const { before, generation } = await reserveAttempt(notes, 0)
      if (before?.isDecided === true) await finish(before.generation)
      await discard(generation)
      const found = await newest()
      if (found?.generation.state !== 'sealed') return undefined
      await update(found, { ...withState(found, 'open'), ...takenBy(found) })
      tell()
      return (await newest())?.generation
    },
    async past(generation) {
      const found = (await all()).find((one) => one.generation.realm.generation === generation)
      return found === undefined ? undefined : openBus(lookingAt(generation))
    },
    [Symbol.asyncDispose]: () => line[Symbol.asyncDispose](),
  }
}

const publicOf = (name: string): string => `${name}.to.*.*`
