/**
 * The way back of partitions whose rollout is undone: before one goes to a node with the old
 * version, this node steps its states down. It serves the clause "its new state". Invariant:
 * whoever cannot step down gets no partition from here that still has states to be stepped down.
 */
import type { Heartbeat } from '#protocol/heartbeat.ts'
import { storedFaultOf } from '#protocol/fault.ts'
import type { Blueprint } from '#runtime/core/blueprint.ts'
import type { KindEntry } from '#runtime/core/kind-entry.ts'
import { wayBack } from '#runtime/core/rollout.ts'
import type { Partition } from '#runtime/partition/partition.ts'
import { trace } from '#runtime/trace.ts'

export type Descent = { readonly kind: string; readonly version: number }

export type WaysBack = {
  /** Kinds whose states that node can read only after a step down, with the version it carries. */
  to(node: string): readonly Descent[]
  /** Whether all that is stored was stepped down; begins with it if need be. */
  prepare(partition: number, descent: Descent): boolean
  /** What somebody took back, or what is over. */
  tidy(): void
}

type World = {
  readonly kinds: ReadonlyMap<string, Blueprint>
  readonly owned: ReadonlyMap<number, Partition>
  readonly nodes: () => readonly Heartbeat[]
  readonly entries: () => readonly KindEntry[]
  readonly onPrepared: () => void
}

export function waysBackOf({ kinds, owned, nodes, entries, onPrepared }: World): WaysBack {
  /** By partition, epoch and kind. */
  const passes = new Map<string, 'running' | 'done'>()

  function isGoingBack(kind: string): boolean {
    const state = entries().find((entry) => entry.kind === kind)?.rollout?.state
    return state === 'undoing' || state === 'held'
  }

  return {
    to(node) {
      const carried = nodes().find(({ name }) => name === node)?.kinds ?? []
      return entries().flatMap((entry) => {
        const { kind } = entry
        const own = kinds.get(kind)?.version
        const version = carried.find(([one]) => one === kind)?.[1]
        if (own === undefined || version === undefined || version >= own || !isGoingBack(kind)) return []
        return wayBack(entry, version, own).is === 'down' ? [{ kind, version }] : []
      })
    },
    prepare(partition, { kind, version }) {
      const one = owned.get(partition)
      const key = `${partition} ${one?.position.epoch} ${kind}`
      const state = passes.get(key)
      if (state !== undefined || one === undefined) return state === 'done'
      passes.set(key, 'running')
      one.stepDown.begin(kind, version).then(
        () => {
          passes.set(key, 'done')
          onPrepared()
        },
        (error: unknown) => {
          passes.delete(key)
          trace({ is: 'duty.failed', fault: storedFaultOf(error) })
        },
      )
      return false
    },
    tidy() {
      for (const key of passes.keys()) {
        const [partition, epoch, kind = ''] = key.split(' ')
        const one = owned.get(Number(partition))
        if (one !== undefined && String(one.position.epoch) === epoch && isGoingBack(kind)) continue
        one?.stepDown.forget(kind)
        passes.delete(key)
      }
    },
  }
}
