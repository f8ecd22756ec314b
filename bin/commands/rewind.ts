/** `perdure rewind`: sets an actor back, and all who must go back with it. */
import type { Call, Command } from '#bin/command.ts'
import { eventOfWords } from '#bin/event-words.ts'
import { clip, plural, stateText, table } from '#bin/layout.ts'
import { addressText } from '#bin/look.ts'
import { wrong } from '#bin/parse-line.ts'
import { plain } from '#bin/output.ts'
import { againLines, type Choice, type Chosen, readChoice, replayBy } from '#bin/rewind/again-list.ts'
import { stateOfArray } from '#protocol/state.ts'
import type { AnyEvent, Rewinding, Rewound } from '#runtime/index.ts'

export const command: Command = {
  name: 'rewind',
  title: 'sets an actor back, and those who must go back with it',
  usage: [
    "<address> --to <cut | place | time> [--then '<json>'] [--replay | --replay-from <file>] [--yes]",
    '<address> --to <cut | place | time> --list-replay',
  ],
  about: [
    'Whoever took something that the actor sent behind that instant has to go back to before it took that, and so on: the set is computed from what is on the log, and shown with why each is in it. Without --yes nothing is changed.',
    'With --yes each goes back by one commit of its own, if it has not gone on since; one that has is left as it is and its envelope is parked (rewind.moved). What was emitted, answered or done by effects cannot be taken back, and is listed. What came from others meanwhile is lost to those who go back; --replay sends it again behind it.',
    'With --then the named actor takes an event in the very commit in which it goes back: nothing comes between, and where the rewind is refused the event is not taken either. What the event comes to is its own matter: one that its schema or its state refuses is parked, and the rewind stands.',
    '--list-replay prints what --replay would send as JSON lines, and changes nothing: drop lines or change their events, and give the file to --replay-from. What was lost only after the list was made is sent as well.',
  ],
  examples: [
    'rewind order/42 --to 10m',
    'rewind order/42 --to before-deploy --yes',
    'rewind order/42 --to 1041 --yes --replay --json',
    `rewind order/42 --to 10m --then '{"type":"CORRECT","amount":5}' --yes`,
    'rewind order/42 --to 1041 --list-replay > events.jsonl',
    'rewind order/42 --to 1041 --replay-from events.jsonl --yes',
  ],
  flags: {
    to: { type: 'text', value: '10m', about: 'A place on the log, a time or a cut.' },
    yes: { type: 'yes', about: 'Does it.' },
    then: {
      type: 'text',
      value: `'{"type":"CORRECT"}'`,
      about: 'An event that the actor takes in the commit in which it goes back.',
    },
    replay: { type: 'yes', about: 'With --yes: events that came from others meanwhile are sent again.' },
    'replay-from': { type: 'text', value: 'events.jsonl', about: 'The same from a list that --list-replay printed.' },
    'list-replay': { type: 'yes', about: 'Prints what --replay would send, and changes nothing.' },
  },
  settings: 'connection',
  json: 'One value: {"actors":[{"address","to","why","commits","state"}],"then","lost":[{"address","seq","type","again","event"}],"emitted","effects","underWay","done":[{"address","is","seq","then"}]}; again is "asItCame", "edited" or "dropped". --list-replay: a line for each event {"to","event","from","id","at", …}.',
  async run(call) {
    const [address, extra] = call.words
    const to = call.text('to')
    if (address === undefined || extra !== undefined) throw wrong(command, 'Name one actor, for example order/42.')
    if (to === undefined) throw wrong(command, 'Say where it goes back to: --to 10m, --to before-deploy, --to 1041.')
    const then = call.text('then')
    const wish: Wish = {
      then: then === undefined ? undefined : eventOfWords([then]),
      from: call.text('replay-from'),
      isAll: call.is('replay'),
    }
    if (wish.from !== undefined && wish.isAll) throw wrong(command, 'Either --replay or --replay-from, not both.')
    if (call.is('list-replay') && call.is('yes'))
      throw wrong(
        command,
        '--list-replay changes nothing; leave out --yes, edit the list, and give it to --replay-from.',
      )
    const { past, bus } = await call.realm()
    const rewinding = await past.rewind(address, to)
    const { generation } = bus.realm
    if (call.is('list-replay')) {
      for (const line of againLines(rewinding, generation)) call.out.json(line)
      return 0
    }
    return await rewind(call, rewinding, await wholeOf(wish, rewinding, generation))
  },
}

type Wish = { readonly then: AnyEvent | undefined; readonly from: string | undefined; readonly isAll: boolean }

/** What is taken with it, and what is sent again behind it. */
type Whole = Pick<Wish, 'then'> & { readonly choice: Choice | undefined }

async function wholeOf({ then, from, isAll }: Wish, rewinding: Rewinding, generation: number): Promise<Whole> {
  if (from !== undefined) return { then, choice: await readChoice(from, rewinding, generation) }
  if (!isAll) return { then, choice: undefined }
  return { then, choice: new Map(rewinding.lost.map(({ seq }) => [seq, { again: 'asItCame' }])) }
}

async function rewind(call: Call, rewinding: Rewinding, { then, choice }: Whole): Promise<0 | 1> {
  const replay = choice === undefined ? false : replayBy(choice)
  const done = call.is('yes') ? await rewinding.apply({ then, replay }) : undefined
  if (call.json) call.out.json({ ...jsonOf(rewinding, { then, choice }), done })
  else print(call, rewinding, choice)
  if (done === undefined) {
    if (!call.json) call.out.note('Nothing was changed; --yes does it.')
    return 0
  }
  if (!call.json) tell(call, done, then)
  return done.every((one) => one.is === 'back' && one.then !== 'parked') ? 0 : 1
}

function tell({ out }: Call, done: readonly Rewound[], event: AnyEvent | undefined): void {
  const moved = done.filter(({ is }) => is === 'moved')
  out.line()
  out.line(`${plural(done.length - moved.length, 'actor')} went back.`)
  for (const { address } of moved)
    out.line(`${addressText(address)} has gone on since, and was left as it is (perdure parked ${address}).`)
  for (const { address, then } of done) {
    if (then === undefined || event === undefined) continue
    const name = addressText(address)
    if (then === 'taken') out.line(`${name} took ${event.type} in the same commit.`)
    else if (then === 'parked') out.line(`${event.type} was parked, and the rewind stands (perdure parked ${address}).`)
    else out.line(`${event.type} is ${then}, and the rewind stands.`)
  }
}

function jsonOf({ actors, lost, emitted, effects, underWay }: Rewinding, { then, choice }: Whole): object {
  return {
    actors: actors.map(({ address, to, why, commits, state }) => ({
      ...{ address, to, why, commits },
      state: state === undefined ? null : stateOfArray(state).snapshot.value,
      context: state === undefined ? undefined : plain(stateOfArray(state).snapshot.context),
    })),
    lost: lost.map(({ address, seq, type }) => ({ address, seq, type, ...choice?.get(seq) })),
    ...{ then, emitted, effects, underWay },
  }
}

const shownMost = 20

function print({ out }: Call, rewinding: Rewinding, choice: Choice | undefined): void {
  const { actors, lost, emitted, effects, underWay } = rewinding
  const columns = [{ head: 'ACTOR', most: 32 }, { head: 'COMMITS' }, { head: 'BACK TO', most: 24 }, { head: 'BECAUSE' }]
  const rows = actors.map(({ address, commits, state, why }) => [
    addressText(address),
    String(commits),
    state === undefined
      ? 'not there'
      : stateText(stateOfArray(state).snapshot.value, stateOfArray(state).snapshot.status),
    why === undefined ? 'it was named' : `it took ${why.type} of ${addressText(why.from)} (${why.seq})`,
  ])
  for (const line of table(columns, rows, out.width)) out.line(line)
  const section = (title: string, lines: readonly string[]): void => {
    if (lines.length === 0) return
    out.line()
    out.line(out.style('bold', `${title}: ${lines.length}`))
    for (const line of lines.slice(0, shownMost)) out.line(`  ${clip(line, out.width - 2)}`)
    if (lines.length > shownMost) out.line(`  … ${lines.length - shownMost} more: --json`)
  }
  section(
    choice === undefined ? 'lost, unless sent again (--replay)' : 'sent again, unless dropped',
    lost.map(({ address, seq, type }) => `${seq}  ${type} to ${addressText(address)}${againText(choice?.get(seq))}`),
  )
  section(
    'under way, and taken all the same',
    underWay.map(({ from, to, seq, type }) => `${seq}  ${type} of ${addressText(from)} to ${addressText(to)}`),
  )
  section(
    'emitted, and not taken back',
    emitted.map(({ from, seq, type }) => `${seq}  ${type} of ${addressText(from)}`),
  )
  section(
    'effects, and not taken back',
    effects.map(({ address, name, id }) => `${name} of ${addressText(address)}  ${id}`),
  )
}

function againText(chosen: Chosen | undefined): string {
  if (chosen?.again === 'edited') return `, edited: ${JSON.stringify(chosen.event)}`
  return chosen?.again === 'dropped' ? ', dropped' : ''
}
