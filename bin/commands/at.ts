/** `perdure at`: what an actor was at an instant of the past. */
import type { Call, Command } from '#bin/command.ts'
import { cutFileOf, lookInFile } from '#bin/cuts/cut-in-file.ts'
import { timeText } from '#bin/layout.ts'
import { wrong } from '#bin/parse-line.ts'
import { Fault } from '#protocol/fault.ts'
import { type Sight, sightInCut } from '#runtime/client/past.ts'
import { type PastSight, parseAddress, type RealmHandle, systemClock } from '#runtime/index.ts'
import type { HistoryLines } from './history.ts'
import { jsonOf, print } from './show.ts'

export const command: Command = {
  name: 'at',
  title: 'shows one actor as it was: in a cut, at a place, at a time',
  usage: ['<cut | file | place | time> show <address> [--full]'],
  about: [
    'Everything that "perdure show" prints, as it was then: the state behind the last commit at or before that instant. The nearest cut, what the log holds of this actor and nothing else are read; no node is disturbed. Across restores, mendings and rollouts it is the state that was true at that time, as the machine of that time wrote it.',
    'An instant is a place on the log (1041, as history and inputs print them), a time (2026-03-01T10:15, 10:15, or 5m for five minutes ago), or a cut (its id, its name, last, or an exported file, for which no server is needed, but the key: cuts.keyFile). Where a word could be two of them, write cut:, seq: or time: before it.',
  ],
  examples: [
    'at 5m show order/42',
    'at before-deploy show order/42 --json',
    'at 1041 show order/42',
    'at shop.cut show order/42',
  ],
  flags: {
    full: { type: 'yes', about: 'The context whole, however large.' },
    steps: { type: 'text', value: '5', about: 'How many of the last steps before it; 5 by default.' },
  },
  settings: 'connection',
  json: 'As show prints, without what only its owner knows now, and with {"at":{"from","n","seq","at"}}: the last commit in it.',
  verbs: ['last'],
  async run(call) {
    const [when, ...rest] = call.words
    const [text, extra] = rest[0] === 'show' ? rest.slice(1) : rest
    if (when === undefined || text === undefined || extra !== undefined)
      throw wrong(command, 'Name an instant and one actor, for example: at 5m show order/42.')
    const file = await cutFileOf(when)
    const sight = file === undefined ? await (await call.realm()).past.at(when, text) : await inFile(call, file, text)
    const { state, commit, from } = sight
    if (state === undefined) throw new Fault('past.absent', { value: text, instant: when })
    const limit = call.count('steps', 5)
    const history = file === undefined ? await stepsBefore(await call.realm(), sight, limit) : []
    const shown = {
      address: sight.address,
      state,
      depth: 0,
      tags: undefined,
      undecided: [],
      places: {},
      unfit: undefined,
    }
    const found = { shown, parked: [], history }
    // Clocks of nodes differ a little.
    const at = Math.max(sight.at ?? 0, state.steppedAt)
    if (call.json) {
      const { health: _, depth: __, parked: ___, tags: ____, ...known } = jsonOf(found) as Record<string, unknown>
      call.out.json({ ...known, at: { from, instant: at, ...commit } })
      return 0
    }
    const now = systemClock.now()
    const place = commit === undefined ? '' : `, committed at ${commit.seq}`
    call.out.line(call.out.style('dim', `as it was ${timeText(at, now)}${place} (${fromText[from]})`))
    print(call, found, at)
    return 0
  },
}

const fromText: Readonly<Record<PastSight['from'], string>> = {
  present: 'unchanged since',
  log: 'from the log',
  cut: 'from a cut',
  base: 'from a base, and the log behind it',
  restored: 'from the cut that was restored, and the log behind it',
  beginning: 'from the beginning of the log',
}

/** What the file is of is of one instant: no server is asked for more. */
function inFile({ config }: Call, path: string, text: string): Promise<Sight> {
  const address = parseAddress(text)
  return lookInFile(config, path, async (file, archive) => await sightInCut(await file.view(archive), address))
}

/** Only its owner's history knows them. */
async function stepsBefore(realm: RealmHandle, sight: Sight, limit: number): Promise<HistoryLines> {
  const { commit, address, from } = sight
  if (commit === undefined || limit === 0 || (from !== 'log' && from !== 'present')) return []
  return (await realm.operate.history(parseAddress(address), { limit, before: commit.n + 1 })).slice(0, limit)
}
