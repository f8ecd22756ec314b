/** `perdure completion`: a script that completes commands and flags in a shell. */
import type { Command } from '#bin/command.ts'
import { loadAll } from '#bin/commands.ts'
import { completionFor, shells } from '#bin/completion.ts'
import { wrong } from '#bin/parse-line.ts'
import { guessOf } from '#config/guess.ts'

export const command: Command = {
  name: 'completion',
  title: 'prints the completion for bash, zsh or fish',
  usage: ['bash | zsh | fish'],
  about: [
    'bash: eval "$(perdure completion bash)" in ~/.bashrc. zsh: eval "$(perdure completion zsh)" in ~/.zshrc, after compinit. fish: perdure completion fish > ~/.config/fish/completions/perdure.fish',
  ],
  examples: ['completion bash', 'completion fish > ~/.config/fish/completions/perdure.fish'],
  settings: 'none',
  json: 'One value: {"shell","script"}.',
  verbs: shells,
  async run({ words: [word, extra], json, out }) {
    const shell = shells.find((one) => one === word)
    if (shell === undefined || extra !== undefined) {
      throw wrong(
        command,
        word === undefined
          ? `For which shell? One of ${shells.join(', ')}.`
          : `There is no completion for "${word}". Did you mean ${guessOf(word, shells)}?`,
      )
    }
    const script = completionFor(shell, await loadAll())
    if (json) out.json({ shell, script })
    else out.line(script)
    return 0
  },
}
