/**
 * A realm in which nothing happens but cuts: members that make them in pauses of any length, remove
 * them, die at any moment and come back, each with a keeper. What a slice builds on and when is as
 * in the runtime; only the states are a few rows, so that thousands of steps take a second.
 */
import { pause } from '#runtime/clock.ts'
import { bundleOf } from '#protocol/bundle.ts'
import { cutFormat } from '#protocol/cut-format.ts'
import {
  type CutManifest,
  cutNames,
  type CutNote,
  type CutSlice,
  encodeManifest,
  encodeSlice,
  type SegmentRef,
  signedBytesOf,
} from '#protocol/cut.ts'
import { isFault } from '#protocol/fault.ts'
import { type CutShelf, cutShelfOf } from '#runtime/cuts/reading/cut-shelf.ts'
import { type Keeper, openKeeper } from '#runtime/cuts/keeping/keeper.ts'
import { removeCut } from '#runtime/cuts/keeping/remove-cut.ts'
import { sumsOf } from '#runtime/cuts/reading/cut-sums.ts'
import { type Asked, giveUp, type Taking } from '#runtime/cuts/taking/take-cut.ts'
import { type MemoryConnection, type MemoryLog, openMemoryLog } from '#runtime/memory/memory-bus.ts'
import { openVirtualClock, type VirtualClock } from '#runtime/memory/virtual-clock.ts'
import type { Archive } from '#store/archive.ts'
import { type MemoryShelf, openMemoryShelf } from '#store/memory-archive.ts'
import { openPlainArchive } from './sim/plain-archive.ts'
import type { Random } from './workloads/random.ts'

export const cutDeadlineMs = 10_000
const partitions = 3

type Member = {
  readonly name: string
  readonly kept: MemoryShelf
  readonly bus: MemoryConnection
  readonly archive: Archive
  readonly shelf: CutShelf
  readonly keeper: Keeper
}

export type History = {
  readonly clock: VirtualClock
  readonly log: MemoryLog
  readonly members: readonly Member[]
  /** Something happens in the realm. */
  work(): void
  /** Begins one by hand; what becomes of it is told by its note. */
  take(): void
  removeAny(): Promise<void>
  crashAny(): void
  /** Says what a cut that there is lacks. */
  faults(): Promise<string[]>
  /** What lies about and is of no use, once all is calm. */
  leftovers(): Promise<string[]>
  moveLead(): void
  counts(): Promise<Readonly<Record<string, number>>>
  stop(): Promise<void>
}

type Given = { readonly dice: Random; readonly cutEveryMs: number; readonly isCalm: () => boolean }

export function openHistory({ dice, cutEveryMs, isCalm }: Given): History {
  const clock = openVirtualClock({ start: Date.UTC(2026, 0, 1) })
  const log = openMemoryLog({ realm: 'shop', partitions, clock, latencyMs: 3 })
  const looker = log.connect()
  /** By partition, the cuts that it met: its store remembers them, whatever became of them. */
  const tracks = Array.from({ length: partitions }, (): string[] => [])
  let lead = 0
  let number = 0
  let begun = 0
  /** Mostly short; now and then longer than a cut may take. */
  const anyPause = (): Promise<void> =>
    pause(clock, isCalm() ? 1 : dice.chance(0.02) ? dice.int(5_000, 40_000) : dice.int(0, 400))

  function open(name: string, kept: MemoryShelf): Member {
    const bus = log.connect()
    const archive = openPlainArchive(kept)
    const shelf = cutShelfOf({ bus, archive })
    const keeper = openKeeper(
      {
        ...{ bus, archive, clock, shelf, kinds: new Map() },
        take: (asked) => take(member, asked),
        isFirst: () => members.indexOf(member) === lead,
      },
      {
        name,
        cutDeadlineMs,
        cutEveryMs,
        cutEveryBytes: 0,
        cutKeepLast: 2,
        cutKeepHourly: 1,
        cutKeepDaily: 1,
        drillEveryMs: 0,
        secondPlace: undefined,
      },
    )
    const member: Member = { name, kept, bus, archive, shelf, keeper }
    keeper.start()
    return member
  }

  const members: Member[] = []
  for (const name of ['a', 'b', 'c']) members.push(open(name, openMemoryShelf()))

  function take(member: Member, asked: Asked): Taking {
    const id = `c${++number}`
    begun++
    const whole = make(member, id, asked)
    whole.catch(() => undefined)
    return { id, begun: Promise.resolve(), whole }
  }

  async function make({ bus, archive, shelf, name }: Member, id: string, asked: Asked): Promise<CutManifest> {
    const begunAt = clock.now()
    let note: CutNote = {
      ...{ id, name: asked.name, state: 'begun', begunAt, at: begunAt, node: name, generation: 0, actors: 0 },
      ...{ inFlight: 0, added: 0, bytes: 0, reason: undefined, by: asked.by, deadline: begunAt + cutDeadlineMs },
    }
    try {
      let revision = await shelf.setNote(note, 0)
      const { lastSeq } = await bus.logState()
      const recorded = Array.from({ length: partitions }, (_, partition) => record(id, partition))
      await Promise.race([Promise.allSettled(recorded), pause(clock, cutDeadlineMs)])
      const slices: CutSlice[] = []
      for (let partition = 0; partition < partitions; partition++) {
        const slice = await shelf.slice(id, partition)
        if (slice === undefined || clock.now() - begunAt > cutDeadlineMs) throw new Error('a slice is missing')
        slices.push(slice)
      }
      note = { ...note, state: 'recorded', at: clock.now(), deadline: clock.now() + cutDeadlineMs }
      revision = await shelf.setNote(note, revision)
      await anyPause()
      const flights = [await shelf.keep(bundleOf([[number]], { first: '1', last: '1' }))]
      await anyPause()
      const manifest = signed(archive, { id, by: asked.by, begunAt, slices, flights, lastSeq })
      await shelf.keepDocument(cutNames.manifest(id), encodeManifest(manifest))
      await anyPause()
      await shelf.setNote({ ...note, state: 'whole', at: clock.now(), ...sumsOf(manifest) }, revision)
      return manifest
    } catch (error) {
      await giveUp(shelf, id, { at: clock.now(), reason: String(error) }).catch(() => undefined)
      throw error
    }
  }

  /** On whatever member owns it now. */
  async function record(id: string, partition: number): Promise<void> {
    const { shelf, name } = dice.pick(members)
    await anyPause()
    let base: CutSlice | undefined
    const met = tracks[partition] as string[]
    for (const cut of met.toReversed()) {
      if (!(await shelf.isWhole(cut))) continue
      base = await shelf.slice(cut, partition)
      if (base !== undefined) break
    }
    met.push(id)
    await anyPause()
    const layer = [await shelf.keep(bundleOf([[`order/${number}`, null]], { first: 'a', last: 'b' }))]
    await anyPause()
    const below = base === undefined || base.layers.length > 3 ? [] : base.layers
    const slice: CutSlice = {
      ...{ format: cutFormat, cut: id, partition, marker: 1, clients: [], layers: [layer, ...below], added: 1 },
      position: {
        ...{ partition, epoch: 1, n: 1, seq: 1, cursor: 1, heard: 0, awayMs: 0, openedAt: 0, at: 1, marks: {} },
      },
      census: { kinds: {}, timers: 0, effects: 0, subscribed: 0 },
      ...{ unheard: [], node: name, at: clock.now() },
    }
    await shelf.keepDocument(cutNames.slice(id, partition), encodeSlice(slice))
  }

  async function lackOf(id: string): Promise<string[]> {
    const archive = openPlainArchive(openMemoryShelf())
    const shelf = cutShelfOf({ bus: looker, archive })
    const wanted = [cutNames.manifest(id)]
    const manifest = await shelf.manifest(id).catch(() => undefined)
    if (manifest !== undefined) wanted.push(...manifest.flights.map((ref) => cutNames.segment(ref.id)))
    for (let partition = 0; partition < partitions; partition++) {
      wanted.push(cutNames.slice(id, partition))
      const slice = await shelf.slice(id, partition)
      if (slice !== undefined) wanted.push(...namedBy(slice).map((ref) => cutNames.segment(ref.id)))
    }
    const names = new Set(await looker.cuts.names())
    return wanted.filter((name) => !names.has(name)).map((name) => `cut ${id} lacks ${name}`)
  }

  const notesNow = (): Promise<readonly CutNote[]> =>
    cutShelfOf({ bus: looker, archive: openPlainArchive(openMemoryShelf()) }).notes()

  async function neededNow(): Promise<Set<string>> {
    const shelf = cutShelfOf({ bus: looker, archive: openPlainArchive(openMemoryShelf()) })
    const needed = new Set<string>()
    for (const { id, state } of await notesNow()) {
      if (state !== 'whole') continue
      needed.add(cutNames.manifest(id))
      for (const ref of (await shelf.manifest(id)).flights) needed.add(cutNames.segment(ref.id))
      for (let partition = 0; partition < partitions; partition++) {
        needed.add(cutNames.slice(id, partition))
        for (const ref of namedBy((await shelf.slice(id, partition)) as CutSlice)) needed.add(cutNames.segment(ref.id))
      }
    }
    return needed
  }

  return {
    clock,
    log,
    members,
    work: () => void looker.append({ subject: 'shop.in.0.x.order.1', data: new Uint8Array() }),
    take: () => void take(dice.pick(members), { name: undefined, by: 'hand' }),
    async removeAny() {
      const some = (await notesNow()).filter(({ state }) => state === 'whole')
      if (some.length === 0) return
      const shelf = cutShelfOf({ bus: looker, archive: openPlainArchive(openMemoryShelf()) })
      await removeCut(shelf, dice.pick(some).id, { realm: 'shop', at: clock.now() }).catch((error: unknown) => {
        if (!isFault(error, 'cut.unknown')) throw error
      })
    },
    crashAny() {
      const at = dice.int(0, members.length - 1)
      const { bus, name, kept, keeper } = members[at] as Member
      bus.die()
      void keeper.stop()
      members[at] = open(name, kept)
    },
    moveLead: () => void (lead = dice.int(0, members.length - 1)),
    async faults() {
      const found: string[] = []
      for (const { id, state } of await notesNow()) if (state === 'whole') found.push(...(await lackOf(id)))
      return found
    },
    async leftovers() {
      const needed = await neededNow()
      const found = (await looker.cuts.names()).filter((name) => !needed.has(name)).map((name) => `store: ${name}`)
      for (const { name, archive } of members) {
        const all = [...archive.documents.names(), ...Array.from(archive.segments(), cutNames.segment)]
        found.push(...all.filter((one) => !needed.has(one)).map((one) => `archive of ${name}: ${one}`))
      }
      return found
    },
    async counts() {
      const counts: Record<string, number> = { begun }
      for (const { state } of await notesNow()) counts[state] = (counts[state] ?? 0) + 1
      return counts
    },
    async stop() {
      await Promise.all(members.map(({ keeper }) => keeper.stop()))
    },
  }
}

function namedBy({ layers, clients }: CutSlice): readonly SegmentRef[] {
  return [...layers.flat(), ...clients]
}

type Parts = Pick<CutManifest, 'id' | 'by' | 'begunAt' | 'flights'> & {
  readonly slices: readonly CutSlice[]
  readonly lastSeq: number
}

function signed(archive: Archive, { slices, lastSeq, ...parts }: Parts): CutManifest {
  const unsigned = {
    ...parts,
    ...{ format: cutFormat, name: undefined, realm: 'shop', generation: 0, partitions, log: '', release: '0' },
    ...{ recordedAt: 1, wholeAt: 1, channels: [], kinds: [], base: undefined, added: 0, signer: archive.signer },
    slices: slices.map((slice) => ({
      ...{ partition: slice.partition, hash: archive.hashOf(encodeSlice(slice)) },
      ...{ marker: 1, commit: lastSeq, n: 1, actors: 0, bytes: 1 },
    })),
  }
  return { ...unsigned, signature: archive.sign(signedBytesOf(unsigned)) }
}
