/** `perdure bench`: measures this machine against raw JetStream in the same run. */
import { tmpdir } from 'node:os'
import { runBench, works } from '#bench/index.ts'
import type { Command } from '#bin/command.ts'
import { wrong } from '#bin/parse-line.ts'
import { guessOf } from '#config/guess.ts'

const names = works.map(({ name }) => name)

export const command: Command = {
  name: 'bench',
  title: 'measures everything against raw JetStream in the same run',
  usage: ['[work …] [--quick] [--rounds 5]'],
  about: [
    'Each work has a server and a directory of its own, which are gone afterwards; nothing of yours is touched. It takes a few minutes in all. Exit code 1 when a target was missed.',
    `Works: ${works.map(({ name, title }) => `${name} (${title})`).join('; ')}.`,
  ],
  examples: ['bench', 'bench w1 w2a --json', 'bench --quick'],
  flags: {
    quick: { type: 'yes', about: 'A tenth of the size: whether all of it works; its figures mean little.' },
    rounds: { type: 'text', value: '5', about: 'Each is measured so often, and the median counts.' },
    dir: { type: 'text', value: 'path', about: 'Where directories are made; the disk under it is measured too.' },
    profile: { type: 'text', value: 'path', about: "Where the node's CPU profiles go." },
  },
  settings: 'none',
  json: 'A line for each work: {"work","value","unit","raw","ratio","target","met"}.',
  verbs: names,
  async run({ words, json, out, text, is, count }) {
    for (const word of words) {
      if (!names.includes(word))
        throw wrong(command, `There is no work "${word}". Did you mean ${guessOf(word, names)}?`)
    }
    const isMet = await runBench(words, {
      json,
      quick: is('quick'),
      rounds: Math.max(1, count('rounds', 5)),
      dir: text('dir') ?? tmpdir(),
      profile: text('profile'),
      write: (line) => out.line(line),
      note: (line) => out.note(line),
    })
    return isMet ? 0 : 1
  },
}
