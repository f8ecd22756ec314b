/** `perdure cut`: photographs of the whole realm, taken while it runs; what is in them and where they are. */
import type { Call, Command } from '#bin/command.ts'
import { listCuts } from '#bin/cuts/list-cuts.ts'
import { showCut } from '#bin/cuts/show-cut.ts'
import { checkCut } from '#bin/cuts/check-cut.ts'
import { diffCuts } from '#bin/cuts/diff-cuts.ts'
import { drillCut } from '#bin/cuts/drill-cut.ts'
import { exportCut } from '#bin/cuts/export-cut.ts'
import { importCut } from '#bin/cuts/import-cut.ts'
import { removeCuts } from '#bin/cuts/remove-cut.ts'
import { takeCut } from '#bin/cuts/take-cut.ts'
import { verifyCut } from '#bin/cuts/verify-cut.ts'
import type { ExitCode } from '#bin/exit-codes.ts'
import { wrong } from '#bin/parse-line.ts'

const verbs: Readonly<Record<string, (call: Call, words: readonly string[]) => Promise<ExitCode | void>>> = {
  take: takeCut,
  ls: listCuts,
  show: showCut,
  check: checkCut,
  verify: verifyCut,
  drill: drillCut,
  diff: diffCuts,
  export: exportCut,
  import: importCut,
  rm: removeCuts,
}

export const command: Command = {
  name: 'cut',
  title: 'photographs the realm while it runs; verifies, compares, exports',
  usage: [
    'take [--name before-deploy] [--no-wait]',
    '[ls]',
    'show <cut or file>',
    'check [cut] [--invariants rules.ts]',
    'verify [cut or file]',
    'drill [cut]',
    'diff <cut> [cut] [--kind order] [--address order/42]',
    'export <cut> [file]',
    'import <file>',
    'rm <cut>…',
  ],
  about: [
    'A cut is one consistent picture of all actors: their states, timers and effects, and what was under way between them. Taking one stops nobody. It exists from the moment at which all of it is on disk and in the object store; one that meets a crash is abandoned, says so, and disturbs nothing.',
    'The realm takes cuts of itself (cuts.everyMs, cuts.everyBytes) and keeps some of them (cuts.keepLast, cuts.keepHourly, cuts.keepDaily); those that somebody took stay until they are removed.',
    'check names actors that wait for each other in a circle, or for one that is not there, and holds the cut against the invariants that a module exports (what must hold in each, and what must happen in time: that goes on from the cuts before it); exit code 1 when something is wrong. The nodes do the same by themselves with every cut.',
    'verify reads all of a cut as it lies in the object store, or in an exported file: every signature, hash and segment; exit code 1 when something of it is damaged, missing, or sealed with another key. drill restores it into a scratch realm with the code that restores a real one, holds every state against the definitions that run here, and throws it away; the realm does so by itself once a day (cuts.drillMs). An exported file stands alone: with its key, cuts.key, a realm is restored from it on new machines.',
    'show and verify need no server for a file, but the key that it was sealed with (cuts.keyFile, PERDURE_CUTS_KEY_FILE); "perdure at shop.cut show order/42" shows an actor in it.',
    'A cut is named by its id, by the name that it was given (then the newest of that name), or "last".',
  ],
  examples: [
    'cut take --name before-deploy',
    'cut',
    'cut show last',
    'cut diff before-deploy last --kind order',
    'cut verify last --json',
    'cut export last /backup/shop.cut',
  ],
  flags: {
    name: { type: 'text', value: 'before-deploy', about: 'A name of your own for it; two may have the same.' },
    invariants: {
      type: 'text',
      value: 'rules.ts',
      about: 'check: a module that exports invariants (cuts.invariants).',
    },
    kind: { type: 'text', value: 'kind', about: 'diff: only actors of this kind.' },
    address: { type: 'text', value: 'order/42', about: 'diff: only this actor.' },
    limit: { type: 'text', value: '50', about: 'diff: shows at most so many actors; 0 is all.' },
    wait: { type: 'yes', about: 'Waits until it is whole, as it does by itself.' },
    'no-wait': { type: 'yes', about: 'Does not wait until it is whole: its markers are stored.' },
  },
  settings: 'connection',
  json: 'take and show: {"id","name","state","begunAt","actors","inFlight","bytes","added", …}; check: {"cut","deadlocks","orphans","invariants":[{"name","holds","found","kept"}], …}, "kept" being what it remembers for the next cut; ls: a line for each; diff: a line for each actor {"is","address","paths","count"} and a last one {"is":"sum", …}; verify: a line for each flaw, and a last one {"cut","isWhole", …}; drill: {"cut","passed","actors","envelopes","found", …}; export: {"id","file","bytes"}; import and rm: the cut.',
  verbs: Object.keys(verbs),
  async run(call) {
    const [first = 'ls', ...rest] = call.words
    const verb = Object.hasOwn(verbs, first) ? verbs[first] : undefined
    if (verb === undefined) throw wrong(command, `"${first}" is none of ${Object.keys(verbs).join(', ')}.`)
    return (await verb(call, rest)) ?? 0
  },
}
