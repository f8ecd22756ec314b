/** `perdure rollout`: which version of a kind serves where, and moving it on or back. */
import type { Call, Command } from '#bin/command.ts'
import { plural, rangesText, timeText, wrap } from '#bin/layout.ts'
import { wrong } from '#bin/parse-line.ts'
import { guessOf } from '#config/guess.ts'
import { Fault } from '#protocol/fault.ts'
import { type RealmHandle, type SeenNode, systemClock } from '#runtime/index.ts'
import type { KindEntry, Rollout } from '#runtime/core/kind-entry.ts'
import { carriersOf, movedOf, requirementsOf } from '#runtime/core/requirements.ts'
import { advanced, type FirstShare, forgotten, undone } from '#runtime/core/rollout.ts'
import { changeKind, kindEntries, kindEntry } from '#runtime/rollouts/kinds.ts'

const verbs = ['status', 'advance', 'undo', 'forget'] as const

export const command: Command = {
  name: 'rollout',
  title: 'shows and moves versions of kinds on a running realm',
  usage: ['[status] [kind]', 'advance <kind> [--share 0.1 | --share auto]', 'undo <kind> [--force]', 'forget <kind>'],
  about: [
    'A node that brings a newer version of a kind joins, and partitions move to it: as many as its part of the capacity (auto), or the share that rollout.share and "advance" say. Old and new nodes work side by side; an actor is migrated when its partition has moved. A share only grows.',
    '"advance" without --share moves everything. "undo" moves everything back: at once where the old version can read the states as they are, else after the new version has stepped each of them down (migrate: { 1: { up, down } }); what has no way back is refused before anything is changed, and so is one of whose stored states some cannot be stepped down: their owners try all of them first. With --force those are set aside whole. Afterwards the version is held until "advance".',
    '"forget" is for a kind that no node carries any more: its partitions go on without it, and what comes for it is parked.',
  ],
  examples: ['rollout', 'rollout advance order --share 0.1', 'rollout advance order', 'rollout undo order'],
  flags: {
    force: { type: 'yes', about: 'Undo although some stored states cannot be taken back, or nobody can try them.' },
    share: { type: 'text', value: '0.1', about: 'Of all partitions, from 0 to 1; or auto: what the nodes can carry.' },
  },
  settings: 'connection',
  json: 'A line for each kind: {"kind","versions":[{"version","hash","since","by","nodes"}],"from","to","share","state","partitions":{"from","to"},"back","needed","waits","history"}.',
  verbs,
  async run(call) {
    const [first, ...rest] = call.words
    const verb = verbs.find((one) => one === first)
    const [kind, extra] = verb === undefined ? call.words : rest
    if (extra !== undefined) throw wrong(command, `"${extra}" is one word too many; one kind can be named.`)
    const share = shareOf(call)
    if (share !== undefined && verb !== 'advance') throw wrong(command, '--share belongs to "advance".')
    if (call.is('force') && verb !== 'undo') throw wrong(command, '--force belongs to "undo".')
    const realm = await call.realm()
    const { nodes } = await realm.operate.nodes()
    if (verb === undefined || verb === 'status') return await status(call, { realm, nodes, kind })
    if (kind === undefined) throw wrong(command, `Which kind? "perdure rollout" lists them.`)
    if (verb === 'undo' && !call.is('force')) await tryWayBack(realm, kind)
    const entry = await move({ realm, nodes, kind }, verb, share ?? 1)
    show(call, { realm, nodes, kind }, [entry])
    return 0
  },
}

type Asked = { readonly realm: RealmHandle; readonly nodes: readonly SeenNode[]; readonly kind: string | undefined }

function shareOf(call: Call): FirstShare | undefined {
  const text = call.text('share')
  if (text === undefined || text === 'auto') return text
  const share = Number(text)
  if (text.trim() === '' || !(share >= 0 && share <= 1))
    throw wrong(command, `--share must be a number from 0 to 1, or auto; "${text}" is neither.`)
  return share
}

async function status(call: Call, asked: Asked): Promise<0> {
  const { realm, kind } = asked
  const entries = await kindEntries(realm.bus)
  const shown = kind === undefined ? entries : entries.filter((one) => one.kind === kind)
  if (kind !== undefined && shown.length === 0) throw unknown(kind, entries)
  show(call, asked, shown)
  return 0
}

function unknown(kind: string, entries: readonly KindEntry[]): Fault {
  const known = entries.map((one) => one.kind)
  const meant = guessOf(kind, known)
  return new Fault('rollout.unknown', {
    value: kind,
    known: meant === undefined ? known.join(', ') || 'none' : `${meant}?`,
  })
}

async function tryWayBack(realm: RealmHandle, kind: string): Promise<void> {
  const entry = await kindEntry(realm.bus, kind)
  if (entry !== undefined) await realm.operate.tryWayBack(entry)
}

async function move(
  { realm, nodes, kind = '' }: Asked,
  verb: 'advance' | 'undo' | 'forget',
  share: FirstShare,
): Promise<KindEntry> {
  const carriers = carriersOf(kind, nodes)
  const author = { by: 'operator', at: systemClock.now() }
  const entries = await kindEntries(realm.bus)
  const changed = await changeKind(realm.bus, kind, (now) => {
    if (now === undefined) throw unknown(kind, entries)
    if (verb === 'forget') {
      if (carriers.size > 0) throw new Fault('rollout.carried', { value: kind, count: carriers.size })
      return forgotten(now)
    }
    const next = verb === 'advance' ? advanced(now, share, author) : undone(now, author)
    for (const version of neededBy(next.rollout, verb))
      if (!carriers.has(version)) throw new Fault('rollout.nobody', { value: kind, version })
    return next
  })
  return changed as KindEntry
}

/** Versions without whose nodes partitions would be left to nobody. */
function neededBy(rollout: Rollout | undefined, verb: 'advance' | 'undo'): readonly number[] {
  if (rollout === undefined) return []
  const { from, to, state } = rollout
  if (verb === 'advance') return [to]
  return state === 'undoing' ? [from, to] : [from]
}

function show(call: Call, { realm, nodes }: Asked, entries: readonly KindEntry[]): void {
  const { partitions } = realm.bus.realm
  const all = requirementsOf(entries, nodes, partitions)
  const numbers = Array.from({ length: partitions }, (_, partition) => partition)
  const waits = numbers.flatMap((partition) => {
    const reason = all.reason(partition)
    return reason === undefined ? [] : [{ partition, reason }]
  })
  if (call.json) for (const entry of entries) call.out.json({ ...dataOf(entry, nodes, partitions), waits })
  else print(call, { entries, nodes, partitions, waits })
}

function dataOf(entry: KindEntry, nodes: readonly SeenNode[], partitions: number): object {
  const { kind, definitions, rollout, needed } = entry
  const moved = movedOf(kind, rollout?.share ?? 0, partitions).size
  return {
    kind,
    versions: definitions.map(({ version, hash, since, by }) => ({
      version,
      hash,
      since,
      by,
      nodes: carryingOf(kind, version, nodes),
    })),
    from: rollout?.from ?? null,
    to: rollout?.to ?? null,
    share: rollout?.share ?? null,
    state: rollout?.state ?? null,
    partitions: { from: partitions - moved, to: moved },
    back: rollout?.back ?? [],
    needed,
    history: rollout?.history ?? [],
  }
}

function carryingOf(kind: string, version: number, nodes: readonly SeenNode[]): readonly string[] {
  return nodes
    .filter(({ kinds }) => kinds.some(([one, its]) => one === kind && its === version))
    .map(({ name }) => name)
}

type Shown = {
  readonly entries: readonly KindEntry[]
  readonly nodes: readonly SeenNode[]
  readonly partitions: number
  readonly waits: readonly { readonly partition: number; readonly reason: string }[]
}

function print({ out }: Call, { entries, nodes, partitions, waits }: Shown): void {
  const now = systemClock.now()
  if (entries.length === 0) return out.line('No node has brought a kind yet.')
  for (const { kind, definitions, rollout } of entries) {
    out.line(`${out.style('bold', kind)}  ${stateText(kind, rollout, partitions)}`)
    for (const { version, since, by } of definitions) {
      const carrying = carryingOf(kind, version, nodes)
      const where = carrying.length === 0 ? 'on no node' : `on ${carrying.join(', ')}`
      const from = since === 0 ? '' : `, since ${timeText(since, now)}${by === '' ? '' : ` by ${by}`}`
      for (const line of wrap(`version ${version} ${where}${from}`, out.width, '  ')) out.line(line)
    }
  }
  const reasons = Map.groupBy(waits, ({ reason }) => reason)
  for (const [reason, waiting] of reasons)
    out.line(out.style('yellow', `partitions ${rangesText(waiting.map(({ partition }) => partition))} wait: ${reason}`))
}

function stateText(kind: string, rollout: Rollout | undefined, partitions: number): string {
  if (rollout === undefined) return 'one version'
  const { from, to, share, state, back } = rollout
  const moved = movedOf(kind, share, partitions).size
  if (state === 'held' && share === 0)
    return `held at version ${from}; "perdure rollout advance ${kind}" begins ${to} again`
  if (state === 'undoing')
    return `going back to version ${from}: ${back.length} of ${plural(moved, 'partition')} stepped down`
  if (share === 1) return `version ${to} everywhere`
  return `version ${to} on ${moved} of ${plural(partitions, 'partition')}, the rest on ${from} (${state})`
}
