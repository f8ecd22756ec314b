/** `perdure cut`: photographs of the whole realm, taken while it runs; what is in them and where they are. */
import type { Call, Command } from '#bin/command.ts'
import { listCuts } from '#bin/cuts/list-cuts.ts'
import { showCut } from '#bin/cuts/show-cut.ts'
import { takeCut } from '#bin/cuts/take-cut.ts'
import { wrong } from '#bin/parse-line.ts'

const verbs: Readonly<Record<string, (call: Call, words: readonly string[]) => Promise<void>>> = {
  take: takeCut,
  ls: listCuts,
  show: showCut,
}

export const command: Command = {
  name: 'cut',
  title: 'photographs the realm while it runs: take, ls, show',
  usage: ['take [--name before-deploy] [--no-wait]', '[ls]', 'show <cut>'],
  about: [
    'A cut is one consistent picture of all actors: their states, timers and effects, and what was under way between them. Taking one stops nobody. It exists from the moment at which all of it is on disk and in the object store; one that meets a crash is abandoned, says so, and disturbs nothing.',
    'A cut is named by its id, by the name that it was given (then the newest of that name), or "last".',
  ],
  examples: ['cut take --name before-deploy', 'cut', 'cut show last', 'cut show before-deploy --json'],
  flags: {
    name: { type: 'text', value: 'before-deploy', about: 'A name of your own for it; two may have the same.' },
    'no-wait': { type: 'yes', about: 'Does not wait until it is whole: its markers are stored.' },
  },
  settings: 'connection',
  json: 'take and show: {"id","name","state","begunAt","actors","inFlight","bytes","added", …}; ls: a line for each.',
  verbs: Object.keys(verbs),
  async run(call) {
    const [first = 'ls', ...rest] = call.words
    const verb = Object.hasOwn(verbs, first) ? verbs[first] : undefined
    if (verb === undefined) throw wrong(command, `"${first}" is none of ${Object.keys(verbs).join(', ')}.`)
    await verb(call, rest)
    return 0
  },
}
