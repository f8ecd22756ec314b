/**
 * A drill: a cut is restored into a scratch realm, by the code that restores a real one, and thrown
 * away. It serves "each backup restored in a sandbox, the result recorded". It proves that every
 * byte is there, can be opened with the key that is here and is what was signed; that the restore
 * goes through to its end; that every state can be read and fits the definition that runs now; that
 * every envelope in flight can be read and has a mailbox; and that there are as many of each as the
 * cut says. Invariants: it reads only what would be there after a total loss, the object store or a
 * file; it changes nothing of the realm; a failure is a report and no fault.
 */
import { kindOf } from '#protocol/address.ts'
import type { CutDrill } from '#protocol/cut-drill.ts'
import type { CutSlice, StateRow } from '#protocol/cut.ts'
import { decodeEnvelope } from '#protocol/envelope.ts'
import { storedFaultOf } from '#protocol/fault.ts'
import { partitionOf } from '#protocol/partition.ts'
import type { Realm } from '#protocol/realm.ts'
import { decodeState } from '#protocol/state.ts'
import { parseStored } from '#protocol/subject.ts'
import type { Archive } from '#store/archive.ts'
import type { Entry } from '#runtime/bus.ts'
import type { Clock } from '#runtime/clock.ts'
import type { Blueprint } from '#runtime/core/blueprint.ts'
import { blueprintFor } from '#runtime/core/live.ts'
import { migrate } from '#runtime/core/migrate.ts'
import { type CutSource, readingOf } from '#runtime/cuts/reading/cut-source.ts'
import { type CutView, openCut, slicesOf } from '#runtime/cuts/reading/open-cut.ts'
import { pausing } from '#runtime/cuts/reading/pausing.ts'
import { restoreCut } from '#runtime/cuts/restoring/restore.ts'
import { openScratch } from './scratch-generations.ts'
import { verifyCut } from '#runtime/cuts/reading/verify-cut.ts'

type World = {
  readonly source: CutSource
  readonly archive: Pick<Archive, 'hashOf' | 'isSigned' | 'signer' | 'rowsIn' | 'opens'>
  readonly clock: Clock
  /** Of the server that it would be restored on. */
  readonly maxPayload: number
  /** Those that run here. */
  readonly kinds: ReadonlyMap<string, Blueprint>
}

type Asked = {
  readonly cut: string
  readonly realm: string
  readonly node: string
  readonly by: string
  /** Ends it early: nothing is to be kept of it. */
  readonly signal?: AbortSignal
}

export type DrillProgress = { readonly is: 'verified' | 'restored'; readonly done: number; readonly of: number }

const foundMost = 20

type Findings = { add(what: string): void; readonly first: readonly string[]; readonly count: number }

export async function drillCut(
  world: World,
  { cut, realm, node, by, signal }: Asked,
  onProgress: (progress: DrillProgress) => void = () => undefined,
): Promise<CutDrill> {
  const { source, archive, clock } = world
  const begunAt = clock.now()
  const findings = findingsOf()
  const named = { cut, realm }
  const { flaws, flawed, segments, bytes } = await verifyCut({ source, archive }, named, ({ done, of }) => {
    signal?.throwIfAborted()
    onProgress({ is: 'verified', done, of })
  })
  for (const { what, name, fault } of flaws) findings.add(`${what} ${name}: ${fault.message} (${fault.code})`)
  const counted = { actors: 0, envelopes: 0, unknown: new Set<string>() }
  if (flawed === 0) {
    try {
      const view = await openCut({ shelf: readingOf(source, archive, realm), archive }, cut)
      await restoreAway(world, { view, counted, findings, signal }, onProgress)
    } catch (error) {
      signal?.throwIfAborted()
      const { message, code } = storedFaultOf(error)
      findings.add(`the restore ended early: ${message} (${code})`)
    }
  }
  const at = clock.now()
  return {
    ...{ cut, at, ms: at - begunAt, node, by, segments, bytes },
    passed: findings.count === 0,
    actors: counted.actors,
    envelopes: counted.envelopes,
    unknown: [...counted.unknown].toSorted(),
    found: findings.first,
    count: findings.count,
  }
}

type Counted = { actors: number; envelopes: number; readonly unknown: Set<string> }

type Run = {
  readonly view: CutView
  readonly counted: Counted
  readonly findings: Findings
  readonly signal: AbortSignal | undefined
}

async function restoreAway(
  { clock, maxPayload, kinds }: World,
  { view, counted, findings, signal }: Run,
  onProgress: (progress: DrillProgress) => void,
): Promise<void> {
  const { realm: name, generation, partitions } = view.manifest
  const slices = await slicesOf(view)
  const scratch = openScratch({
    realm: { name, generation, partitions },
    ...{ clock, maxPayload },
    onEntry(entry, realm) {
      const problem = problemOfEntry(entry, realm, () => counted.envelopes++)
      if (problem !== undefined) findings.add(problem)
    },
  })
  const tally = { kinds: {} as Record<string, number>, timers: 0, effects: 0, subscribed: 0 }
  await restoreCut(
    {
      generations: scratch.generations,
      clock,
      async baseOf(_, rows) {
        for await (const row of pausing(rows, signal)) {
          counted.actors++
          count(tally, row)
          const problem = problemOfState(kinds, row, counted.unknown)
          if (problem !== undefined) findings.add(problem)
        }
        return new Uint8Array()
      },
    },
    view,
    { isDrill: true, looked: slices },
    ({ is, done, of }) => {
      if (is === 'states') onProgress({ is: 'restored', done, of: of ?? done })
    },
  )
  if (!scratch.isOpen()) findings.add('the restore ended, and its realm is not open')
  compare(tally, slices, findings)
  const told = view.manifest.channels.reduce((sum, [, , envelopes]) => sum + envelopes, 0)
  if (told !== counted.envelopes)
    findings.add(`${counted.envelopes} envelopes were in flight, and the cut says ${told}`)
}

type Tally = { readonly kinds: Record<string, number>; timers: number; effects: number; subscribed: number }

function count(tally: Tally, [address, , due = null, flags = 0]: StateRow): void {
  tally.kinds[kindOf(address)] = (tally.kinds[kindOf(address)] ?? 0) + 1
  if (due !== null) tally.timers++
  if ((flags & 1) !== 0) tally.effects++
  if ((flags & 2) !== 0) tally.subscribed++
}

function compare(tally: Tally, slices: readonly CutSlice[], findings: Findings): void {
  const kinds = new Set([...Object.keys(tally.kinds), ...slices.flatMap(({ census }) => Object.keys(census.kinds))])
  for (const kind of kinds) {
    const said = slices.reduce((sum, { census }) => sum + (census.kinds[kind] ?? 0), 0)
    const found = tally.kinds[kind] ?? 0
    if (found !== said) findings.add(`there are ${found} actors of kind "${kind}", and the cut says ${said}`)
  }
  for (const what of ['timers', 'effects', 'subscribed'] as const) {
    const said = slices.reduce((sum, { census }) => sum + census[what], 0)
    if (tally[what] !== said) findings.add(`of actors with ${what} there are ${tally[what]}, and the cut says ${said}`)
  }
}

function problemOfState(
  kinds: ReadonlyMap<string, Blueprint>,
  [address, bytes]: StateRow,
  unknown: Set<string>,
): string | undefined {
  try {
    const state = decodeState(bytes ?? new Uint8Array())
    // Children are of their root's kind.
    const root = kinds.get(kindOf(address))
    if (root === undefined) unknown.add(kindOf(address))
    // While versions change, some nodes are behind.
    else if (state.version > root.version) unknown.add(`${kindOf(address)} ${state.version}`)
    // What was set aside already waits for a person, with or without a restore.
    else if (state.book.unfit === undefined && state.book.ended === undefined)
      migrate(blueprintFor(root, state.book), state)
    return undefined
  } catch (error) {
    const { message, code } = storedFaultOf(error)
    return `${address}: ${message} (${code})`
  }
}

function problemOfEntry({ subject, data }: Entry, realm: Realm, onEnvelope: () => void): string | undefined {
  try {
    const stored = parseStored(subject)
    if (stored.is === 'in') {
      onEnvelope()
      const { address, partition, sender } = stored
      if (partition !== partitionOf(address, realm.partitions)) return `${subject} is not the mailbox of ${address}`
      if (sender !== 'x') decodeEnvelope(address, data)
    } else if (stored.is === 'ev') onEnvelope()
    return undefined
  } catch (error) {
    const { message, code } = storedFaultOf(error)
    return `${subject}: ${message} (${code})`
  }
}

function findingsOf(): Findings {
  const first: string[] = []
  let count = 0
  return {
    add(what) {
      count++
      if (first.length < foundMost) first.push(what)
    },
    first,
    get count() {
      return count
    },
  }
}
