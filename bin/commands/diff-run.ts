/** `perdure diff-run`: what a change would have made of the same events since a cut. */
import { resolve } from 'node:path'
import type { Call, Command } from '#bin/command.ts'
import { tellRun } from '#bin/forks/run-text.ts'
import { openTrialDesk } from '#bin/forks/trial-desk.ts'
import { loadActors, loadInvariants } from '#bin/load-actors.ts'
import { wrong } from '#bin/parse-line.ts'
import { chosenOf, readReplayList } from '#bin/restore/replay-list.ts'
import { openRestoreDesk, type RestoreDesk } from '#bin/restore/restore-desk.ts'
import { isFault } from '#protocol/fault.ts'
import { parseForkEffects } from '#protocol/fork.ts'
import type { CutView } from '#runtime/cuts/reading/open-cut.ts'
import type { Came } from '#runtime/cuts/restoring/replay.ts'
import { diffRun } from '#runtime/forks/diff-run.ts'
import type { ActorKind } from '#runtime/index.ts'

const restMs = 60_000
const shownMost = 20

export const command: Command = {
  name: 'diff-run',
  title: 'what a change would have made of the same events since a cut',
  usage: ['<cut|file> --change <module.ts|events.jsonl> [--until 10m|<time>] [--actors file.ts]'],
  about: [
    'Runs two forks of the cut through, in this process and in virtual time: one with the actors as they are (--actors) and the events that came from outside since, one with the change. A module (.ts, .js) is other definitions of actors; a list (.jsonl) is other events: print the real ones with "restore <cut> --list-replay", then drop, edit or add lines.',
    'Both are driven in step, each event at the instant at which it came, timers at theirs. It reports the first state in which they part (address, step, paths), and how both end: which actors differ, what was set aside, which invariants do not hold. Both forks are gone afterwards; nothing is made on a server, and the realm is only read.',
    'No effect runs: answers come from the journal of the realm, as in a fork. A change that asks for something else finds no answer, and it is said which effects wait for one.',
  ],
  examples: [
    'diff-run before-deploy --actors ./shop.ts --change ./shop-next.ts',
    'diff-run last --change events.jsonl --until 10m --json',
  ],
  flags: {
    change: { type: 'text', value: 'next.ts', about: 'Other actors, or other events.' },
    until: {
      type: 'text',
      value: '10m',
      about: 'How long they go on behind the last event (1m by default), or until when.',
    },
    effects: {
      type: 'text',
      value: 'journal',
      about: 'Whether effects are answered as in the realm, or not at all.',
      choices: ['journal', 'block'],
    },
    limit: { type: 'text', value: '20', about: 'Shows at most so many actors that differ; 0 is all.' },
  },
  settings: 'all',
  json: 'A first line {"is":"parting","parted","address","step","at","after","paths"}, a line for each actor that differs in the end {"is","address","paths","count"}, a last one {"is":"end","at","differing":{"added","removed","changed"},"before":{"delivered","parked","unanswered","invariants", …},"changed":{…}}.',
  async run(call) {
    const [named, extra] = call.words
    if (named === undefined) throw wrong(command, 'Name a cut ("perdure cut ls" lists them), or a file.')
    if (extra !== undefined) throw wrong(command, `"${extra}" is one word too many; name one cut.`)
    await using desk = await openRestoreDesk(call.config)
    const view = await desk.open(named)
    const change = await changeOf(call, desk, view)
    await using trials = await openTrialDesk(call.config)
    const { node } = call.config
    const invariants = await loadInvariants(call.config)
    const both = { invariants, effects: parseForkEffects(call.text('effects') ?? 'journal') }
    const actors = await loadActors(node['actors.module'])
    const before = await trials.open(view, { ...both, name: 'before', actors })
    const changed = await trials.open(view, { ...both, name: 'changed', actors: change.actors ?? actors })
    const run = await diffRun(
      [
        { trial: before, events: change.came },
        { trial: changed, events: change.events },
      ],
      { until: untilOf(call), onProgress: progressOf(call) },
    )
    await tellRun(call, run, call.count('limit', shownMost) || Infinity)
    return 0
  },
}

type Change = {
  readonly actors: readonly ActorKind[] | undefined
  readonly came: readonly Came[]
  readonly events: readonly Came[]
}

async function changeOf(call: Call, desk: RestoreDesk, view: CutView): Promise<Change> {
  const path = call.text('change')
  if (path === undefined) throw wrong(command, 'Say what is changed: --change with a module, or with a list of events.')
  const came = await cameOf(desk, view)
  if (!path.endsWith('.jsonl')) return { actors: await loadActors(resolve(path)), came, events: came }
  const list = await readReplayList(path, view.manifest.id)
  return { actors: undefined, came, events: await Array.fromAsync(chosenOf(list, each(came))) }
}

/** On servers that never had the log there is nothing but what a list says. */
async function cameOf(desk: RestoreDesk, view: CutView): Promise<readonly Came[]> {
  try {
    return await Array.fromAsync(desk.came(view))
  } catch (error) {
    if (isFault(error, 'replay.absent')) return []
    throw error
  }
}

async function* each(came: readonly Came[]): AsyncGenerator<Came> {
  yield* came
}

function untilOf(call: Call): Parameters<typeof diffRun>[1]['until'] {
  const at = Date.parse(call.text('until') ?? '')
  return Number.isNaN(at) ? { afterMs: call.ms('until', restMs) } : { at }
}

const everyEvents = 1000

function progressOf({ out, json }: Call): (done: number, of: number) => void {
  return (done, of) => {
    if (!json && (done % everyEvents === 0 || done === of)) out.note(`delivered what came at ${done} of ${of} instants`)
  }
}
