/**
 * One machine, one script, run three ways: a live `createActor`, our engine, and our engine with
 * the node killed and started again before every step. After each step all is left to come to
 * rest, and what can be seen then must be the same: every actor of the family with its value,
 * context, status, output and tags, and what each of them emitted, logged and ran, in order.
 */
import { type AnyActorLogic, type AnyActorRef, createActor, type InspectionEvent } from 'xstate'
import { expect, test } from 'vitest'
import { actor, type ActorKind, type KindOptions } from '#protocol/actor.ts'
import { type Address, keyOfToken } from '#protocol/address.ts'
import type { AnyEvent } from '#protocol/envelope.ts'
import { parseStored } from '#protocol/subject.ts'
import { openMemoryLog } from '#runtime/memory/memory-bus.ts'
import { blueprintOf } from '#runtime/core/blueprint.ts'
import { emittedOf } from '#runtime/core/emitted.ts'
import { logicKindOf } from '#runtime/core/logic-kind.ts'
import { snapshotOfState } from '#runtime/core/show.ts'
import type { Node } from '#runtime/node.ts'
import { onTrace } from '#runtime/trace.ts'
import { openTestNode, openTestRealm, openTestStore } from './engine.ts'
import { failGate, notes, openGate, resetGates } from './gates.ts'
import { type ManualClock, openManualClock, turn } from './manual-clock.ts'

/** What a script does next. A path names a descendant by the ids of children. */
export type ScriptStep =
  | AnyEvent
  | { readonly to: readonly string[]; readonly event: AnyEvent }
  | { readonly wait: number }
  | { readonly open: string; readonly value?: unknown }
  | { readonly fail: string; readonly error: unknown }
  | { readonly stop: true }

export type Seen = {
  readonly status: string
  readonly value: unknown
  readonly context: unknown
  readonly output: unknown
  readonly error: unknown
  readonly tags: readonly string[]
  /** By id. An effect is only `running` or over. */
  readonly children: Readonly<Record<string, Seen | 'running' | 'over'>>
}

export type Trail = {
  /** After the start, and after each step of the script. */
  readonly seen: readonly (Seen | undefined)[]
  /** By path of child ids. */
  readonly emitted: Readonly<Record<string, readonly AnyEvent[]>>
  readonly logged: readonly unknown[]
  /** What named actions noted with `note()`. */
  readonly noted: readonly unknown[]
}

export type Script = {
  readonly machine: AnyActorLogic
  readonly input?: unknown
  readonly steps: readonly ScriptStep[]
  readonly options?: KindOptions
  /** What must be so at the end, lest three equal nothings pass. */
  readonly ends?: Partial<Seen>
}

type World = {
  send(path: readonly string[], event: AnyEvent): Promise<void>
  stop(): Promise<void>
  settle(): Promise<void>
  between(): Promise<void>
  seen(): Promise<Seen | undefined>
  emitted(): Record<string, AnyEvent[]>
  readonly logged: readonly unknown[]
  close(): Promise<void>
}

const kindName = 'm'
const address: Address = `${kindName}/k`

export function runs(name: string, script: Script): void {
  test(name, async () => {
    const live = await trailOf(script, openLive)
    if (script.ends !== undefined) expect(live.seen.at(-1)).toMatchObject(script.ends)
    expect(await trailOf(script, (one, clock) => openEngine(one, clock, false)), 'the engine').toEqual(live)
    expect(
      await trailOf(script, (one, clock) => openEngine(one, clock, true)),
      'the engine, restarted between all events',
    ).toEqual(live)
  })
}

export async function trailOf(
  script: Script,
  open: (script: Script, clock: ManualClock) => Promise<World>,
): Promise<Trail> {
  resetGates()
  const clock = openManualClock()
  const world = await open(script, clock)
  const seen: (Seen | undefined)[] = []
  try {
    await world.settle()
    seen.push(await world.seen())
    for (const step of script.steps) {
      await world.between()
      if ('type' in step) await world.send([], step)
      else if ('wait' in step) await clock.advance(step.wait, () => world.settle())
      else if ('open' in step) openGate(step.open, step.value)
      else if ('fail' in step) failGate(step.fail, step.error)
      else if ('stop' in step) await world.stop()
      else await world.send(step.to, step.event)
      await world.settle()
      seen.push(await world.seen())
    }
    return { seen, emitted: world.emitted(), logged: world.logged, noted: notes() }
  } finally {
    await world.close()
  }
}

export async function openLive({ machine, input }: Script, clock: ManualClock): Promise<World> {
  const emitted: Record<string, AnyEvent[]> = {}
  const logged: unknown[] = []
  const root = createActor(machine, {
    id: address,
    input: input as never,
    clock: {
      setTimeout: (call: () => void, ms: number) => clock.at(clock.now() + Math.max(0, ms), call),
      clearTimeout: (alarm: { cancel(): void } | undefined) => alarm?.cancel(),
    },
    logger: (...said: unknown[]) => void logged.push(plain(said.at(-1))),
    inspect(event: InspectionEvent) {
      if (event.type !== '@xstate.actor') return
      const ref = event.actorRef as unknown as AnyActorRef
      // With somebody who hears of it, an error is not thrown at the whole process.
      ref.subscribe({ error: () => undefined })
      ref.on('*', (one) => {
        // What an effect emits is emitted by its actor.
        const path = pathOf(isEffect(ref) ? (ref._parent as AnyActorRef) : ref)
        emitted[path] = [...(emitted[path] ?? []), plain(one) as AnyEvent]
      })
    },
  } as never) as unknown as AnyActorRef & { start(): void; stop(): void }
  root.start()
  return {
    async send(path, event) {
      let at: AnyActorRef | undefined = root
      for (const id of path)
        at = (at?.getSnapshot() as { children: Record<string, AnyActorRef> } | undefined)?.children[id]
      at?.send(event)
    },
    stop: async () => root.stop(),
    settle: turn,
    between: async () => undefined,
    seen: async () => seenOfLive(root) as Seen,
    emitted: () => emitted,
    logged,
    close: async () => root.stop(),
  }
}

function pathOf(ref: AnyActorRef): string {
  const ids: string[] = []
  for (let at: AnyActorRef = ref; at._parent !== undefined; at = at._parent) ids.unshift(at.id)
  return ids.join('/')
}

function isEffect(ref: AnyActorRef): boolean {
  return ref._parent !== undefined && logicKindOf((ref as unknown as { logic: unknown }).logic) === 'effect'
}

function seenOfLive(ref: AnyActorRef): Seen | 'running' | 'over' {
  const snapshot = ref.getSnapshot() as Record<string, unknown>
  if (isEffect(ref)) return snapshot['status'] === 'active' ? 'running' : 'over'
  const children: Record<string, Seen | 'running' | 'over'> = {}
  for (const [id, child] of Object.entries((snapshot['children'] ?? {}) as Record<string, AnyActorRef>))
    children[id] = seenOfLive(child)
  return seenOf(snapshot, children)
}

function seenOf(snapshot: Record<string, unknown>, children: Seen['children']): Seen {
  const { status, value, context, output, error, tags } = snapshot
  // XState counts children without an id over the whole process.
  const named = Object.entries(children).map(([id, child], at) => [
    id.replace(/^x:\d+$|^undefined$/, `x:?${at}`),
    child,
  ])
  return {
    status: status as string,
    value: value ?? null,
    context: plain(context),
    output: plain(output),
    error: plain(error),
    tags: [...((tags ?? []) as Iterable<string>)].sort(),
    // XState leaves the stopped children of a finished actor in its snapshot; they are nobody's any more.
    children: status === 'active' ? Object.fromEntries(named) : {},
  }
}

/** Values that compare by content: a reference is its id, an error its name and message. */
export function plain(value: unknown): unknown {
  if (typeof value === 'function') return '(function)'
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Error) return { error: value.name, message: value.message }
  if (value instanceof Date) return new Date(value)
  if (value instanceof Map) return new Map([...value].map(([key, one]) => [plain(key), plain(one)]))
  if (value instanceof Set) return new Set([...value].map(plain))
  if (Array.isArray(value)) return value.map(plain)
  if (ArrayBuffer.isView(value)) return structuredClone(value)
  if ('sessionId' in value && 'getSnapshot' in value)
    return { ref: (value as unknown as AnyActorRef).id.replace(/^x:\d+$/, 'x:?') }
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, plain(one)]))
}

export async function openEngine(
  { machine, input, options }: Script,
  clock: ManualClock,
  restarts: boolean,
): Promise<World> {
  const kind: ActorKind = actor(kindName, machine, { supervision: { strategy: 'stop' }, ...options })
  const blueprint = blueprintOf(kind)
  const log = openMemoryLog({ realm: 'shop', partitions: 4, clock })
  const store = await openTestStore(log.connect())
  const realm = openTestRealm(log.connect(), clock)
  const logged: unknown[] = []
  const failed: unknown[] = []
  const traces = onTrace((event) => {
    if (event.is === 'actor.log') logged.push(plain(event.value))
    if (event.is === 'partition.lost' || event.is === 'node.failed') failed.push(event.fault)
  })
  const startNode = (): Promise<Node> => openTestNode(log.connect(), [kind], { store, clock })
  let node = await startNode()
  let restarted = 0

  async function settle(): Promise<void> {
    for (let rounds = 0, before = -1; rounds < 3;) {
      await turn()
      const { queued, staged } = node.health()
      const { lastSeq } = await realm.bus.logState()
      rounds = queued + staged === 0 && lastSeq === before ? rounds + 1 : 0
      before = lastSeq
    }
    if (failed.length > 0) throw new Error(`the node lost a partition: ${JSON.stringify(failed)}`)
  }

  async function seenOfActor(at: Address): Promise<Seen | undefined> {
    const shown = await realm.operate.show(at)
    if (shown === undefined) return undefined
    const { book } = shown.state
    const children: Record<string, Seen | 'running' | 'over'> = {}
    for (const [id, child] of Object.entries(book.children ?? {})) {
      if (child.address === undefined)
        children[id] = book.effects?.[child.effect ?? ''] === undefined ? 'over' : 'running'
      else children[id] = (await seenOfActor(child.address)) ?? 'over'
    }
    return seenOf(snapshotOfState(blueprint, at, shown.state) as Record<string, unknown>, children)
  }

  await realm.start(kindName, 'k', { input })
  return {
    async send(path, event) {
      let at: Address | undefined = address
      for (const id of path)
        at = at === undefined ? undefined : (await realm.operate.show(at))?.state.book.children?.[id]?.address
      if (at !== undefined) await realm.send(at, event)
    },
    stop: () => realm.operate.stop(address),
    settle,
    async between() {
      if (!restarts) return
      // By turns with everything in the store, and with all of it to be read from the log.
      if (restarted++ % 2 === 0) await node.settle()
      node.kill()
      await node.ended
      node = await startNode()
      await settle()
    },
    seen: () => seenOfActor(address),
    emitted() {
      const emitted: Record<string, AnyEvent[]> = {}
      for (const entry of log.entries()) {
        const stored = entry.subject.startsWith('shop.ev.') ? parseStored(entry.subject) : undefined
        if (stored?.is !== 'ev') continue
        const path = stored.address
          .split('~')
          .slice(1)
          .filter((_, at) => at % 2 === 0)
          .map(keyOfToken)
          .join('/')
        emitted[path] = [...(emitted[path] ?? []), plain(emittedOf(entry.data)) as AnyEvent]
      }
      return emitted
    },
    logged,
    async close() {
      traces.stop()
      node.kill()
      await node.ended
      await realm.close()
    },
  }
}
