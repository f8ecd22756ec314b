/** `perdure migrate --dry-run`: whether every stored actor fits the definitions at hand, before they serve. */
import type { Call, Command } from '#bin/command.ts'
import { loadActors } from '#bin/load-actors.ts'
import { clip, wrap } from '#bin/layout.ts'
import { wrong } from '#bin/parse-line.ts'
import { type Address, kindOf, type RealmHandle } from '#runtime/index.ts'
import { type Blueprint, blueprintOf } from '#runtime/core/blueprint.ts'
import { blueprintFor } from '#runtime/core/live.ts'
import { migrate } from '#runtime/core/migrate.ts'
import { compareShapes } from '#runtime/core/shape.ts'
import { registeredKind } from '#runtime/rollouts/kinds.ts'

export const command: Command = {
  name: 'migrate',
  title: 'tries new definitions on every stored actor, changing nothing',
  usage: ['--dry-run [--actors ./new.ts] [--kind order]'],
  about: [
    'Runs the migrate steps of the kinds in the module over every actor that the running realm holds, and names those that would be set aside. Nothing is stored: an actor is migrated when it is next woken by a node that runs the new definition. Exit code 1 when some would not fit.',
  ],
  examples: ['migrate --dry-run --actors ./shop-v2.ts', 'migrate --dry-run --actors ./shop-v2.ts --kind order --json'],
  flags: {
    'dry-run': { type: 'yes', about: 'Has to be there: this is all that the command does.' },
    kind: { type: 'text', value: 'kind', about: 'Only this kind.' },
  },
  settings: 'all',
  json: 'A line for each actor that does not fit {"unfit","reason"}, then one for each kind {"kind","version","same","migrated","unfit","differences"}.',
  async run(call) {
    if (!call.is('dry-run'))
      throw wrong(
        command,
        'Say --dry-run: actors are migrated by the node when they are next woken, and this command only tries it.',
      )
    if (call.words.length > 0) throw wrong(command, `"${call.words[0]}" is one word too many.`)
    const wanted = call.text('kind')
    const kinds = new Map(
      (await loadActors(call.config.node['actors.module']))
        .filter(({ kind }) => wanted === undefined || kind === wanted)
        .map((kind) => [kind.kind, blueprintOf(kind)]),
    )
    if (wanted !== undefined && kinds.size === 0) throw wrong(command, `The module has no kind "${wanted}".`)
    const realm = await call.realm()
    const found = await tryAll(call, realm, kinds, wanted)
    const unfit = await report(call, realm, kinds, found)
    return unfit === 0 ? 0 : 1
  },
}

type Counts = { same: number; migrated: number; unfit: number }

type Tried = { readonly counts: ReadonlyMap<string, Counts>; readonly foreign: ReadonlyMap<string, number> }

async function tryAll(
  call: Call,
  realm: RealmHandle,
  kinds: ReadonlyMap<string, Blueprint>,
  kind: string | undefined,
): Promise<Tried> {
  const counts = new Map<string, Counts>([...kinds.keys()].map((name) => [name, { same: 0, migrated: 0, unfit: 0 }]))
  const foreign = new Map<string, number>()
  for await (const { address, state } of realm.operate.list(kind === undefined ? {} : { kind })) {
    const root = kinds.get(kindOf(address))
    const count = counts.get(kindOf(address))
    if (root === undefined || count === undefined) {
      foreign.set(kindOf(address), (foreign.get(kindOf(address)) ?? 0) + 1)
      continue
    }
    // An ended actor is not stepped again; its output stays what it was.
    if (state.book.ended !== undefined) {
      count.same++
      continue
    }
    try {
      count[migrate(blueprintFor(root, state.book), state) === state ? 'same' : 'migrated']++
    } catch (error) {
      count.unfit++
      tellUnfit(call, address, error instanceof Error ? error.message : String(error))
    }
  }
  return { counts, foreign }
}

function tellUnfit({ json, out }: Call, address: Address, reason: string): void {
  if (json) return out.json({ unfit: address, reason })
  out.line(`${out.style('red', 'unfit')}  ${address}`)
  for (const line of wrap(reason, out.width - 8, '        ')) out.line(line)
}

async function report(
  { json, out }: Call,
  realm: RealmHandle,
  kinds: ReadonlyMap<string, Blueprint>,
  { counts, foreign }: Tried,
): Promise<number> {
  let all = 0
  for (const [kind, { version, shape }] of kinds) {
    const before = await registeredKind(realm.bus, kind)
    const differences =
      before === undefined
        ? []
        : compareShapes(before.shape, shape).map(({ sentence, breaking }) => ({ sentence, breaking }))
    const count = counts.get(kind) ?? { same: 0, migrated: 0, unfit: 0 }
    all += count.unfit
    if (json) {
      out.json({ kind, version, ...count, registered: before?.version ?? null, differences })
      continue
    }
    const { same, migrated, unfit } = count
    out.line(
      `${out.style('bold', kind)} version ${version}${before === undefined || before.version === version ? '' : ` (was ${before.version})`}: ${same} fit as they are, ${migrated} would be migrated, ${unfit} would be set aside`,
    )
    for (const { sentence } of differences) for (const line of wrap(sentence, out.width, '  ')) out.line(line)
  }
  if (!json && foreign.size > 0)
    out.line(
      clip(
        `not tried, because the module has no such kind: ${[...foreign].map(([kind, count]) => `${kind} (${count})`).join(', ')}`,
        out.width,
      ),
    )
  return all
}
