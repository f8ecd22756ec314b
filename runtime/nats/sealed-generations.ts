/**
 * What restores left behind: the generations before the present one, sealed. They are what is replayed,
 * what a restore that is given up goes back to, and the past that can be looked at, so nothing removes
 * them by itself. It serves "a restore makes the next generation". Invariant: only what is sealed and
 * older than a generation that serves ever goes.
 */
import { Fault } from '#protocol/fault.ts'
import { basesOf, parseRealmName, streamOf } from '#protocol/realm.ts'
import type { BusOptions } from './bus-options.ts'
import { knownGenerations } from './known-generations.ts'
import { openLine } from './open-line.ts'
import type { StreamInfo } from './realm-stream.ts'
import { refusal } from './server-fault.ts'

export type SealedGeneration = {
  readonly generation: number
  readonly createdAt: string
  /** Of its log and its bases, on each server that keeps them. */
  readonly bytes: number
}

export type SealedGenerations = AsyncDisposable & {
  list(): Promise<readonly SealedGeneration[]>
  /** All of them; says which. What serves must serve: while a restore is under way nothing goes. */
  forget(): Promise<readonly SealedGeneration[]>
}

export async function openSealedGenerations(options: BusOptions): Promise<SealedGenerations> {
  const name = parseRealmName(options.realm)
  const line = await openLine(options)
  const { call } = line.calls
  const absent = { absent: [refusal.streamNotFound] }

  async function all(): Promise<{ readonly isServed: boolean; readonly sealed: readonly SealedGeneration[] }> {
    const known = await knownGenerations(call, name)
    const serving = known.findLast(({ generation }) => generation.state === 'open')?.generation.realm.generation
    const before = known.filter(
      ({ generation: { state, realm } }) => state === 'sealed' && realm.generation < (serving ?? 0),
    )
    const sealed = before.map(async ({ info, generation: { realm, createdAt } }) => {
      const bases = await call<StreamInfo>(`STREAM.INFO.${basesOf(realm)}`, {}, absent)
      const bytes = info.state.bytes + (bases?.state.bytes ?? 0)
      return { generation: realm.generation, createdAt, bytes }
    })
    return { isServed: known.at(-1)?.generation.state === 'open', sealed: await Promise.all(sealed) }
  }

  return {
    list: async () => (await all()).sealed,
    async forget() {
      const { isServed, sealed } = await all()
      if (!isServed) throw new Fault('realm.restoring', { value: name })
      // The log last: as long as it is there, so is what says that there is something to remove.
      for (const { generation } of sealed)
        for (const stream of [basesOf({ name, generation }), streamOf({ name, generation })])
          await call(`STREAM.DELETE.${stream}`, {}, absent)
      return sealed
    },
    [Symbol.asyncDispose]: () => line[Symbol.asyncDispose](),
  }
}
