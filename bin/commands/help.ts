/** `perdure help`: the overview, one command, or the exit codes. */
import type { Command } from '#bin/command.ts'
import { loadAll, loaderOf, meantBy } from '#bin/commands.ts'
import { exitCodes } from '#bin/exit-codes.ts'
import { commandNames, exitCodeHelp, helpOf, overview } from '#bin/help.ts'
import { guessOf } from '#config/guess.ts'
import { Fault } from '#protocol/fault.ts'

export const command: Command = {
  name: 'help',
  title: 'explains a command, or the exit codes',
  usage: ['[command]', 'exit-codes'],
  about: ['The same as --help behind a command.'],
  examples: ['help send', 'help exit-codes'],
  settings: 'none',
  json: 'Without a word: a line for each command {"name","title","usage","flags","examples"}; exit-codes: {"code","means"}.',
  verbs: [...commandNames, 'exit-codes'],
  async run({ words: [word], json, out }) {
    if (word === 'exit-codes') {
      if (json) for (const [code, means] of exitCodes) out.json({ code, means })
      else exitCodeHelp(out)
      return 0
    }
    if (word !== undefined) {
      const load = loaderOf(word)
      if (load === undefined)
        throw new Fault('usage.invalid', {
          reason: `There is no command "${word}". Did you mean "perdure help ${meantBy(word) ?? guessOf(word, commandNames)}"?`,
        })
      const { command: asked } = await load()
      if (json) out.json(jsonOf(asked))
      else helpOf(out, asked)
      return 0
    }
    if (json) for (const one of await loadAll()) out.json(jsonOf(one))
    else await overview(out)
    return 0
  },
}

function jsonOf({ name, title, usage, flags = {}, examples, json }: Command): object {
  return {
    name,
    title,
    usage: usage.map((words) => `perdure ${name} ${words}`.trimEnd()),
    flags,
    json,
    examples: examples.map((line) => `perdure ${line}`),
  }
}
