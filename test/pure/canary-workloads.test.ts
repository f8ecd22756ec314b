/** What is read of a whole world is changed in one place: the judge of that workload must see it, and say what. */
import { beforeAll, describe, expect, test } from 'vitest'
import { type Address, addressOf } from '#protocol/address.ts'
import type { LogEntry } from '#runtime/bus.ts'
import { runWorld } from '#test/support/sim/world.ts'
import { everything } from '#test/support/workloads/everything.ts'
import { contextOf, type Reader } from '#test/support/workloads/reader.ts'
import type { Workload } from '#test/support/workloads/workload.ts'

const all = everything()
let whole: Reader

beforeAll(async () => {
  const { faults, reader } = await runWorld({ seed: 6, requests: 40, weather: 'calm', workloads: all })
  expect(faults).toEqual([])
  whole = reader
})

const workload = (name: string): Workload => all.find((one) => one.name === name) as Workload

type Context = Record<string, unknown>
type Change = (reader: Reader) => Reader

/** Of the first actor of the kind for which the change is one. */
function context(kind: string, change: (context: Context) => Context | undefined): Change {
  return (reader) => {
    for (const [address, state] of reader.states) {
      if (!address.startsWith(`${kind}/`) || state.snapshot.context === undefined) continue
      const next = change(state.snapshot.context as Context)
      if (next === undefined) continue
      const changed = { ...state, snapshot: { ...state.snapshot, context: next } }
      return { ...reader, states: new Map(reader.states).set(address, changed) }
    }
    throw new Error(`nothing of ${kind} could be changed`)
  }
}

/** A list in the context, of which one is dropped, doubled or moved to the front. */
const items =
  (field: string, what: 'drop' | 'double' | 'move', isMeant: (item: unknown) => boolean = () => true) =>
  (before: Context): Context | undefined => {
    const list = (before[field] ?? []) as unknown[]
    const at = list.findLastIndex(isMeant)
    if (at < 1) return undefined
    const rest = list.toSpliced(at, 1)
    const after = what === 'drop' ? rest : [...(what === 'move' ? rest : list)]
    if (what !== 'drop') after.unshift(list[at])
    return { ...before, [field]: after }
  }

/** The last entry whose subject says so is dropped, comes twice, or earlier than it did. */
function entry(subject: RegExp, change: (entry: LogEntry) => readonly LogEntry[]): Change {
  return (reader) => {
    const at = reader.entries.findLastIndex((one) => subject.test(one.subject))
    return { ...reader, entries: reader.entries.toSpliced(at, 1, ...change(reader.entries[at] as LogEntry)) }
  }
}

const dropped = (): readonly LogEntry[] => []
const doubled = (one: LogEntry): readonly LogEntry[] => [one, one]

const status =
  (address: () => Address, value: 'error'): Change =>
  (reader) => {
    const state = reader.states.get(address())
    if (state === undefined) throw new Error('no such actor')
    const changed = { ...state, snapshot: { ...state.snapshot, status: value } }
    return { ...reader, states: new Map(reader.states).set(address(), changed) }
  }

const isOfActor = (item: unknown): boolean => (item as { from: string }).from.includes('/')
const isOfProgram = (item: unknown): boolean => !isOfActor(item)

const canaries: readonly (readonly [workload: string, bug: string, change: Change, fault: RegExp])[] = [
  ['bank', 'money is made', context('account', (one) => ({ ...one, balance: (one['balance'] as number) + 1 })), /hold/],
  ['bank', 'a transfer arrives nowhere', context('account', items('in', 'drop')), /arrived 0 times/],
  ['bank', 'a transfer arrives twice', context('account', items('in', 'double')), /arrived 2 times/],
  ['bank', 'a transfer leaves twice', context('account', items('out', 'double')), /came to pass 2 times/],
  ['lists', 'an item of an actor is missing', context('list', items('items', 'drop', isOfActor)), /instead of/],
  ['lists', 'an item of an actor is there twice', context('list', items('items', 'double', isOfActor)), /instead of/],
  ['lists', 'an item of an actor overtakes', context('list', items('items', 'move', isOfActor)), /instead of/],
  ['lists', 'an item of a program is missing', context('list', items('items', 'drop', isOfProgram)), /0 times/],
  ['lists', 'an item of a program is there twice', context('list', items('items', 'double', isOfProgram)), /2 times/],
  ['lists', 'an item of a program overtakes', context('list', items('items', 'move', isOfProgram)), /out of order/],
  ['effects', 'a result is lost', context('worker', items('results', 'drop')), /came to pass 0 times/],
  ['effects', 'a result counts twice', context('worker', items('results', 'double')), /came to pass 2 times/],
  ['effects', 'what an action sent is lost', context('worker', items('noted', 'drop')), /came to pass 0 times/],
  ['timers', 'an alarm never rings', entry(/\.ev\.bell\..*\.RANG$/, dropped), /rang 0 times/],
  ['timers', 'an alarm rings twice', entry(/\.ev\.bell\..*\.RANG$/, doubled), /rang 2 times/],
  ['timers', 'an alarm rings early', entry(/\.ev\.bell\..*\.RANG$/, (one) => [{ ...one, at: 0 }]), /before/],
  ['timers', 'a hearer misses one', context('hearer', items('heard', 'drop')), /heard was/],
  ['timers', 'a hearer hears one out of order', context('hearer', items('heard', 'move')), /heard was/],
  ['children', 'the end of a child is not heard', context('parent', items('done', 'drop')), /done 0 times/],
  ['children', 'a child greets twice', context('parent', items('greeted', 'double')), /greeted 2 times/],
  ['asks', 'a question is handled twice', context('oracle', items('asked', 'double')), /came to pass 2 times/],
  ['asks', 'an answer is stored twice', entry(/\.re\.pilgrim\./, doubled), /answer .* 2 times/],
  ['asks', 'an answer is missing', entry(/\.re\.pilgrim\./, dropped), /answer .* 0 times/],
  ['registers', 'a write is undone', context('register', (one) => ({ ...one, value: -1 })), /no order of operations/],
  ['lives', 'a hit is lost', entry(/\.ev\.mayfly\./, dropped), /0 times/],
  [
    'lives',
    'a life knows of the one before',
    context('mayfly', ({ hits }) => ({ hits: (hits as number) + 1 })),
    /says/,
  ],
  ['lives', 'a watcher is told too often', context('mourner', (one) => toldOften(one)), /ends were told/],
  ['hatches', 'what was set aside is lost', entry(/\.parked\./, dropped), /0 times/],
  ['hatches', 'what was set aside was taken too', entry(/\.parked\./, doubled), /2 times/],
  ['hatches', 'what was taken is lost', entry(/\.ev\.hatch\./, dropped), /0 times/],
  ['hatches', 'a throw ends its actor', status(() => addressOf('hatch', 'fore'), 'error'), /new beginning/],
  ['chimes', 'an instant is missed', context('chime', items('at', 'drop', isInside)), /after/],
  ['chimes', 'an instant comes twice', context('chime', items('at', 'double')), /after/],
  [
    'chimes',
    'the schedule falls silent',
    context('chime', (one) => ({ at: (one['at'] as number[]).slice(0, 2) })),
    /no chime/,
  ],
  ['chimes', 'an instant is none', context('chime', (one) => ({ at: [1, ...(one['at'] as number[])] })), /no schedule/],
  [
    'releases',
    'a line is lost',
    context('ledger', (one) => items('lines' in one ? 'lines' : 'entries', 'drop')(one)),
    /0 times/,
  ],
  ['releases', 'a state is changed twice', context('ledger', (one) => ({ ...one, changed: 2 })), /changed 2 times/],
  [
    'releases',
    'a state is of two releases',
    context('ledger', (one) => ({ entries: [], lines: [], ...one })),
    /two releases/,
  ],
]

function isInside(instant: unknown): boolean {
  const { at } = contextOf<{ at: readonly number[] }>(whole, addressOf('chime', 'main')) as { at: readonly number[] }
  return instant === at[3]
}

function toldOften(one: Context): Context {
  const told = one['told'] as { address: string }[]
  return { ...one, told: Array.from({ length: 50 }, () => told[0]) }
}

describe('a judge sees', () => {
  test.each(canaries)('of %s: %s', (name, _, change, fault) => {
    expect(workload(name).audit(whole)).toEqual([])
    expect(workload(name).audit(change(whole)).join('\n')).toMatch(fault)
  })

  test('at least one such bug of every workload', () => {
    expect(new Set(canaries.map(([name]) => name))).toEqual(new Set(all.map(({ name }) => name)))
  })
})
