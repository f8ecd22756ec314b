/**
 * Live views of actors: the owner tells each committed state to whoever watches, for a lease
 * that the watcher renews. A view is for looking, never for deciding: after a crash of the owner
 * it is behind until the next renewal, and never goes back.
 */
import type { Address } from '#protocol/address.ts'
import { isFault } from '#protocol/fault.ts'
import { partitionOf } from '#protocol/partition.ts'
import { type Answered, decodeAnswered, type Query, type Seen } from '#protocol/query.ts'
import { type ActorState, decodeState } from '#protocol/state.ts'
import { subjects } from '#protocol/subject.ts'
import type { Bus } from '#runtime/bus.ts'
import { type Clock, pause } from '#runtime/clock.ts'
import { gather } from './gather.ts'

export type ViewOptions = { readonly queryTimeoutMs: number; readonly leaseMs: number }

export type Views = {
  query<T>(partition: number, query: Query): Promise<T>
  state(address: Address): Promise<ActorState | undefined>
  /** Calls with the present state at once, then with each that follows. */
  watch(address: Address, on: (state: ActorState | undefined) => void): { readonly first: Promise<void>; stop(): void }
  stop(): void
}

type View = {
  readonly on: Set<(state: ActorState | undefined) => void>
  last: ActorState | undefined
  known: boolean
  steps: number
  first: Promise<void>
  renew(): Promise<void>
  stop(): void
}

const betweenOwnersMs = 1_500
const askAgainMs = 50

export function viewsOf({ bus, clock }: { readonly bus: Bus; readonly clock: Clock }, options: ViewOptions): Views {
  const views = new Map<Address, View>()
  let isOver = false

  /** A partition that moves has no owner for a moment, and one whose owner died for a little longer. */
  async function query<T>(partition: number, asked: Query): Promise<T> {
    const until = clock.now() + Math.min(options.queryTimeoutMs, betweenOwnersMs)
    for (;;) {
      try {
        return await gather(bus, { partition, query: asked }, options.queryTimeoutMs)
      } catch (error) {
        if (!isFault(error, 'partition.unowned') || clock.now() >= until || isOver) throw error
        await pause(clock, askAgainMs)
      }
    }
  }

  const partitionFor = (address: Address): number => partitionOf(address, bus.realm.partitions)

  /** An observer that throws is its program's mistake; inside the connection it would end that for everybody. */
  function tellOne(on: (state: ActorState | undefined) => void, state: ActorState | undefined): void {
    try {
      on(state)
    } catch (error) {
      queueMicrotask(() => {
        throw error
      })
    }
  }

  function openView(address: Address): View {
    const inbox = bus.inbox()
    let stopped = false
    let alarm: { cancel(): void } | undefined
    let isNew = false
    let fetching = false
    const view: View = {
      on: new Set(),
      last: undefined,
      known: false,
      steps: -1,
      first: Promise.resolve(),
      renew,
      stop,
    }

    function show(seen: Seen): void {
      const state = stateOf(seen)
      const isLater = state === undefined || state.steps > view.steps || state.bornAt > (view.last?.bornAt ?? 0)
      if (view.known && (!isLater || (state === undefined && view.last === undefined))) return
      view.last = state
      view.steps = state?.steps ?? -1
      view.known = true
      for (const on of [...view.on]) tellOne(on, state)
    }

    const hearing = bus.hear(inbox, (data) => {
      const told: Answered<Seen> = decodeAnswered(data)
      if (stopped) return
      if ('ok' in told) show(told.ok)
      else if ('again' in told) void fetch()
    })

    /** One at a time; what is told meanwhile is in the next. */
    async function fetch(): Promise<void> {
      isNew = true
      if (fetching) return
      fetching = true
      while (isNew && !stopped) {
        isNew = false
        await renew().catch(() => undefined)
      }
      fetching = false
    }

    async function renew(): Promise<void> {
      try {
        const seen = await query<Seen>(partitionFor(address), { is: 'watch', address, inbox, leaseMs: options.leaseMs })
        if (!stopped) show(seen)
      } finally {
        alarm?.cancel()
        if (!stopped) alarm = clock.at(clock.now() + options.leaseMs / 2, () => void renew().catch(() => undefined))
      }
    }

    function stop(): void {
      if (stopped) return
      stopped = true
      alarm?.cancel()
      hearing.stop()
      views.delete(address)
      void query(partitionFor(address), { is: 'unwatch', address, inbox }).catch(() => undefined)
    }
    view.first = renew()
    return view
  }

  // What was told meanwhile is lost, and the owner may be another one that knows of no watcher.
  let isFirst = true
  const connection = bus.onState((state) => {
    if (state === 'connected' && !isFirst) for (const view of views.values()) view.renew().catch(() => undefined)
    isFirst = false
  })

  // An owner that begins knows of no watcher either.
  const owners = bus.hear(subjects.owned(bus.realm, '*'), (_, subject) => {
    const partition = Number(subject.slice(subject.lastIndexOf('.') + 1))
    for (const [address, view] of views) if (partitionFor(address) === partition) view.renew().catch(() => undefined)
  })

  return {
    query,
    async state(address) {
      const seen = await query<Seen>(partitionFor(address), { is: 'state', address })
      return stateOf(seen)
    },
    watch(address, on) {
      const view = views.get(address) ?? openView(address)
      views.set(address, view)
      view.on.add(on)
      if (view.known) on(view.last)
      return {
        first: view.first,
        stop() {
          view.on.delete(on)
          if (view.on.size === 0) view.stop()
        },
      }
    },
    stop() {
      isOver = true
      owners.stop()
      connection.stop()
      for (const view of [...views.values()]) view.stop()
    },
  }
}

/** A deleted actor may still have actions to run; to all but those who operate, it is gone. */
function stateOf({ state: bytes }: Seen): ActorState | undefined {
  const state = bytes === undefined ? undefined : decodeState(bytes)
  return state?.book.ended?.reason === 'deleted' ? undefined : state
}
