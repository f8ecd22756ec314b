/** `perdure restore`: the realm goes on from a cut, in place or on new servers. */
import type { Call, Command } from '#bin/command.ts'
import { plural } from '#bin/layout.ts'
import { wrong } from '#bin/parse-line.ts'
import { isAgreed } from '#bin/restore/ask-yes.ts'
import { forgetSealed } from '#bin/restore/forget-sealed.ts'
import { type Plan, planJson, printPlan } from '#bin/restore/plan-text.ts'
import { progressOf } from '#bin/restore/progress.ts'
import { chosenOf, lineOf, readReplayList, type ReplayList } from '#bin/restore/replay-list.ts'
import { isFault } from '#protocol/fault.ts'
import { partitionsOf } from '#bin/restore/partitions.ts'
import type { CutView } from '#runtime/cuts/reading/open-cut.ts'
import type { Came } from '#runtime/cuts/restoring/replay.ts'
import type { Restored, RestoreOptions, TimerChoice } from '#runtime/cuts/restoring/restore.ts'
import { systemClock } from '#runtime/index.ts'
import { openRestoreDesk, type RestoreDesk } from '#bin/restore/restore-desk.ts'

export const command: Command = {
  name: 'restore',
  title: 'lets the realm go on from a cut, in place or on new servers',
  usage: [
    '<cut|file> [--replay | --replay-from <file>] [--timers shifted|frozen] [--partitions n] [--lazy] [--yes]',
    '<cut|file> --list-replay',
    '--give-up',
    '--forget-sealed [--yes]',
  ],
  about: [
    'A realm that runs is taken back to the instant of the cut: it is sealed, all that is in the cut becomes its next generation, and its nodes go on there by themselves. After a total loss the cut comes from an exported file, and new servers take it up. States, timers, effects that were pending and envelopes in flight come back with it. All of the cut is looked at before anything is changed; then it says what it will do and asks.',
    'What came from outside after the cut is as if it had never been sent; --replay delivers it again, in its order and with its ids. --list-replay prints it as JSON lines: drop lines or change their events, and give the file to --replay-from. What came after the list was made is delivered as well.',
    'A restore that dies can be begun again at any time with the same command; until it has ended, nobody serves the realm. --give-up lets it go on as it was sealed instead.',
    'The generations before stay on the server, sealed: they are the past that "perdure at" looks at, and what --replay reads. --forget-sealed removes them.',
    'With --lazy a large realm serves sooner: the states lie in its bases as they are sealed in the cut, and its nodes unpack them while they serve. Until they have, each node needs the key of the cut (cuts.key, cuts.keyFile) and this release or a later one; a node without it does not serve, and says so.',
    'Effects that ended after the cut run again: what they do outside is not taken back. Versions of kinds are what they were at the cut; nodes of a bad version are stopped before, or they roll it out again.',
  ],
  examples: [
    'restore before-deploy',
    'restore last --list-replay > events.jsonl',
    'restore last --replay-from events.jsonl --yes',
    'restore ./shop.cut --servers nats://10.0.0.9:4222 --timers shifted',
    'restore ./shop.cut --lazy --yes',
  ],
  flags: {
    replay: { type: 'yes', about: 'Delivers again what came from outside after the cut.' },
    'replay-from': { type: 'text', value: 'events.jsonl', about: 'The same from a list that --list-replay printed.' },
    'list-replay': { type: 'yes', about: 'Prints what --replay would deliver, and changes nothing.' },
    timers: {
      type: 'text',
      value: 'shifted',
      about: 'Whether instants stay, move by the time since the cut, or wait for "perdure timers thaw".',
      choices: ['deadline', 'shifted', 'frozen'],
    },
    partitions: { type: 'text', value: '32', about: 'Another number of partitions than the cut has.' },
    lazy: { type: 'yes', about: 'Nodes serve before they have unpacked the states; they need the key of the cut.' },
    'dry-run': { type: 'yes', about: 'Looks at all of the cut, says what would be done, and ends.' },
    yes: { type: 'yes', about: 'Does not ask.' },
    'give-up': { type: 'yes', about: 'Ends a restore that cannot be finished: the realm goes on as it was.' },
    'forget-sealed': {
      type: 'yes',
      about: 'Removes what restores left behind: the logs and bases of earlier generations.',
    },
  },
  settings: 'all',
  json: '{"cut","generation","partitions","actors","envelopes","replayed"}; --dry-run: what would be done; --list-replay: a line for each event {"to","event","from","id","at", …}.',
  async run(call) {
    const { words } = call
    if (call.is('forget-sealed')) return await forgetSealed(call)
    await using desk = await openRestoreDesk(call.config)
    if (call.is('give-up')) return await giveUp(call, desk)
    const [named, extra] = words
    if (named === undefined) throw wrong(command, 'Name a cut ("perdure cut ls" lists them), or a file.')
    if (extra !== undefined) throw wrong(command, `"${extra}" is one word too many; name one cut.`)
    const view = await desk.open(named)
    if (call.is('list-replay')) return await listReplay(call, desk, view)
    return await restore(call, desk, view)
  },
}

async function restore(call: Call, desk: RestoreDesk, view: CutView): Promise<0 | 1> {
  const { manifest } = view
  const partitions = partitionsOf(call, command) ?? manifest.partitions
  const timers = (call.text('timers') ?? 'deadline') as TimerChoice
  const isLazy = call.is('lazy')
  if (isLazy && (partitions !== manifest.partitions || timers === 'shifted'))
    throw wrong(command, '--lazy leaves states as they are: neither --partitions nor --timers shifted goes with it.')
  const list = await listOf(call, manifest.id)
  const progress = progressOf(call)
  const looked = await desk.verify(view, progress)
  const plan: Plan = {
    manifest,
    present: await desk.present(),
    ...{ partitions, timers, isLazy },
    replay: list !== undefined ? 'list' : call.is('replay') ? 'all' : 'none',
    came: await countOf(call, desk, view),
  }
  if (call.is('dry-run') && call.json) call.out.json(planJson(plan))
  else if (!call.json) printPlan(call.out, plan, systemClock.now())
  if (call.is('dry-run')) return 0
  const advice = 'say --yes, or --dry-run to see what it would do'
  if (!(await isAgreed(call, 'Go on?', { name: 'restore', advice }))) {
    call.out.note('Nothing was changed.')
    return 1
  }
  const options: RestoreOptions = { partitions, timers, isLazy, looked, replay: replayOf(call, { desk, view, list }) }
  tell(call, manifest.id, await desk.restore(view, options, progress))
  return 0
}

type Replaying = { readonly desk: RestoreDesk; readonly view: CutView; readonly list: ReplayList | undefined }

function replayOf(call: Call, { desk, view, list }: Replaying): (() => AsyncIterable<Came>) | undefined {
  if (list !== undefined) return () => chosenOf(list, orNothing(desk.came(view)))
  return call.is('replay') ? () => desk.came(view) : undefined
}

/** A list needs no log: it says all of what is in it. */
async function* orNothing(came: AsyncIterable<Came>): AsyncGenerator<Came> {
  try {
    yield* came
  } catch (error) {
    if (!isUnknown(error)) throw error
  }
}

/** Before it is begun: what the log does not hold cannot be asked for in the middle. */
async function countOf(call: Call, desk: RestoreDesk, view: CutView): Promise<number | undefined> {
  let count = 0
  try {
    for await (const _ of desk.came(view)) count++
    return count
  } catch (error) {
    if (!isUnknown(error) || call.is('replay')) throw error
    return undefined
  }
}

function isUnknown(error: unknown): boolean {
  return isFault(error, 'replay.absent') || isFault(error, 'replay.trimmed')
}

async function listOf(call: Call, cut: string): Promise<ReplayList | undefined> {
  const path = call.text('replay-from')
  if (path === undefined) return undefined
  if (call.is('replay')) throw wrong(command, 'Either --replay or --replay-from, not both.')
  return await readReplayList(path, cut)
}

async function listReplay(call: Call, desk: RestoreDesk, view: CutView): Promise<0> {
  let last: Came | undefined
  for await (const one of desk.came(view)) last = one
  if (last === undefined) return 0
  for await (const one of desk.came(view)) {
    call.out.json(lineOf(one, last, view.manifest.id))
    if (one.generation === last.generation && one.position === last.position) return 0
  }
  return 0
}

async function giveUp(call: Call, desk: RestoreDesk): Promise<0> {
  const { realm, lastSeq } = await desk.giveUp()
  if (call.json) call.out.json({ generation: realm.generation, partitions: realm.partitions, lastSeq })
  else call.out.line(`the realm ${realm.name} serves again as generation ${realm.generation}, as it was sealed`)
  return 0
}

function tell(call: Call, cut: string, restored: Restored): void {
  if (call.json) return call.out.json({ cut, ...restored })
  const { generation, actors, envelopes, replayed } = restored
  const again = replayed === 0 ? '' : `, ${plural(replayed, 'event')} delivered again`
  call.out.line(
    `restored ${cut} as generation ${generation}: ${plural(actors, 'actor')}, ${plural(envelopes, 'envelope')} in flight${again}`,
  )
}
