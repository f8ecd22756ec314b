/** `perdure cut show`: what one cut holds, by kind, channel and partition. */
import type { Call } from '#bin/command.ts'
import { bytesText, plural, span, table, timeText } from '#bin/layout.ts'
import type { CutCheck } from '#protocol/cut-check.ts'
import type { CutDrill } from '#protocol/cut-drill.ts'
import type { CutSlice } from '#protocol/cut.ts'
import { wrong } from '#bin/parse-line.ts'
import { systemClock } from '#runtime/index.ts'
import { sumsOf } from '#runtime/cuts/reading/cut-sums.ts'
import { type CutView, slicesOf } from '#runtime/cuts/reading/open-cut.ts'
import { checkLines, checkText } from './check-text.ts'
import { cutFileOf, lookInFile } from './cut-in-file.ts'
import { drillText } from './drill-text.ts'

export async function showCut(call: Call, [name = 'last', extra]: readonly string[]): Promise<void> {
  if (extra !== undefined) throw wrong({ name: 'cut' }, `"${extra}" is one word too many; name one cut.`)
  const file = await cutFileOf(name)
  if (file !== undefined)
    return await lookInFile(call.config, file, async (one, archive) => await show(call, await one.view(archive)))
  const { cuts } = await call.realm()
  const view = await cuts.open(name)
  const { id } = view.manifest
  await show(call, view, {
    check: await cuts.checked(id),
    drill: (await cuts.drills()).find(({ cut }) => cut === id),
  })
}

/** What the realm says of it; a file says nothing of that. */
type Said = { readonly check: CutCheck | undefined; readonly drill: CutDrill | undefined }

async function show(call: Call, view: Pick<CutView, 'manifest' | 'slice'>, said?: Said): Promise<void> {
  const { manifest } = view
  const slices = await slicesOf(view)
  const found = censusOf(slices)
  if (call.json) return call.out.json({ ...jsonOf(manifest, slices, found), ...said })
  print(call, { manifest, slices, found })
  if (said === undefined) return
  const { check, drill } = said
  call.out.line()
  if (drill !== undefined) call.out.line(`drill ${timeText(drill.at, systemClock.now())}: ${drillText(drill)}`)
  call.out.line(call.out.style('bold', `found: ${checkText(check)}`))
  if (check !== undefined) for (const line of checkLines(check, systemClock.now())) call.out.line(`  ${line}`)
}

type Manifest = CutView['manifest']

type Sums = {
  readonly kinds: ReadonlyMap<string, number>
  readonly timers: number
  readonly effects: number
  readonly subscribed: number
}

function censusOf(slices: readonly CutSlice[]): Sums {
  const kinds = new Map<string, number>()
  for (const { census } of slices)
    for (const [kind, count] of Object.entries(census.kinds)) kinds.set(kind, (kinds.get(kind) ?? 0) + count)
  const sum = (of: 'timers' | 'effects' | 'subscribed'): number =>
    slices.reduce((total, { census }) => total + census[of], 0)
  return { kinds, timers: sum('timers'), effects: sum('effects'), subscribed: sum('subscribed') }
}

function jsonOf(manifest: Manifest, slices: readonly CutSlice[], found: Sums): object {
  const { id, name, realm, generation, partitions, by, release, begunAt, recordedAt, wholeAt } = manifest
  return {
    ...{ id, name, realm, generation, partitions, by, release, begunAt, recordedAt, wholeAt },
    state: 'whole',
    ...sumsOf(manifest),
    kinds: Object.fromEntries(found.kinds),
    versions: manifest.kinds,
    waiting: { timers: found.timers, effects: found.effects, subscribed: found.subscribed },
    parked: parkedIn(manifest),
    channels: manifest.channels.map(([from, to, envelopes]) => ({ from, to, envelopes })),
    slices: manifest.slices.map(({ partition, marker, commit, n, actors, bytes }, at) => ({
      ...{ partition, marker, commit, n, actors, bytes },
      node: slices[at]?.node,
      layers: slices[at]?.layers.length,
      recordedAfterMs: (slices[at]?.at ?? begunAt) - begunAt,
      pauseMs: slices[at]?.pauseMs,
    })),
  }
}

/** In entries; a large one is several. */
function parkedIn({ parked = [] }: Manifest): number {
  return parked.reduce((sum, { rows }) => sum + rows, 0)
}

const labelWidth = 12
const channelsShown = 12

type Shown = { readonly manifest: Manifest; readonly slices: readonly CutSlice[]; readonly found: Sums }

function print({ out }: Call, { manifest, slices, found }: Shown): void {
  const now = systemClock.now()
  const row = (label: string, text: string): void => out.line(`${out.style('dim', label.padEnd(labelWidth))}${text}`)
  const { id, name, begunAt, recordedAt, wholeAt, channels } = manifest
  out.line(out.style('bold', name === undefined ? id : `${name} (${id})`))
  row('taken', `${timeText(begunAt, now)} by ${manifest.by}, perdure ${manifest.release}`)
  row(
    'took',
    `${span(recordedAt - begunAt)} until all had recorded, ${span(wholeAt - begunAt)} until it was whole${pauseText(slices)}`,
  )
  row(
    'realm',
    `${manifest.realm}, generation ${manifest.generation}, ${plural(manifest.partitions, 'partition')}, log up to ${Math.max(...manifest.slices.map(({ commit }) => commit))}`,
  )
  row('size', `${bytesText(sumsOf(manifest).bytes)}, of which it added ${bytesText(manifest.added)}`)
  row(
    'waiting',
    `${plural(found.timers, 'actor')} for a timer, ${found.effects} for an effect, ${found.subscribed} subscribed`,
  )
  const parked = parkedIn(manifest)
  if (parked > 0) row('parked', `${parked} ${parked === 1 ? 'entry' : 'entries'}`)
  const section = (title: string, heads: readonly string[], rows: readonly (readonly string[])[]): void => {
    if (rows.length === 0) return
    out.line()
    out.line(out.style('bold', title))
    const columns = heads.map((head) => ({ head }))
    for (const line of table(columns, rows, out.width - 2)) out.line(`  ${line}`)
  }
  section(
    'actors',
    ['kind', 'actors', 'version'],
    [...found.kinds].map(([kind, count]) => [
      kind,
      String(count),
      manifest.kinds
        .filter((one) => one.kind === kind)
        .map(({ version }) => String(version))
        .join(', '),
    ]),
  )
  const most = channels.toSorted((a, b) => b[2] - a[2])
  section(
    `in flight: ${channels.reduce((sum, [, , count]) => sum + count, 0)}`,
    ['from', 'to partition', 'envelopes'],
    most.slice(0, channelsShown).map(([from, to, count]) => [channelText(from), String(to), String(count)]),
  )
  if (most.length > channelsShown) out.line(`  … ${most.length - channelsShown} more channels: --json`)
}

/** Of cuts that were taken before it was noted, nothing. */
function pauseText(slices: readonly CutSlice[]): string {
  const pauses = slices.flatMap(({ pauseMs }) => pauseMs ?? [])
  return pauses.length === 0 ? '' : `; no node stood still for longer than ${Math.max(...pauses)} ms`
}

const senders: Readonly<Record<string, string>> = {
  x: 'outside',
  e: 'effects',
  c: 'operators',
  ev: 'topics',
}

function channelText(from: string): string {
  return senders[from] ?? `partition ${from}`
}
