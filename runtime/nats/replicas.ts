/**
 * How many servers keep a realm, looked at and changed in place while it runs. It serves "the number
 * of replicas changes in place". Invariants: all parts of a realm are kept alike, earlier
 * generations and cuts as well; the log that serves comes last when copies become fewer and first
 * when they become more, because it is the truth; a change is over
 * when every copy has all that the leader has.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { Fault, isFault } from '#protocol/fault.ts'
import { partsOf } from '#protocol/realm.ts'
import type { BusOptions } from './bus-options.ts'
import { knownGenerations } from './known-generations.ts'
import { openLine } from './open-line.ts'
import type { StreamInfo } from './realm-stream.ts'
import { refusal } from './server-fault.ts'

export type Copy = {
  readonly server: string
  readonly isLeader: boolean
  readonly isCurrent: boolean
  /** Entries that it lacks. */
  readonly lag: number
}

export type Part = {
  readonly stream: string
  readonly wanted: number
  /** Empty where one server stands alone. */
  readonly copies: readonly Copy[]
}

export type Replicas = AsyncDisposable & {
  /** The log, the bases, the cuts, the registries, of every generation, as far as they are there. */
  look(): Promise<readonly Part[]>
  /** Resolves when it is so; begun, it goes on also when nobody waits for it. */
  set(count: number, onProgress: (parts: readonly Part[]) => void): Promise<readonly Part[]>
}

const lookMs = 200
/** Longer than any election. */
const changeMs = 30_000

export async function openReplicas(options: BusOptions): Promise<Replicas> {
  const { realm } = options
  const line = await openLine(options)
  const { link } = line
  const { call } = line.calls

  /** What serves first; of earlier generations the history that can still be read. */
  async function infos(): Promise<readonly StreamInfo[]> {
    const generations = (await knownGenerations(call, realm)).toReversed()
    if (generations.length === 0) throw new Fault('realm.missing', { value: realm })
    const streams = new Set(generations.flatMap(({ generation }) => partsOf(generation.realm)))
    const found = await Promise.all(
      [...streams].map((stream) => call<StreamInfo>(`STREAM.INFO.${stream}`, {}, { absent: [refusal.streamNotFound] })),
    )
    return found.filter((one) => one !== undefined)
  }

  /** A leader may die while it is asked; nothing here does harm when it is asked for twice. */
  async function insisting<T>(work: () => Promise<T>): Promise<T> {
    for (const until = performance.now() + changeMs; ; await delay(lookMs)) {
      try {
        return await work()
      } catch (error) {
        if (!isFault(error) || error.verdict !== 'retry' || performance.now() > until) throw error
        // What was refused is refused again.
        if (error.code === 'bus.refused') throw error
      }
    }
  }

  const look = (): Promise<readonly Part[]> => insisting(async () => (await infos()).map(partOf))

  async function change({ config }: StreamInfo, count: number): Promise<void> {
    try {
      await insisting(() => call(`STREAM.UPDATE.${config.name}`, { ...config, num_replicas: count }))
    } catch (error) {
      if (isFault(error, 'bus.refused'))
        throw new Fault('replicas.refused', { value: config.name, count, reason: error.message }, { cause: error })
      throw error
    }
  }

  return {
    look,
    async set(count, onProgress) {
      const all = await insisting(infos)
      if (count > 1 && link.cluster === undefined) throw new Fault('replicas.alone', { value: link.address, count })
      const isLess = count < (all[0]?.config.num_replicas ?? 1)
      for (const one of isLess ? all.toReversed() : all) if (one.config.num_replicas !== count) await change(one, count)
      for (;;) {
        const parts = await look()
        if (parts.every(isWhole)) return parts
        onProgress(parts)
        await delay(lookMs)
      }
    },
    [Symbol.asyncDispose]: () => line[Symbol.asyncDispose](),
  }
}

export function isWhole({ wanted, copies }: Part): boolean {
  const isAlone = wanted === 1 && copies.length <= 1
  return isAlone || (copies.length === wanted && copies.every(({ isCurrent }) => isCurrent))
}

function partOf({ config, cluster }: StreamInfo): Part {
  const { leader = '', replicas } = cluster ?? {}
  const others = (replicas ?? []).map(({ name, current, offline, lag = 0 }) => ({
    server: name,
    isLeader: false,
    isCurrent: current && offline !== true,
    lag,
  }))
  const first = leader === '' ? [] : [{ server: leader, isLeader: true, isCurrent: true, lag: 0 }]
  return { stream: config.name, wanted: config.num_replicas, copies: [...first, ...others] }
}
