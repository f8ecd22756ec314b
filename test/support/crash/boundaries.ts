/**
 * The boundaries of one event's way through a node, each a place to die at: between what is read
 * from the log and what is asked of it, of the store and of the outside world. Shared by the
 * process that dies and by the test that tells it where.
 */
import { writeSync } from 'node:fs'
import type { Bus, Entry } from '#runtime/bus.ts'
import { onTrace } from '#runtime/trace.ts'
import type { Store } from '#store/store.ts'

export const boundaries = [
  'claimed',
  'folding the past',
  'received',
  'stepped',
  'publishing',
  'published',
  'acknowledged',
  'committed',
  'folding',
  'folded',
  'effect begun',
  'effect ended',
  'result published',
  'result acknowledged',
] as const

export type Boundary = (typeof boundaries)[number]

/** At the nth time that this process comes there. */
export type Death = { readonly at: Boundary; readonly nth: number }

/** Ends this process as a power switch would: nothing is said, closed or flushed. */
function die({ at, nth }: Death): never {
  writeSync(1, `${JSON.stringify({ died: at, nth })}\n`)
  process.kill(process.pid, 'SIGKILL')
  // The signal is on its way; until it is here nothing more may happen.
  for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1000)
}

export type Reaper = { reach(boundary: Boundary): void }

export function reaperOf(death: Death | undefined): Reaper {
  let times = 0
  return {
    reach(boundary) {
      if (boundary === death?.at && ++times === death.nth) die(death)
    },
  }
}

const traced = {
  stepped: 'stepped',
  committed: 'committed',
  'effect.begun': 'effect begun',
  'effect.ended': 'effect ended',
  'partition.claimed': 'claimed',
} as const

export function reachByTrace({ reach }: Reaper): void {
  onTrace((event) => {
    if (event.is in traced) reach(traced[event.is as keyof typeof traced])
  })
}

export function mortalBus(bus: Bus, { reach }: Reaper): Bus {
  const isResult = ([entry]: readonly Entry[]): boolean => entry?.subject.split('.')[3] === 'e'

  async function append<T>(entries: readonly Entry[], send: () => Promise<T>): Promise<T> {
    const result = isResult(entries)
    if (!result) reach('publishing')
    const sending = send()
    // The client writes to the socket before the next turn: what dies now has sent it, and never hears.
    setImmediate(() => reach(result ? 'result published' : 'published'))
    const placed = await sending
    reach(result ? 'result acknowledged' : 'acknowledged')
    return placed
  }

  return {
    ...bus,
    append: (entry) => append([entry], () => bus.append(entry)),
    appendAll: (entries) => append(entries, () => bus.appendAll(entries)),
    read: (options) =>
      bus.read({
        ...options,
        onEntry(entry) {
          if (options.filter.includes('.in.')) reach('received')
          else if (options.filter === `${bus.realm.name}.>`) reach('folding the past')
          options.onEntry(entry)
        },
      }),
  }
}

export function mortalStore(store: Store, { reach }: Reaper): Store {
  // Its members live on it as they are; only the fold is watched.
  return Object.assign(Object.create(store) as Store, {
    async fold(...given: Parameters<Store['fold']>) {
      reach('folding')
      await store.fold(...given)
      reach('folded')
    },
  })
}
