/** Completion scripts, made from what the commands say of themselves. Pure. */
import type { Command } from './command.ts'
import { commonFlags, settingFlags } from './parse-line.ts'

export const shells = ['bash', 'zsh', 'fish'] as const

export type Shell = (typeof shells)[number]

type Entry = {
  readonly name: string
  readonly title: string
  readonly verbs: readonly string[]
  readonly flags: readonly string[]
  readonly abouts: Readonly<Record<string, string>>
}

export function completionFor(shell: Shell, commands: readonly Command[]): string {
  const entries = commands.map(entryOf)
  switch (shell) {
    case 'bash':
      return bash(entries)
    case 'zsh':
      return zsh(entries)
    case 'fish':
      return fish(entries)
  }
}

function entryOf({ name, title, verbs = [], flags = {}, settings }: Command): Entry {
  const own = { ...flags, ...commonFlags }
  return {
    name,
    title,
    verbs,
    flags: [...Object.keys(own), ...settingFlags(settings).keys()],
    abouts: Object.fromEntries(Object.entries(own).map(([flag, { about }]) => [flag, about])),
  }
}

function bash(entries: readonly Entry[]): string {
  const cases = entries.map(
    ({ name, verbs, flags }) =>
      `    ${name}) words=${quoted(verbs.join(' '))}; flags=${quoted(flags.map((flag) => `--${flag}`).join(' '))} ;;`,
  )
  return [
    '# perdure completion for bash',
    '_perdure() {',
    '  local current=${COMP_WORDS[COMP_CWORD]} words="" flags=""',
    '  if [ "$COMP_CWORD" -eq 1 ]; then',
    `    COMPREPLY=($(compgen -W ${quoted(`${entries.map(({ name }) => name).join(' ')} --help --version`)} -- "$current"))`,
    '    return',
    '  fi',
    '  case ${COMP_WORDS[1]} in',
    ...cases,
    '  esac',
    '  case $current in',
    '    -*) COMPREPLY=($(compgen -W "$flags" -- "$current")) ;;',
    '    *) [ "$COMP_CWORD" -eq 2 ] && COMPREPLY=($(compgen -W "$words" -- "$current"))',
    '       [ ${#COMPREPLY[@]} -eq 0 ] && COMPREPLY=($(compgen -f -- "$current")) ;;',
    '  esac',
    '}',
    'complete -F _perdure perdure',
  ].join('\n')
}

function zsh(entries: readonly Entry[]): string {
  const cases = entries.map(
    ({ name, verbs, flags }) =>
      `    ${name}) compadd -- ${[...verbs, ...flags.map((flag) => `--${flag}`)].join(' ')} ;;`,
  )
  return [
    '#compdef perdure',
    '# perdure completion for zsh',
    '_perdure() {',
    '  if (( CURRENT == 2 )); then',
    '    local -a commands',
    `    commands=(${entries.map(({ name, title }) => quoted(`${name}:${title.replaceAll(':', '\\:')}`)).join(' ')})`,
    "    _describe 'command' commands",
    '    return',
    '  fi',
    '  case ${words[2]} in',
    ...cases,
    '  esac',
    '  _files',
    '}',
    'compdef _perdure perdure',
  ].join('\n')
}

function fish(entries: readonly Entry[]): string {
  const first = entries.map(
    ({ name, title }) => `complete -c perdure -f -n __fish_use_subcommand -a ${name} -d ${quoted(title)}`,
  )
  const rest = entries.flatMap(({ name, verbs, flags, abouts }) => {
    const when = `-n '__fish_seen_subcommand_from ${name}'`
    return [
      ...(verbs.length === 0 ? [] : [`complete -c perdure ${when} -a ${quoted(verbs.join(' '))}`]),
      ...flags.map(
        (flag) =>
          `complete -c perdure ${when} -l ${flag}${abouts[flag] === undefined ? '' : ` -d ${quoted(abouts[flag])}`}`,
      ),
    ]
  })
  return ['# perdure completion for fish', ...first, ...rest].join('\n')
}

/** For all three shells: nothing in single quotes is read but the quote itself. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}
