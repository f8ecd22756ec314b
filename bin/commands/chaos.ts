/** `perdure chaos`: strikes real nodes and servers by dice, and looks for what was lost. */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Command } from '#bin/command.ts'
import { wrong } from '#bin/parse-line.ts'
import { guessOf } from '#config/guess.ts'

// The worlds and their judges are tests: they stand in the sources, and not in what is installed.
const program = fileURLToPath(new URL('../../test/nemesis/main.ts', import.meta.url))

/** The names of test/nemesis/plans.ts. */
export const plans: readonly string[] = [
  'deaths',
  'pauses',
  'moves',
  'links',
  'clocks',
  'server',
  'rollback',
  'everything',
  'cluster',
  'cuts',
  'partitions',
]

export const command: Command = {
  name: 'chaos',
  title: 'strikes nodes and servers, and looks for what was lost',
  usage: ['run [plan …] [--seed 7] [--minutes 10] [--rate 500]'],
  about: [
    'Makes a realm of its own with real servers, nodes and programs in a temporary directory, strikes them as a seed says while they work, mends everything, and judges from outside: money is neither made nor lost, lists have each line once and in order, registers are linearizable, the log keeps its laws, and every standby holds what the owner holds. Nothing of yours is touched. It runs from a checkout of the sources.',
    `Plans: ${plans.join(', ')} (the last on Linux as root). Without a plan each is run once; with --minutes, again and again with fresh seeds. A run that finds something prints its seed, what happened when, and the line that runs it again. Exit code 1 when anything was found.`,
  ],
  examples: ['chaos run deaths --seed 7', 'chaos run everything cluster --minutes 30', 'chaos run links --json'],
  flags: {
    seed: { type: 'text', value: '7', about: 'The same strikes again; by default one that was never used.' },
    minutes: { type: 'text', value: '10', about: 'So long, with the next seeds; by default each plan once.' },
    seconds: { type: 'text', value: '20', about: 'How long the strikes of one run take.' },
    rate: { type: 'text', value: '500', about: 'Events a second, beside the workloads.' },
  },
  settings: 'none',
  json: 'A line for each run: {"plan","seed","faults","measures":[{"strike","atMs","silentMs","waitMs"}],"events","story"}.',
  verbs: ['run'],
  async run({ words, json, text, onInterrupt }) {
    const [verb, ...chosen] = words
    if (verb !== 'run') throw wrong(command, `After chaos comes "run"${verb === undefined ? '' : `, not "${verb}"`}.`)
    const unknown = chosen.find((word) => !plans.includes(word))
    if (unknown !== undefined)
      throw wrong(command, `There is no plan "${unknown}". Did you mean ${guessOf(unknown, plans)}?`)
    if (!existsSync(program))
      throw wrong(
        command,
        'It strikes with what the tests have, which is not in the package: run it in a checkout of the sources, after npm ci.',
      )
    const passed = ['seed', 'minutes', 'seconds', 'rate'].flatMap((flag) => {
      const value = text(flag)
      return value === undefined ? [] : [`--${flag}`, value]
    })
    const args = ['--conditions=perdure-source', program, ...chosen, ...passed, ...(json ? ['--json'] : [])]
    const child = spawn(process.execPath, args, { stdio: 'inherit' })
    onInterrupt((signal) => child.kill(signal))
    const code = await new Promise<number>((resolve, reject) => {
      child.once('error', reject)
      child.once('exit', (ended) => resolve(ended ?? 1))
    })
    return code === 0 ? 0 : 1
  },
}
