/** One sample of everything that is stored; a file is made of each once, and never again. */
import { type CutNote, encodeCutNote } from '#protocol/cut.ts'
import { type Fork, forkText } from '#protocol/fork.ts'
import { encodeStandstill } from '#protocol/standstill.ts'
import { encodeAnswer } from '#protocol/answer.ts'
import { encodeCutCheck } from '#protocol/cut-check.ts'
import { encodeCutDrill } from '#protocol/cut-drill.ts'
import { type CutSlice, encodeManifest, encodeSlice } from '#protocol/cut.ts'
import { decode, encode, Ref } from '#protocol/codec.ts'
import { diff, shadowOf } from '#protocol/delta.ts'
import { encodeDrainProgress, encodeDrainRequest } from '#protocol/drain.ts'
import { type AnyEvent, type Content, encodeEnvelope, type Envelope } from '#protocol/envelope.ts'
import { type Errand, encodeErrand, encodeReply } from '#protocol/errand.ts'
import { encodeHeartbeat, type Heartbeat } from '#protocol/heartbeat.ts'
import { encodeHeld } from '#protocol/held.ts'
import { encodeOutside } from '#protocol/outside.ts'
import { encodeParked } from '#protocol/parked.ts'
import { encodeAnswered, encodeQuery, type Query } from '#protocol/query.ts'
import { encodeRecord } from '#protocol/record.ts'
import { type ActorState, encodeState } from '#protocol/state.ts'
import { encodeTrimAnswer, encodeTrimAsk } from '#protocol/trimming.ts'
import { encodeKindEntry, type KindEntry } from '#runtime/core/kind-entry.ts'
import { encodeMendRow } from '#runtime/core/mend-row.ts'
import { sealedBaseWith } from '#test/support/sealed-layers.ts'
import { openBaseWriter } from '#store/base-blob.ts'
import { identity, positionOf } from '#test/support/store-samples.ts'
import { makeCutFile } from './cut-file.ts'

const at = 1700000000000
const rich = {
  type: 'PAY', amount: 5.25, note: 'grün 💶', none: null, absent: undefined, when: new Date(at), map: new Map<unknown, unknown>([[1, { a: 1 }], ['x', [1]]]),
  set: new Set([1, 'a']), big: 2n ** 80n, small: -3n, bytes: new Uint8Array([1, 2, 255]), floats: new Float32Array([1.5, -2]), pattern: /a+/gi,
  who: new Ref('agent/alice', 'child', 'desk'), list: [{ id: 1, ok: true }, { id: 2, ok: false }],
} satisfies AnyEvent

const bare: Envelope = {
  to: 'order/42', content: { is: 'event', event: rich }, from: undefined, at, id: undefined, n: 0, index: 0, generation: 0, cause: undefined, ask: undefined, deadline: undefined, traceparent: undefined,
}
const dressed: Envelope = {
  ...bare, content: { is: 'event', event: { type: 'GO' } }, from: 'agent/alice', id: 'send-1', n: 77, index: 3, generation: 2, cause: '4711',
  ask: { to: 'desk-1', id: 'q9', deadline: at + 5000, emitted: 'PAID' }, deadline: at + 5000, traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
}

const contents: Record<string, Content> = {
  start: { is: 'start', input: { amount: 5, tags: new Set(['new']) } },
  'start-child': { is: 'start', input: null, parent: { address: 'order/42', id: 'payment', spawn: 3, path: ['order', 'payment'], sync: true, systemId: 'pay' } },
  stop: { is: 'stop', reason: 'asked to' },
  delete: { is: 'delete' },
  watch: { is: 'watch', watcher: 'agent/alice' },
  unwatch: { is: 'unwatch', watcher: 'agent/alice' },
  'effect-done': { is: 'effect', effect: '0.n.7.1', result: { is: 'done', output: { ok: true, at: new Date(at) } } },
  'effect-error': { is: 'effect', effect: '0.n.7.1', result: { is: 'error', error: { name: 'TypeError', message: 'no' } } },
  'effect-event': { is: 'effect', effect: '0.n.7.1', result: { is: 'event', nth: 4, event: { type: 'TICK' } } },
  'effect-snapshot': { is: 'effect', effect: '0.n.7.1', result: { is: 'snapshot', nth: 4, snapshot: { status: 'active', context: 4 } } },
  'effect-unknown': { is: 'effect', effect: '0.n.7.1', result: { is: 'unknown' } },
  cancelTimer: { is: 'cancelTimer', name: 'xstate.after.1000.order.waiting' },
  resolveEffect: { is: 'resolveEffect', effect: '0.n.7.1', result: { is: 'done', output: 3 } },
  cancel: { is: 'cancel', ask: 'q9' },
  tell: { is: 'tell', effect: '~2~charge', event: { type: 'FASTER' } },
  rewind: { is: 'rewind', state: new Uint8Array([1, 2, 3]), seen: [17, at - 1000] },
  'rewind-and-then': { is: 'rewind', state: new Uint8Array([1, 2, 3]), seen: [17, at - 1000], then: { type: 'CORRECT', amount: 5 } },
  'rewind-to-nothing': { is: 'rewind', state: null, seen: null },
}

const state: ActorState = {
  version: 3, hash: '0123456789abcdef', visits: 9, steps: 41, bornAt: at - 1000, steppedAt: at,
  snapshot: { status: 'active', value: { paying: { card: 'asking' }, parcel: 'packed' }, context: { rich, total: 12 }, history: { 'order.hist': ['order.a', 'order.b'] }, output: undefined, error: undefined },
  book: {
    timers: { t1: { name: 't1', visit: 4, due: at + 1000, delay: 1000, event: { type: 'xstate.after.1000.order.waiting' }, policy: 'deadline', awayMs: 0 } },
    effects: { e1: { id: 'e1', name: 'charge', is: 'logic', input: { amount: 5 }, child: 'charge', attempt: 2, begunAt: at, notBefore: at + 10, deadline: at + 99, sync: false, taken: 0 } },
    children: { charge: { src: 'charge', spawn: 2, address: undefined, effect: 'e1', sync: false }, payment: { src: 'payment', spawn: 3, address: 'order/42~payment~3', effect: undefined, sync: true } },
    asks: [{ to: 'desk-1', id: 'q9', deadline: at + 5000 }],
    watchers: ['agent/alice'],
    deferred: [{ envelope: dressed, sender: 'x', seq: 12 }],
    input: { amount: 5 },
    counts: { unhandled: 1, parked: 2 },
  },
}

/** The state that the golden differences differ from. */
export const deltaBase = [1, 1, 'h', 0, 'talking', { turns: [{ role: 'user', text: 'a long enough text to be continued' }, { role: 'model', text: 'two' }, { role: 'user', text: 'three' }], byId: new Map([['a', 1], ['b', 2]]), seen: new Set([1, 2]), x: 1, y: 2 }, 1, 1, at, at]

const nextOf = (context: unknown) => [1, 1, 'h', 0, 'talking', context, 1, 2, at, at + 5, { counts: { unhandled: 1 } }]
const [, , , , , context] = deltaBase as unknown as [0, 0, 0, 0, 0, { turns: { role: string; text: string }[]; x: number; y: number }]

const deltas: Record<string, unknown> = {
  append: nextOf({ ...context, turns: [...context.turns, { role: 'model', text: 'four' }] }),
  'slide-and-insert': nextOf({ ...context, turns: [context.turns[1], { role: 'note', text: 'put in' }, context.turns[2]] }),
  'text-grows': nextOf({ ...context, turns: [{ role: 'user', text: 'a long enough text to be continued, and it was' }, ...context.turns.slice(1)] }),
  'text-changes': nextOf({ ...context, turns: [{ role: 'user', text: 'a long enough and changed text to be continued' }, ...context.turns.slice(1)] }),
  'map-and-set': nextOf({ ...context, byId: new Map([['b', 3], ['c', 4]]), seen: new Set([2, 3]) }),
  'keys-move': nextOf({ y: 2, turns: context.turns, x: 5 }),
  'whole': 'something else',
}

const heartbeat: Heartbeat = {
  name: 'node-1', life: 'l1', since: at, beat: 7, phase: 'ready', capacity: 2, labels: ['gpu'], kinds: [['order', 3, '0123456789abcdef']], owned: [[5, 8, 77, 3]], followed: [[6, 12, true]],
  load: { cpu: 0.5, memoryBytes: 1e8, commitsPerSecond: 12, actors: 40, effects: 2 }, release: '0.1.0', incarnation: 2, setbacks: [[3, 'it is damaged (store.corrupt)', at]], unfollowed: [[4, 'no base (log.gap)']], isCatchingUp: true, opening: [5],
}
const cutSlice: CutSlice = {
  format: 1, cut: 'c1', partition: 5, marker: 7, position: positionOf(5, 77, { forgottenAt: at - 9 }), clients: [{ id: 's1', bytes: 10, rows: 1, first: 'ann', last: 'ann' }],
  layers: [[{ id: 's2', bytes: 20, rows: 2, first: 'order/1', last: 'order/2' }], [{ id: 's3', bytes: 30, rows: 3, first: 'order/1', last: 'order/9' }]],
  census: { kinds: { order: 3 }, timers: 1, effects: 2, subscribed: 1 }, unheard: [['order.*', 12]], node: 'node-1', at, added: 30, pauseMs: 12,
}
/** As the first release told it. */
const firstHeartbeat = (): Uint8Array => encode((decode(encodeHeartbeat(heartbeat)) as unknown[]).slice(0, 13))

const shape = { is: 'machine', id: 'order', root: undefined, actors: { charge: 'effect' }, delays: { patience: null, soon: 5 } } as const
const kind: KindEntry = {
  kind: 'order', needed: [1, 4],
  definitions: [{ version: 1, hash: 'h1', shape, since: at, by: 'node-1', ups: [], downs: [] }, { version: 2, hash: 'h2', shape: { ...shape, id: 'order2' }, since: at + 5, by: 'node-2', ups: [1], downs: [1] }],
  rollout: { from: 1, to: 2, share: 0.25, state: 'undoing', back: [3], history: [{ at, by: 'operator', what: 'advanced', to: 2, share: 0.25 }] },
}

const errands: Record<string, Errand> = {
  run: { is: 'run', address: 'order/42', effect: { id: 'e1', name: 'charge', is: 'logic', input: { amount: 5 }, child: 'charge', attempt: 2, begunAt: at, notBefore: at + 10, deadline: at + 99, sync: false, taken: 0 }, version: 3, path: ['order'], names: { desk: new Ref('agent/alice', 'child', 'desk') } },
  tell: { is: 'tell', id: 'e1', nth: 3, event: { type: 'FASTER' } },
  abort: { is: 'abort', id: 'e1' },
  find: { is: 'find', ids: ['e1', 'e2'] },
  report: { is: 'report', runs: [{ state: 'failed', attempt: 2, nth: 1, error: { message: 'no' }, id: 'e1', address: 'order/42' }] },
}

const queries: Record<string, Query> = {
  state: { is: 'state', address: 'order/42' },
  list: { is: 'list', kind: 'order', after: 'order/41', limit: 200, brief: true },
  history: { is: 'history', address: 'order/42', before: 70, limit: 5 },
  partition: { is: 'partition' },
  rehearse: { is: 'rehearse', kind: 'order', to: 1, after: 'order/41' },
  part: { is: 'part', id: 'a1', part: 2 },
}

const cutNote: CutNote = {
  ...{ id: 'c1', name: 'before-deploy', state: 'whole', begunAt: 1700000000000, at: 1700000000500, node: 'node-1' },
  ...{ generation: 1, actors: 3, inFlight: 2, added: 100, bytes: 1000, reason: undefined, by: 'a person' },
  deadline: 1700000060000,
}

const fork: Fork = {
  ...{ of: 'shop', cut: 'c1', generation: 1, log: '2026-01-01T00:00:00Z', partitions: 2, markers: [17, 18] },
  ...{ effects: { is: 'journal' }, timers: 'frozen', cutAt: 1700000000000, madeAt: 1700000001000 },
}

export const samples: readonly { readonly format: string; readonly name: string; readonly make: () => Uint8Array | Promise<Uint8Array> }[] = [
  { format: 'value', name: 'rich', make: () => encode([rich, new TypeError('no', { cause: 'why' }), Number.NaN, new Date(Number.NaN)].map((one) => (one instanceof Error ? withoutStack(one) : one))) },
  { format: 'envelope', name: 'event-bare', make: () => encodeEnvelope(bare) },
  { format: 'envelope', name: 'event-with-everything', make: () => encodeEnvelope(dressed, encodeRecord({ is: 'claim', generation: 2, partition: 5, epoch: 8, previous: 1200, nonce: 'nonce', node: 'node-1', at })) },
  ...Object.entries(contents).map(([name, content]) => ({ format: 'envelope', name, make: () => encodeEnvelope({ ...bare, content }) })),
  { format: 'outside', name: 'own', make: () => encodeOutside(rich, { client: 'desk-1', session: 's1', n: 12, floor: 10, id: 'send-1', ask: 'q9', deadline: at + 5000, emitted: 'PAID', trace: dressed.traceparent as string, child: '~payment~3' }) },
  { format: 'outside', name: 'again', make: () => encodeOutside({ type: 'PAY' }, { session: 's1', n: 12, floor: 12, again: true }) },
  { format: 'outside', name: 'cancel', make: () => encodeOutside(null, { client: 'desk-1', cancel: 'q9' }) },
  { format: 'outside', name: 'json', make: () => Buffer.from('{"type":"PAY","amount":5,"list":[1,{"a":null}]}') },
  { format: 'outside', name: 'msgpack', make: () => Buffer.from('82a474797065a3504159a6616d6f756e7405', 'hex') },
  {
    format: 'record', name: 'commit', make: () => encodeRecord({
      is: 'commit', generation: 2, partition: 5, epoch: 8, n: 77, previous: 1200, cursor: 1199, heard: 3, at, awayMs: 250, openedAt: at - 9,
      changes: [{ address: 'order/42', is: 'full', state: encodeState(state) }, { address: 'order/43', is: 'delta', delta: new Uint8Array([1, 2]) }, { address: 'order/44', is: 'gone' }],
      marks: [[3, 12, 4]], clients: [['desk-1', 12, at]],
      steps: [{ change: 0, seq: 1198, type: 'PAY' }, { change: 1, seq: 0, type: 't1', mark: 'unhandled' }, { change: 0, seq: 1199, type: 'GO', decision: { options: [{ target: ['order.a'], guard: 'tired', chosen: true }], confidence: 0.5 } }],
    }),
  },
  {
    format: 'record', name: 'commit-deleted', make: () => encodeRecord({
      is: 'commit', generation: 2, partition: 5, epoch: 8, n: 78, previous: 1201, cursor: 1202, heard: 3, at, awayMs: 250, openedAt: at - 9,
      changes: [{ address: 'order/42', is: 'gone', visits: 17 }, { address: 'order/42~payment~3', is: 'gone' }],
      marks: [], clients: [], steps: [{ change: 0, seq: 1202, type: 'perdure.delete' }],
    }),
  },
  { format: 'record', name: 'claim', make: () => encodeRecord({ is: 'claim', generation: 2, partition: 5, epoch: 8, previous: 1200, nonce: 'nonce', node: 'node-1', at }) },
  { format: 'record', name: 'part', make: () => encodeRecord({ is: 'part', partition: 5, epoch: 8, n: 77, part: 1, parts: 3, bytes: new Uint8Array([7, 8, 9]) }) },
  { format: 'state', name: 'active', make: () => encodeState(state) },
  { format: 'state', name: 'timer-for-effect', make: () => encodeState({ ...state, book: { timers: { t1: { name: 't1', visit: 4, due: at + 1000, delay: 1000, event: { type: 'FASTER' }, to: 'order/42', effect: '~2~charge', policy: 'deadline', awayMs: 0 } } } }) },
  { format: 'state', name: 'done', make: () => encodeState({ ...state, snapshot: { status: 'done', value: 'paid', context: {}, history: undefined, output: null, error: undefined }, book: { ended: { reason: 'done', at, retire: at + 1000 } } }) },
  { format: 'state', name: 'error', make: () => encodeState({ ...state, snapshot: { status: 'error', value: null, context: 4, history: undefined, output: undefined, error: { message: 'no' } }, book: {} }) },
  ...Object.entries(deltas).map(([name, next]) => ({ format: 'delta', name, make: () => diff(shadowOf(deltaBase), next) as Uint8Array })),
  { format: 'parked', name: 'envelope', make: () => encodeParked({ envelope: { ...dressed, seq: 1300, sender: 4 }, raw: undefined, fault: { code: 'actor.threw', message: 'no', stack: 'at machine' }, at }, 1e6)[0] as Uint8Array },
  { format: 'parked', name: 'raw', make: () => encodeParked({ envelope: { ...bare, seq: 1300, sender: 'x' }, raw: Buffer.from('{nonsense'), fault: { code: 'envelope.undecodable', message: 'no' }, at }, 1e6)[0] as Uint8Array },
  {
    format: 'cut-check', name: 'everything', make: () => encodeCutCheck({
      cut: 'c1', at, node: 'node-1', ms: 12, counts: { deadlocks: 3, orphans: 4 },
      deadlocks: [{ cycle: [{ from: 'order/1', for: 'order/2', how: 'deferred', what: 'ASK', since: at - 9 }, { from: 'order/2', for: 'order/1', how: 'asked', what: 'q9', since: at - 8 }], length: 2, since: at - 8 }],
      orphans: [{ address: 'order/42', for: 'order/42~payment~3', why: 'child never was', since: at - 7 }],
      invariants: [{ name: 'holds', holds: true, found: [], fault: undefined, ms: 1 }, { name: 'broken', holds: false, found: ['order/1'], fault: undefined, ms: 2 }, { name: 'throws', holds: undefined, found: [], fault: { code: 'invariant.throws', message: 'no' }, ms: 3 }],
    }),
  },
  {
    format: 'cut-check', name: 'kept', make: () => encodeCutCheck({
      cut: 'c1', at, node: 'node-1', ms: 12, counts: { deadlocks: 0, orphans: 0 }, deadlocks: [], orphans: [],
      invariants: [{ name: 'holds', holds: true, found: [], fault: undefined, ms: 1 }, { name: 'remembers', holds: false, found: ['order/1'], fault: undefined, ms: 2, kept: { pending: [['order/1', at - 9]] } }],
    }),
  },
  {
    format: 'cut-drill', name: 'failed', make: () => encodeCutDrill({
      cut: 'c1', at, ms: 12, node: 'node-1', by: 'schedule', passed: false, actors: 3, envelopes: 4, segments: 5, bytes: 600, unknown: ['order'], found: ['order/1: no'], count: 2,
    }),
  },
  { format: 'cut-file', name: 'two-actors', make: makeCutFile },
  {
    format: 'cut-manifest', name: 'everything', make: () => encodeManifest({
      format: 1, id: 'c1', name: 'first', realm: 'shop', generation: 2, partitions: 1, log: '2026-01-01T00:00:00Z', by: 'schedule', release: '0.1.0',
      begunAt: at, recordedAt: at + 1, wholeAt: at + 2,
      slices: [{ partition: 0, hash: 'ab', marker: 7, commit: 9, n: 3, actors: 2, bytes: 100 }],
      flights: [{ id: 'f1', bytes: 10, rows: 1, first: '5', last: '5' }], parked: [{ id: 'p1', bytes: 11, rows: 2, first: '3', last: '4' }],
      channels: [['x', 0, 1]], kinds: [{ kind: 'order', version: 1, hash: 'h' }], base: undefined, added: 121,
      signer: new Uint8Array([1, 2]), signature: new Uint8Array([3, 4]),
    }),
  },
  { format: 'cut-slice', name: 'whole', make: () => encodeSlice(cutSlice) },
  { format: 'cut-slice', name: 'quiet', make: () => encodeSlice({ ...cutSlice, layers: [[{ id: 's2', bytes: 20, rows: 2, first: 'order/1', last: 'order/2', quiet: true }]] }) },
  { format: 'cut-slice', name: 'first', make: () => encode((decode(encodeSlice(cutSlice)) as unknown[]).slice(0, 12)) },
  { format: 'answer', name: 'value', make: () => encodeAnswer({ is: 'value', value: { total: 5, when: new Date(at) } }) },
  { format: 'answer', name: 'fault', make: () => encodeAnswer({ is: 'fault', fault: { code: 'actor.done', message: 'It has ended.' } }) },
  {
    format: 'base', name: 'clients-forgotten', make: () =>
      openBaseWriter({ identity, partition: positionOf(5, 77, { forgottenAt: at - 9 }), clients: [['__proto__', 1, at - 1], ['desk-1', 12, at]] }).end(),
  },
  {
    format: 'base', name: 'segments-in-layers', make: () =>
      sealedBaseWith(
        [
          new Map([['order/k1', { steps: 9, needs: { due: 1700000000000 } }], ['order/k2', undefined]]),
          new Map([['order/k1', { steps: 2, needs: {} }], ['order/k2', { steps: 3, needs: {} }], ['order/k3', { steps: 4, needs: { effects: true, subscribed: true } }]]),
        ],
        { partition: 1, rowsMost: 2, identity },
      ),
  },
  {
    format: 'base', name: 'two-actors', make: () => {
      const writer = openBaseWriter({ identity, partition: positionOf(5, 77, { marks: { 3: [12, 4] } }), clients: [['desk-1', 12, at]] })
      writer.add(['order/42', encodeState(state), { due: at + 1000, effects: true }])
      writer.add(['order/43', encodeState({ ...state, book: {} }), {}])
      return writer.end()
    },
  },
  { format: 'kind', name: 'rollout', make: () => encodeKindEntry(kind) },
  { format: 'kind', name: 'one-version', make: () => encodeKindEntry({ ...kind, definitions: kind.definitions.slice(0, 1), rollout: undefined, needed: [] }) },
  // As the first release put it.
  { format: 'kind', name: 'first', make: () => encode([1, 'h1', shape]) },
  {
    format: 'mended', name: 'two-batches', make: () =>
      encodeMendRow({ mends: [[100, 1]], pieces: [[101, 90, 3]], lineage: [[1, 'm1']], isOpen: true, report: { from: 90, to: 95, entries: 5, missing: 1, at, node: 'node-1' } }, [94, 95]),
  },
  {
    // As where very many single entries were appended again: gaps of one byte and of two, backwards, and far away.
    format: 'mended', name: 'packed', make: () =>
      encodeMendRow({ mends: [[100, 1]], pieces: [[101, 90, 3], [104, 95, 1], [105, 160, 1], [107, 17_000, 1], [108, 40, 12], [120, 3 * 2 ** 40 + 7, 1]], lineage: [[1, 'm1']], isOpen: true, report: { from: 90, to: 95, entries: 5, missing: 1, at, node: 'node-1' } }, [2 ** 41, 2 ** 41 + 2, 2 ** 41 + 3], 0),
  },
  { format: 'held', name: 'entries', make: () => encodeHeld([{ seq: 4711, subject: 'shop.in.3.x.order.42', data: new Uint8Array([1, 2]), at, id: 'send-1', traceparent: dressed.traceparent }, { seq: 4712, subject: 'shop.commit.3', data: new Uint8Array([3]), at: 0 }], at) },
  { format: 'heartbeat', name: 'whole', make: () => encodeHeartbeat(heartbeat) },
  { format: 'heartbeat', name: 'first', make: firstHeartbeat },
  { format: 'heartbeat', name: 'unpacking', make: () => encodeHeartbeat({ ...heartbeat, load: { ...heartbeat.load, packed: 700 } }) },
  { format: 'cut-note', name: 'whole', make: () => encodeCutNote(cutNote) },
  { format: 'cut-note', name: 'held', make: () => encodeCutNote({ ...cutNote, heldBy: ['what-if', 'trial'] }) },
  { format: 'fork', name: 'journal', make: () => new TextEncoder().encode(forkText(fork)) },
  { format: 'fork', name: 'allow', make: () => new TextEncoder().encode(forkText({ ...fork, effects: { is: 'allow', names: ['quote', 'order.price'] }, timers: 'free' })) },
  { format: 'standstill', name: 'lasting', make: () => encodeStandstill({ generation: 2, since: 1700000000000, until: undefined }) },
  { format: 'standstill', name: 'ended', make: () => encodeStandstill({ generation: 2, since: 1700000000000, until: 1700000360000 }) },
  ...Object.entries(errands).map(([name, errand]) => ({ format: 'errand', name, make: () => encodeErrand({ errand, from: { node: 'node-1', life: 'l1' }, to: 'l2' }) })),
  { format: 'reply', name: 'known', make: () => encodeReply({ is: 'known', run: { state: 'running', attempt: 1, nth: 4 } }) },
  { format: 'reply', name: 'refused', make: () => encodeReply({ is: 'refused', reason: 'no such kind' }) },
  { format: 'trim-ask', name: 'firm', make: () => encodeTrimAsk({ lastSeq: 4711, upTo: 4000, isFirm: true, from: 12 }) },
  { format: 'trim-answer', name: 'bounds', make: () => encodeTrimAnswer({ bounds: [[3, 3999]], heard: 12 }) },
  { format: 'drain-request', name: 'stay', make: () => encodeDrainRequest('stay') },
  { format: 'drain-progress', name: 'leaving', make: () => encodeDrainProgress({ phase: 'leaving', left: 3, canGive: true }) },
  ...Object.entries(queries).map(([name, query]) => ({ format: 'query', name, make: () => encodeQuery(query) })),
  { format: 'answered', name: 'value', make: () => encodeAnswered({ ok: { address: 'order/42', state: new Uint8Array([1, 2]), depth: 3 } }) },
  { format: 'answered', name: 'part', make: () => encodeAnswered({ part: { id: 'a1', of: 3, bytes: new Uint8Array([7]) } }) },
  { format: 'answered', name: 'fault', make: () => encodeAnswered({ fault: { code: 'partition.unowned', message: 'Nobody.' } }) },
]

/** A stack names the files of the machine that the sample was made on. */
function withoutStack(error: Error): Error {
  delete error.stack
  return error
}
