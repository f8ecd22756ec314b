/**
 * The wire between one connection and the memory log: every request takes a leg there and a leg
 * back, in order, and a simulation may lose either, hold one back, cut the wire or kill the
 * process behind it. Invariant: whatever happens to the wire, the log stores a request whole or
 * not at all, and the sender learns no more than a real one would.
 */
import { Fault } from '#protocol/fault.ts'
import type { BusState, Entry } from '#runtime/bus.ts'
import type { Clock } from '#runtime/clock.ts'

export type MemoryOp =
  | { readonly is: 'append'; readonly entries: readonly Entry[] }
  | { readonly is: 'deliver'; readonly filter: string; readonly seq: number; readonly subject: string }
  | { readonly is: 'request' | 'tell'; readonly subject: string }
  | { readonly is: 'call'; readonly what: string }

/**
 * - `lose`: never arrives; of a delivery, a gap that the reader must notice.
 * - `lose-ack`: done, but the caller is told `bus.timeout`.
 * - `holdUntil`: the caller is told `bus.timeout`; the original arrives once the promise resolves.
 * - `duplicate`: a delivery that comes twice.
 */
export type Disturbance = 'ok' | 'lose' | 'lose-ack' | 'duplicate' | { readonly holdUntil: Promise<unknown> }

export type Disturb = (op: MemoryOp) => Disturbance

/** What becomes of requests that are on their way when the wire is cut or the process dies. */
export type InFlight = 'stored' | 'lost'

export type WireOptions = {
  readonly clock: Clock
  /** Of one leg; 0 is a microtask. */
  readonly latencyMs: number
  /** Until a lost acknowledgement is given up; 0 is at once. */
  readonly ackMs: number
  readonly isServerUp: () => boolean
}

export type Wire = {
  state(): BusState | 'dead'
  ask(op: MemoryOp): Disturbance
  /** Runs at the log; its result or fault comes back. */
  request<T>(op: MemoryOp, atLog: () => T): Promise<T>
  /** Runs at the log, if it arrives. */
  send(op: MemoryOp, atLog: () => void): void
  /** One leg towards this connection. */
  arrive(call: () => void): void
  become(state: BusState | 'dead', inFlight?: InFlight): void
  onState(on: (state: BusState) => void): { stop(): void }
  disturb(hook: Disturb | undefined): void
}

type Flight = { reject(fault: Fault): void; lost: boolean }

export function openWire({ clock, latencyMs, ackMs, isServerUp }: WireOptions): Wire {
  let state: BusState | 'dead' = 'connected'
  let hook: Disturb | undefined
  /** What was on its way when the wire was cut belongs to an earlier life and never arrives. */
  let life = 0
  const flights = new Set<Flight>()
  const listeners = new Set<(state: BusState) => void>()
  /** Legs of equal length arrive in order, whatever the clock does with equal instants. */
  const legs: (() => void)[] = []

  function leg(call: () => void): void {
    if (latencyMs === 0) return queueMicrotask(call)
    legs.push(call)
    clock.at(clock.now() + latencyMs, () => legs.shift()?.())
  }

  function after(ms: number, call: () => void): void {
    if (ms === 0) leg(call)
    else clock.at(clock.now() + ms, call)
  }

  const ask = (op: MemoryOp): Disturbance => hook?.(op) ?? 'ok'

  return {
    state: () => state,
    ask,
    request<T>(op: MemoryOp, atLog: () => T): Promise<T> {
      if (state === 'dead') return new Promise<never>(() => undefined)
      if (state !== 'connected') return Promise.reject(downFault(state))
      const outcome = ask(op)
      return new Promise<T>((resolve, reject) => {
        const flight: Flight = { reject, lost: false }
        flights.add(flight)
        const settle = (act: () => void): void => {
          if (flights.delete(flight)) act()
        }
        const giveUp = (): void => after(ackMs, () => settle(() => reject(new Fault('bus.timeout', { ms: ackMs }))))
        if (outcome === 'lose') return giveUp()
        if (typeof outcome === 'object') {
          giveUp()
          // A refusal of the late original is heard by nobody.
          outcome.holdUntil.then(() => leg(() => void attempt(atLog))).catch(() => undefined)
          return
        }
        leg(() => {
          if (flight.lost || !isServerUp()) return giveUp()
          const result = attempt(atLog)
          if (outcome === 'lose-ack') return giveUp()
          leg(() => settle(() => ('fault' in result ? reject(result.fault) : resolve(result.value))))
        })
      })
    },
    send(op, atLog) {
      if (state !== 'connected' || ask(op) === 'lose') return
      const flight: Flight = { reject: () => undefined, lost: false }
      flights.add(flight)
      leg(() => {
        flights.delete(flight)
        if (!flight.lost && isServerUp()) attempt(atLog)
      })
    },
    arrive(call) {
      const since = life
      leg(() => {
        if (life === since) call()
      })
    },
    become(next, inFlight = 'stored') {
      if (state === next || state === 'closed' || state === 'dead') return
      state = next
      life++
      const cut = [...flights]
      if (next !== 'connected') flights.clear()
      for (const flight of next === 'connected' ? [] : cut) {
        if (inFlight === 'lost') flight.lost = true
        if (next !== 'dead') flight.reject(new Fault('bus.timeout', { ms: 0 }))
      }
      if (next !== 'dead') for (const on of listeners) on(next)
    },
    onState(on) {
      listeners.add(on)
      if (state !== 'dead') on(state)
      return { stop: () => void listeners.delete(on) }
    },
    disturb(next) {
      hook = next
    },
  }
}

function downFault(state: BusState): Fault {
  return state === 'closed' ? new Fault('bus.closed') : new Fault('bus.unreachable', { value: 'memory' })
}

function attempt<T>(call: () => T): { readonly value: T } | { readonly fault: Error } {
  try {
    return { value: call() }
  } catch (fault) {
    return { fault: fault as Error }
  }
}
