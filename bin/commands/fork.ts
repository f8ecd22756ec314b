/** `perdure fork`: a second realm from the instant of a cut, beside the one that runs. */
import type { Call, Command } from '#bin/command.ts'
import type { ExitCode } from '#bin/exit-codes.ts'
import { wrong } from '#bin/parse-line.ts'
import { listForks } from '#bin/forks/list-forks.ts'
import { makeFork } from '#bin/forks/make-fork.ts'
import { removeForks } from '#bin/forks/remove-forks.ts'

type Verb = (call: Call, words: readonly string[]) => Promise<ExitCode | void>

const verbs: Readonly<Record<string, Verb>> = { ls: listForks, rm: removeForks }

export const command: Command = {
  name: 'fork',
  title: 'a second realm from the instant of a cut, beside the one that runs',
  usage: [
    '<cut|file> --as <realm> [--effects journal|block|allow:names] [--timers frozen|free] [--serve]',
    '[ls] [--all]',
    'rm <realm> …',
  ],
  about: [
    'A fork has every actor, envelope in flight, timer and pending effect of the cut, under a name, a log and subjects of its own. The realm that it comes from goes on as if nothing were; its nodes do not serve the fork. A node of the fork is started with the command that is printed, or in the foreground with --serve.',
    'Nothing of a fork reaches the world. With "journal", the default, an effect is answered with what the run of the realm itself returned after the cut: one that was pending by its id, a later one when the same actor asked for the same thing with the same input as often before. What has no answer there stays pending, and "perdure effects" says why; "effects resolve" answers it by hand. "block" answers nothing. "allow:" and a list of kinds, names or kind.name lets those run, and treats all others as "journal" does.',
    'Timers stand still until "perdure timers thaw" (in the fork); with --timers free they fire when they are due.',
    'The cut stays as long as one of its forks does: "cut rm" refuses it, and the schedule keeps it. "rm" removes a fork with all that it stored, once no node serves it.',
  ],
  examples: [
    'fork last --as shop-what-if',
    'fork before-deploy --as trial --effects allow:quote --timers free --serve --actors ./next.ts',
    'fork ./shop.cut --as shop-copy --effects block',
    'fork ls',
    'fork rm shop-what-if',
  ],
  flags: {
    as: { type: 'text', value: 'realm', about: 'The name of the realm that the fork is.' },
    effects: {
      type: 'text',
      value: 'journal',
      about: 'journal, block, or allow: and kinds or names with commas between.',
    },
    timers: { type: 'text', value: 'frozen', about: 'Whether timers fire.', choices: ['frozen', 'free'] },
    partitions: { type: 'text', value: '32', about: 'Another number of partitions than the cut has.' },
    serve: { type: 'yes', about: 'Serves it here, in the foreground, until Ctrl-C.' },
    all: { type: 'yes', about: 'ls: of all realms on these servers.' },
  },
  settings: 'all',
  json: '{"fork","of","cut","effects","timers","partitions","actors","envelopes","dir","command"}; ls: a line for each {"name","of","cut","state","effects","timers", …}; rm: {"fork","removed"}.',
  verbs: Object.keys(verbs),
  async run(call) {
    const [first = call.text('as') === undefined ? 'ls' : '', ...rest] = call.words
    const verb = Object.hasOwn(verbs, first) ? verbs[first] : undefined
    if (verb === undefined) return await makeFork(call, call.words)
    if (verb === listForks && rest.length > 0) throw wrong(command, `"${rest[0]}" is one word too many.`)
    return (await verb(call, rest)) ?? 0
  },
}
