/** `perdure rewind`: sets an actor back, and all who must go back with it. */
import type { Call, Command } from '#bin/command.ts'
import { clip, plural, stateText, table } from '#bin/layout.ts'
import { addressText } from '#bin/look.ts'
import { wrong } from '#bin/parse-line.ts'
import { plain } from '#bin/output.ts'
import { stateOfArray } from '#protocol/state.ts'
import type { Rewinding } from '#runtime/index.ts'

export const command: Command = {
  name: 'rewind',
  title: 'sets an actor back, and those who must go back with it',
  usage: ['<address> --to <cut | place | time> [--yes [--replay]]'],
  about: [
    'Whoever took something that the actor sent behind that instant has to go back to before it took that, and so on: the set is computed from what is on the log, and shown with why each is in it. Without --yes nothing is changed.',
    'With --yes each goes back by one commit of its own, if it has not gone on since; one that has is left as it is and its envelope is parked (rewind.moved). What was emitted, answered or done by effects cannot be taken back, and is listed. What came from others meanwhile is lost to those who go back; --replay sends it again behind it.',
  ],
  examples: [
    'rewind order/42 --to 10m',
    'rewind order/42 --to before-deploy --yes',
    'rewind order/42 --to 1041 --yes --replay --json',
  ],
  flags: {
    to: { type: 'text', value: '10m', about: 'A place on the log, a time or a cut.' },
    yes: { type: 'yes', about: 'Does it.' },
    replay: { type: 'yes', about: 'With --yes: events that came from others meanwhile are sent again.' },
  },
  settings: 'connection',
  json: 'One value: {"actors":[{"address","to","why","commits","state"}],"lost","emitted","effects","underWay","done"}.',
  async run(call) {
    const [address, extra] = call.words
    const to = call.text('to')
    if (address === undefined || extra !== undefined) throw wrong(command, 'Name one actor, for example order/42.')
    if (to === undefined) throw wrong(command, 'Say where it goes back to: --to 10m, --to before-deploy, --to 1041.')
    const { past } = await call.realm()
    const rewinding = await past.rewind(address, to)
    const done = call.is('yes') ? await rewinding.apply({ replay: call.is('replay') }) : undefined
    if (call.json) call.out.json({ ...jsonOf(rewinding), done })
    else print(call, rewinding)
    if (done === undefined) {
      if (!call.json) call.out.note('Nothing was changed; --yes does it.')
      return 0
    }
    const moved = done.filter(({ is }) => is === 'moved')
    if (!call.json) {
      call.out.line()
      call.out.line(`${plural(done.length - moved.length, 'actor')} went back.`)
      for (const one of moved)
        call.out.line(
          `${addressText(one.address)} has gone on since, and was left as it is (perdure parked ${one.address}).`,
        )
    }
    return moved.length === 0 ? 0 : 1
  },
}

function jsonOf({ actors, lost, emitted, effects, underWay }: Rewinding): object {
  return {
    actors: actors.map(({ address, to, why, commits, state }) => ({
      ...{ address, to, why, commits },
      state: state === undefined ? null : stateOfArray(state).snapshot.value,
      context: state === undefined ? undefined : plain(stateOfArray(state).snapshot.context),
    })),
    lost: lost.map(({ address, seq, type }) => ({ address, seq, type })),
    ...{ emitted, effects, underWay },
  }
}

const shownMost = 20

function print({ out }: Call, { actors, lost, emitted, effects, underWay }: Rewinding): void {
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
    'lost, unless sent again (--replay)',
    lost.map(({ address, seq, type }) => `${seq}  ${type} to ${addressText(address)}`),
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
