/**
 * Our step against XState's official `transition()`, over random sequences of events on every
 * machine of the conformance set: the same snapshots, the same actions, the same throws; and a
 * state that is stored and read back between every two events steps exactly as if it had not been.
 */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type AnyActorLogic,
  type AnyEventObject,
  type AnyMachineSnapshot,
  type AnyStateMachine,
  initialTransition,
  transition,
} from 'xstate'
import { actor } from '#protocol/actor.ts'
import { decode, encode } from '#protocol/codec.ts'
import type { StoredSnapshot } from '#protocol/state.ts'
import { type Blueprint, blueprintOf } from '#runtime/core/blueprint.ts'
import { nodesOf } from '#runtime/core/host.ts'
import type { LiveSnapshot, MachineStep } from '#runtime/core/machine-step.ts'
import { dehydrate, eventStep, hydrate, initialStep } from '#runtime/core/machine.ts'
import { after, type Around, aroundOf } from '#test/support/machines/around.ts'
import { tellOfficial, tellOurs, tellSnapshot } from '#test/support/machines/official.ts'
import { found, machineOf, type Tree, trees } from '#test/support/machines/random.ts'
import type { Scenario } from '#test/support/machines/scenario.ts'
import { scenarios } from '#test/support/machines/set.ts'
import { rounds } from '#test/support/rounds.ts'

const official = scenarios.filter(({ unofficial }) => unofficial === undefined)

/** What the scenario sends, and what a runtime would send: ends of children, snapshots, timers. */
function alphabetOf(scenario: Scenario, logic: AnyActorLogic): AnyEventObject[] {
  const own = [...scenario.script.flatMap((one) => ('send' in one ? [one.send] : [])), ...(scenario.more ?? [])]
  const strange = [
    { type: 'xstate.error.actor.nobody', error: new Error('unheard'), actorId: 'nobody' },
    { type: 'nobody.knows.this' },
    { type: 'xstate.stop' },
    { type: '*' },
  ]
  if (!('idMap' in logic)) return [...own, ...strange]
  const internal = nodesOf(logic as unknown as AnyStateMachine)
    .flatMap((node) => [...node.transitions.keys()])
    .flatMap(internalOf)
  return [...own, ...own, ...internal, ...strange]
}

function internalOf(type: string): AnyEventObject[] {
  const actorId = type.replace(/^xstate\.(?:done\.actor|error\.actor|snapshot)\./, '')
  if (type.startsWith('xstate.done.actor.')) return [{ type, output: 7, actorId }]
  if (type.startsWith('xstate.error.actor.')) return [{ type, error: new Error('failed'), actorId }]
  if (type.startsWith('xstate.snapshot.')) return [{ type, snapshot: { status: 'active', context: { n: 3 } } }]
  return type.startsWith('xstate.after.') ? [{ type }] : []
}

type Result<T> = { readonly is: T } | { readonly threw: unknown }

function attempt<T>(make: () => T): Result<T> {
  try {
    return { is: make() }
  } catch (threw) {
    return { threw }
  }
}

function stored(blueprint: Blueprint, snapshot: LiveSnapshot, around: Around): LiveSnapshot {
  const bytes = encode(dehydrate(blueprint, snapshot))
  return hydrate(blueprint, decode(bytes) as StoredSnapshot, around)
}

function compare(theirs: readonly [unknown, readonly unknown[]], ours: MachineStep): void {
  expect(tellSnapshot(ours.snapshot)).toEqual(tellSnapshot(theirs[0] as AnyMachineSnapshot))
  expect(tellOurs(ours.actions)).toEqual(tellOfficial(theirs[1] as never))
}

function play(
  scenario: Scenario,
  events: readonly AnyEventObject[],
  hurt: (snapshot: LiveSnapshot) => LiveSnapshot = (one) => one,
): void {
  const logic = scenario.make(() => {})
  const blueprint = blueprintOf(actor('kind', logic))
  let around = aroundOf()
  const first = initialTransition(logic, scenario.input as never) as unknown as [LiveSnapshot, unknown[]]
  // XState turns a throw on the first step into a state; here it stays a throw.
  if (first[0].status === 'error')
    return expect(attempt(() => initialStep(blueprint, scenario.input, around))).toHaveProperty('threw')
  if (losesTrack(undefined, first[1])) return
  const ours = initialStep(blueprint, scenario.input, around)
  compare(first, ours)
  around = after(around, ours)
  let theirs: LiveSnapshot = first[0]
  let kept = ours.snapshot
  for (const event of events) {
    if (kept.status !== 'active') return
    const official = attempt(() => transition(logic, theirs as never, event) as unknown as [LiveSnapshot, unknown[]])
    const live = attempt(() => eventStep(blueprint, kept, event as never, around))
    const restarted = attempt(() => eventStep(blueprint, hurt(stored(blueprint, kept, around)), event as never, around))
    if ('threw' in official) {
      expect(live).toHaveProperty('threw')
      expect(restarted).toHaveProperty('threw')
      continue
    }
    if (losesTrack(theirs, official.is[1])) return
    if ('threw' in live) throw live.threw
    if ('threw' in restarted) throw restarted.threw
    compare(official.is, live.is)
    compare(official.is, restarted.is)
    expect(restarted.is.handled).toBe(live.is.handled)
    if (official.is[0] !== theirs && blueprint.is === 'machine') expect(live.is.handled).toBe(true)
    if (!live.is.handled) expect(live.is).toMatchObject({ actions: [] })
    theirs = official.is[0]
    kept = live.is.snapshot
    around = after(around, live.is)
  }
}

/** A child spawned under the id of one that lives: XState forgets the earlier one, which then nobody can stop. */
function losesTrack(before: LiveSnapshot | undefined, actions: readonly unknown[]): boolean {
  const alive = new Map(
    Object.entries((before as AnyMachineSnapshot | undefined)?.children ?? {}).map(([id, child]) => [id, child]),
  )
  for (const { type, params } of actions as { type: string; params: any }[]) {
    if (type === 'xstate.stopChild') for (const [id, child] of alive) if (child === params) alive.delete(id)
    if (type !== 'xstate.spawnChild') continue
    if (alive.has(params.actorRef.id)) return true
    alive.set(params.actorRef.id, params.actorRef)
  }
  return false
}

function property(scenario: Scenario, runs: number): void {
  const alphabet = alphabetOf(
    scenario,
    scenario.make(() => {}),
  )
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...alphabet), { maxLength: 14 }), (events) => play(scenario, events)),
    { numRuns: runs },
  )
}

describe('our step is the official one, with and without a restart between two events', () => {
  test.each(official.map((scenario) => [scenario.name, scenario] as const))('%s', (_, scenario) => {
    play(
      scenario,
      scenario.script.flatMap((one) => ('send' in one ? [one.send] : [])),
    )
    property(scenario, rounds(10, 100))
  })
})

test('random machines step as the official transition steps them', () => {
  const events = fc.array(fc.nat(1000), { maxLength: 10 })
  const run = (tree: Tree, picks: readonly number[]): void => {
    // XState refuses some of these trees itself.
    if ('threw' in attempt(() => machineOf(tree))) return
    const scenario: Scenario = {
      name: 'random',
      uses: [],
      make: () => machineOf(tree),
      script: ['A', 'B', 'C', 'C.x'].map((type) => ({ send: { type } })),
      ends: { status: 'active' },
    }
    const alphabet = alphabetOf(scenario, machineOf(tree))
    play(
      scenario,
      picks.map((pick) => alphabet[pick % alphabet.length] as AnyEventObject),
    )
  }
  fc.assert(fc.property(trees, events, run), { numRuns: rounds(75, 1000), seed: 77005759, examples: found })
})

test('the comparison sees a region that comes to rest in another order', () => {
  const scenario = scenarios.find(({ uses }) => uses.includes('order of regions')) as Scenario
  const sorted = (snapshot: LiveSnapshot): LiveSnapshot => {
    const { _nodes: nodes } = snapshot as AnyMachineSnapshot
    return { ...snapshot, _nodes: [...nodes].sort((a, b) => a.order - b.order) } as LiveSnapshot
  }
  const events = scenario.script.flatMap((one) => ('send' in one ? [one.send] : []))
  expect(attempt(() => play(scenario, events, sorted))).toHaveProperty('threw')
})

test('every machine that the official transition cannot run says why', () => {
  for (const { unofficial } of scenarios) if (unofficial !== undefined) expect(unofficial.length).toBeGreaterThan(20)
})
