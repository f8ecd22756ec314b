/**
 * What the nemesis strikes at: the shared workloads, and a pulse that never ends, so that each
 * moment in which a partition is not served shows as a hole. Invariant: events of one pulse are
 * numbered and sent in order, so that one that is missing, doubled or late is seen in its state.
 */
import { assign, setup } from 'xstate'
import { actor, type ActorKind } from '#protocol/actor.ts'
import { addressOf } from '#protocol/address.ts'
import { partitionOf } from '#protocol/partition.ts'
import type { RealmHandle } from '#runtime/client/realm-handle.ts'
import { everything } from '#test/support/workloads/everything.ts'
import { contextOf } from '#test/support/workloads/reader.ts'
import type { Workload } from '#test/support/workloads/workload.ts'

type Context = { readonly last: number; readonly count: number; readonly wrong: readonly string[] }

/** `times`: how often each event is taken, which is once but where a bug is planted. */
export const pulseKind = (times: number): ActorKind =>
  actor(
    'pulse',
    setup({
      types: { context: {} as Context, events: {} as { type: 'TICK'; n: number; pad?: string } },
    }).createMachine({
      id: 'pulse',
      context: { last: 0, count: 0, wrong: [] },
      on: {
        TICK: {
          actions: assign(({ context: { last, count, wrong }, event: { n } }) => ({
            last: Math.max(last, n),
            count: count + times,
            wrong: n > last ? wrong : [...wrong, `${n} after ${last}`].slice(-8),
          })),
        },
      },
    }),
  )

const pulse = pulseKind(1)

export const kindsOf = (): readonly ActorKind[] => [...everything().flatMap(({ kinds }) => kinds), pulse]

export type PulseOptions = {
  readonly partitions: number
  /** Over all partitions. */
  readonly eventsPerSecond: number
}

export type Pulse = {
  begin(realm: RealmHandle): void
  /** Sends no more; resolves when each that was sent is settled. */
  stop(): Promise<void>
  readonly sent: number
  readonly judge: Workload
}

const everyMs = 10
/** What is not answered yet; a server that is down is not drowned when it comes back. */
const openMost = 2000

export function pulseOf({ partitions, eventsPerSecond }: PulseOptions): Pulse {
  const keys = keysOf(partitions)
  const counts = keys.map(() => ({ asked: 0, done: 0 }))
  const open = new Set<Promise<void>>()
  let timer: NodeJS.Timeout | undefined
  let sent = 0

  function send(realm: RealmHandle): void {
    const at = sent++ % keys.length
    const count = counts[at] as (typeof counts)[number]
    const sending = realm
      .ref(pulse, keys[at] as string)
      .send({ type: 'TICK', n: ++count.asked })
      .then(
        () => void count.done++,
        () => undefined,
      )
      .finally(() => open.delete(sending))
    open.add(sending)
  }

  return {
    get sent() {
      return sent
    },
    begin(realm) {
      let due = 0
      let last = performance.now()
      timer = setInterval(() => {
        const now = performance.now()
        due += ((now - last) * eventsPerSecond) / 1000
        last = now
        for (; due >= 1; due--) if (open.size < openMost) send(realm)
      }, everyMs)
    },
    async stop() {
      clearInterval(timer)
      await Promise.all(open)
    },
    judge: {
      name: 'pulse',
      kinds: [pulse],
      drive: () => Promise.resolve(),
      audit: (reader) =>
        keys.flatMap((key, at) => {
          const { asked, done } = counts[at] as (typeof counts)[number]
          const { count, last, wrong } = contextOf<Context>(reader, addressOf('pulse', key)) ?? {
            count: 0,
            last: 0,
            wrong: [],
          }
          const faults = wrong.map((text) => `pulse/${key} was out of order: ${text}`)
          if (count < done) faults.push(`lost: pulse/${key} counts ${count}, and ${done} were acknowledged`)
          if (count > asked || last > asked) faults.push(`twice: pulse/${key} counts ${count}, and ${asked} were sent`)
          return faults
        }),
    },
  }
}

/** One key for each partition. */
function keysOf(partitions: number): readonly string[] {
  const found: string[] = []
  for (let at = 0; Object.keys(found).length < partitions; at++)
    found[partitionOf(addressOf('pulse', `${at}`), partitions)] ??= `${at}`
  return found
}
