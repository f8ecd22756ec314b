/**
 * A scenario played by XState itself: the reference for the other two ways. Time is XState's
 * simulated clock; between two happenings everything that can move has moved.
 */
import { type AnyActorRef, createActor, SimulatedClock } from 'xstate'
import { Ref } from '#protocol/codec.ts'
import type { Ending, Scenario, Seen } from './scenario.ts'

export type Played = Required<Omit<Ending, 'tags'>> & { readonly tags: readonly string[] }

export async function playLive(scenario: Scenario): Promise<Played> {
  const notes: [string, unknown?][] = []
  const logged: unknown[] = []
  const emitted: { type: string }[] = []
  const logic = scenario.make((name, detail) => notes.push(detail === undefined ? [name] : [name, detail]))
  const clock = new SimulatedClock()
  const logger = (...args: unknown[]): void => void logged.push(args.length === 1 ? args[0] : args)
  const live = createActor(logic, { clock, logger, input: scenario.input } as never) as AnyActorRef
  live.on('*', (event) => emitted.push(event))
  live.subscribe({ error() {} })
  live.start()
  await quiet()
  for (const happening of scenario.script) {
    if ('send' in happening) live.send(happening.send)
    else clock.increment(happening.wait)
    await quiet()
  }
  const played = {
    ...seenOf(live.getSnapshot(), live),
    emitted,
    logged: logged.map((one) => plain(one, live)),
    notes,
    children: childrenOf(live),
  }
  live.stop()
  return played
}

/** Promises that are settled already run to their end; nothing here waits for real time. */
async function quiet(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve))
}

function seenOf(snapshot: any, self: unknown): Required<Seen> {
  const { status, value, context, output, tags } = snapshot
  return { status, value, context: plain(context, self), output, tags: tags === undefined ? [] : [...tags] }
}

function childrenOf(live: AnyActorRef): Record<string, Seen> {
  const found: Record<string, Seen> = {}
  for (const [id, child] of Object.entries((live.getSnapshot().children ?? {}) as Record<string, AnyActorRef>)) {
    const snapshot = child?.getSnapshot()
    if (snapshot?.status !== 'active' || 'input' in snapshot) continue
    found[id] = seenOf(snapshot, live)
  }
  return found
}

/** With references by their role, since addresses and session ids differ from one way to the next. */
export function plain(value: unknown, self: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (value === self || (value instanceof Ref && self instanceof Ref && value.address === self.address))
    return 'ref:self'
  if (value instanceof Ref || ('sessionId' in value && 'send' in value))
    return `ref:${String((value as { id: unknown }).id).replace(/^x:\d+$/, 'x:?')}`
  if (Array.isArray(value)) return value.map((one) => plain(one, self))
  if (Object.getPrototypeOf(value) !== Object.prototype) return value
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, plain(one, self)]))
}
