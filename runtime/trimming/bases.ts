/**
 * Bases of partitions: what a fold holds, uploaded before the log forgets it. Invariants: a base
 * is named by the number of the last record in it, and never overwritten, so an owner that does
 * not know yet that it is one no more can add nothing but an older one; a store whose number is
 * below that of the newest base may miss what was trimmed, and starts again from it.
 */
import { cutNames } from '#protocol/cut.ts'
import type { Store } from '#store/store.ts'
import type { Bus } from '#runtime/bus.ts'
import { trace } from '#runtime/trace.ts'

type World = { readonly bus: Bus; readonly store: Store }

/** `seq`: all records of the partition up to there on the log are in the base. */
export type Uploaded = { readonly partition: number; readonly n: number; readonly seq: number; readonly bytes: number }

/** `isAgain`: also over one of the same records, which says the same in another way. */
export type UploadOptions = { readonly isAgain?: boolean }

/** Uploads what is not there yet, and removes what it makes useless. */
export async function uploadBase(
  { bus, store }: World,
  partition: number,
  { isAgain = false }: UploadOptions = {},
): Promise<Uploaded> {
  // Before the base is made: it may hold more than this says, and never less.
  const { n, seq } = store.partition(partition) ?? { n: 0, seq: 0 }
  const name = baseName(partition, n)
  const present = basesOf(await bus.blobs.names()).filter((one) => one.partition === partition)
  let bytes = 0
  if (!present.some((one) => one.n > n || (one.n === n && !isAgain))) {
    const begunAt = performance.now()
    const base = await store.base(partition)
    await bus.blobs.put(name, base)
    bytes = base.length
    trace({ is: 'base.uploaded', partition, n, bytes, ms: Math.round(performance.now() - begunAt) })
  }
  // Of each partition only the newest is of use; who reads an older one finds it gone and looks again.
  for (const older of present) if (older.n < n) await bus.blobs.remove(older.name)
  return { partition, n, seq, bytes }
}

/** Of each partition, the number up to which there is a base. */
export async function newestBases(bus: Bus): Promise<ReadonlyMap<number, Base>> {
  const newest = new Map<number, Base>()
  for (const base of basesOf(await bus.blobs.names())) {
    if (base.n > (newest.get(base.partition)?.n ?? 0)) newest.set(base.partition, base)
  }
  return newest
}

export type TakeOptions = {
  readonly listed?: () => Promise<ReadonlyMap<number, Base>>
  /** It is in the store; the others may still be on their way. */
  readonly onTaken?: (partition: number) => void
}

/** Brings the store to the newest base where it is behind that; says for which partitions it did. */
export async function takeNewerBases(
  { bus, store }: World,
  partitions: readonly number[],
  { listed = () => newestBases(bus), onTaken }: TakeOptions = {},
): Promise<readonly number[]> {
  const newest = await listed()
  const newer = partitions.flatMap((partition) => {
    const base = newest.get(partition)
    return base === undefined || base.n <= (store.partition(partition)?.n ?? 0) ? [] : [base]
  })
  const waiting = [...newer]
  const lane = async (): Promise<void> => {
    for (let base = waiting.shift(); base !== undefined; base = waiting.shift())
      if (await takeBase({ bus, store }, base)) onTaken?.(base.partition)
  }
  // Also after a failure all of them end before anybody tries again: nothing is loaded twice at a time.
  const ended = await Promise.allSettled(Array.from({ length: takenAtOnce }, lane))
  for (const one of ended) if (one.status === 'rejected') throw one.reason
  return newer.map(({ partition }) => partition)
}

/** While one goes into the store others are on their way, and no more than that is held in memory. */
const takenAtOnce = 3

async function takeBase({ bus, store }: World, { partition, n, name }: Base): Promise<boolean> {
  const bytes = await bus.blobs.get(name)
  // A newer one has taken its place meanwhile.
  if (bytes === undefined) return false
  trace({ is: 'base.taken', partition, from: store.partition(partition)?.n ?? 0, to: n })
  await store.dropPartition(partition)
  await store.loadBase(bytes, segmentsBeside(bus))
  return true
}

/** Segments that a base names lie with the cuts. */
export function segmentsBeside({ cuts }: Pick<Bus, 'cuts'>): (id: string) => Promise<Uint8Array | undefined> {
  return (id) => cuts.get(cutNames.segment(id))
}

/** Of a log that was mended without whoever made them: what is in them never was on it. */
export async function removeBasesAbove(bus: Bus, numbers: ReadonlyMap<number, number>): Promise<void> {
  for (const { partition, n, name } of basesOf(await bus.blobs.names()))
    if (n > (numbers.get(partition) ?? Number.POSITIVE_INFINITY)) await bus.blobs.remove(name)
}

export type Base = { readonly partition: number; readonly n: number; readonly name: string }

function baseName(partition: number, n: number): string {
  return `base.${partition}.${n}`
}

function basesOf(names: readonly string[]): Base[] {
  return names.flatMap((name) => {
    const [, partition, n] = /^base\.(\d+)\.(\d+)$/.exec(name) ?? []
    return partition === undefined ? [] : [{ partition: Number(partition), n: Number(n), name }]
  })
}
