/** Ten thousand envelopes on their way at the instant of a cut: recorded by reference, restored exactly once. */
import { expect, test } from 'vitest'
import { assign, enqueueActions, setup } from 'xstate'
import { actor } from '#protocol/actor.ts'
import { decodeCutNote } from '#protocol/cut.ts'
import { decodeState } from '#protocol/state.ts'
import { tell } from '#runtime/core/actions.ts'
import { cutShelfOf } from '#runtime/cuts/reading/cut-shelf.ts'
import { openCut } from '#runtime/cuts/reading/open-cut.ts'
import { restoreCut } from '#runtime/cuts/restoring/restore.ts'
import { openMemoryShelf } from '#store/memory-archive.ts'
import { type CutRealm, openCutRealm } from '#test/support/cuts/cut-realm.ts'
import { openPlainArchive } from '#test/support/sim/plain-archive.ts'
import { plainBaseOfRows } from '#test/support/sim/plain-base.ts'
import type { Process } from '#test/support/sim/process.ts'

const [sinks, spouts, perSpout, outside] = [20, 40, 130, 5200]
const inFlightLeast = 10_000

type Drop = { readonly type: 'DROP'; readonly from: string; readonly n: number }

/** Counts what came from each; a number that is not the next one is a fault. */
const sink = actor(
  'sink',
  setup({
    types: { context: {} as { last: Record<string, number>; faults: string[] }, events: {} as Drop },
  }).createMachine({
    context: { last: {}, faults: [] },
    on: {
      DROP: {
        actions: assign({
          last: ({ context, event }) => ({ ...context.last, [event.from]: event.n }),
          faults: ({ context: { last, faults }, event: { from, n } }) =>
            n === (last[from] ?? 0) + 1 ? faults : [...faults, `${n} from ${from} behind ${last[from]}`],
        }),
      },
    },
  }),
  { version: 1 },
)

/** The nth for each sink, around and around. */
const drops = (from: string, count: number): readonly (readonly [sink: number, drop: Drop])[] =>
  Array.from({ length: count }, (_, at) => [at % sinks, { type: 'DROP', from, n: Math.floor(at / sinks) + 1 }])

const spout = actor(
  'spout',
  setup({ types: { context: {} as { name: string }, events: {} as { type: 'POUR'; name: string } } }).createMachine({
    context: { name: '' },
    on: {
      POUR: {
        actions: enqueueActions(({ enqueue, event }) => {
          for (const [to, drop] of drops(event.name, perSpout)) enqueue(tell(`sink/${to}`, drop))
        }),
      },
    },
  }),
  { version: 1 },
)

const bytesOf = (event: object): Uint8Array => new TextEncoder().encode(JSON.stringify(event))

type Sunk = { readonly last: Record<string, number>; readonly faults: readonly string[] }

/** Everything was sent, and next to nothing was taken. */
async function flooded(realm: CutRealm, given: Parameters<CutRealm['launch']>[1] = {}): Promise<Process> {
  const slow = realm.launch('slow', { options: { queueMost: 4, stagedMost: 1 }, ...given })
  await realm.clock.advance(3000)
  for (let at = 0; at < spouts; at++)
    realm.log.publish(`shop.to.spout.${at}`, bytesOf({ type: 'POUR', name: `s${at}` }))
  for (const [to, drop] of drops('x', outside)) realm.log.publish(`shop.to.sink.${to}`, bytesOf(drop))
  const poured = (): number => realm.entries.filter(({ subject }) => /\.in\.\d+\.\d+\.sink\./.test(subject)).length
  await realm.clock.advanceUntil(() => poured() === spouts * perSpout, 60_000)
  return slow
}

test.for([4, 3])('10,000 in flight are taken exactly once after the restore, into %i [N23]', async (into) => {
  using realm = openCutRealm({ kinds: [sink, spout] })
  const slow = await flooded(realm)
  const { id, manifest } = await realm.within(realm.take(slow))
  const inFlight = manifest?.channels.reduce((sum, [, , count]) => sum + count, 0) ?? 0
  expect(inFlight).toBeGreaterThanOrEqual(inFlightLeast)
  slow.crash()

  const archive = openPlainArchive(openMemoryShelf())
  const view = await realm.within(openCut({ shelf: cutShelfOf({ bus: realm.bus, archive }), archive }, id))
  const world = { generations: realm.log.generations, clock: realm.clock, baseOf: plainBaseOfRows }
  const restored = await realm.within(restoreCut(world, view, { partitions: into }, () => undefined))
  expect(restored.envelopes).toBe(inFlight)

  const next = realm.launch('next')
  await realm.clock.advance(60_000)
  const { states } = await realm.develop((await realm.within(realm.take(next))).id)
  const sunk = states.flatMap(([address, bytes]) =>
    bytes !== null && address.startsWith('sink/') ? [decodeState(bytes).snapshot.context as Sunk] : [],
  )
  expect(sunk.flatMap(({ faults }) => faults)).toEqual([])
  const sum = sunk.reduce((all, { last }) => all + Object.values(last).reduce((one, n) => one + n, 0), 0)
  expect(sum).toBe(spouts * perSpout + outside)
})

test('a queue of 10,000 is in a recorded cut by reference, within a second [U5]', async () => {
  using realm = openCutRealm({ kinds: [sink, spout] })
  let stored = 0
  let recorded: { readonly bytes: number; readonly at: number } | undefined
  const slow = await flooded(realm, {
    mutation: {
      bus: (bus, clock) => ({
        ...bus,
        cuts: {
          ...bus.cuts,
          async put(name, bytes) {
            stored += bytes.length
            await bus.cuts.put(name, bytes)
          },
          async add(name, bytes, hash) {
            stored += bytes.length
            await bus.cuts.add(name, bytes, hash)
          },
        },
        notes: {
          ...bus.notes,
          async put(key, value, revision) {
            if (key.startsWith('cut.') && decodeCutNote(value).state === 'recorded')
              recorded = { bytes: stored, at: clock.now() }
            return await bus.notes.put(key, value, revision)
          },
        },
      }),
    },
  })
  const begunAt = realm.clock.now()
  const { manifest } = await realm.within(realm.take(slow))
  expect(manifest?.channels.reduce((sum, [, , count]) => sum + count, 0)).toBeGreaterThanOrEqual(inFlightLeast)
  expect(recorded?.at).toBeLessThan(begunAt + 1000)
  // States are in it; what was in flight comes only with the copy that makes it whole.
  expect(recorded?.bytes).toBeLessThan(inFlightLeast)
  expect(stored).toBeGreaterThan(20 * inFlightLeast)
})
