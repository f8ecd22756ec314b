/**
 * What a command is: data from which the parser, the help and the completion are made, and one
 * function that does it. It serves the clause of nobody: the command line only asks the engine.
 */
import type { Config } from '#config/open-config.ts'
import type { RealmHandle } from '#runtime/index.ts'
import type { ExitCode } from './exit-codes.ts'
import type { Output } from './output.ts'

export type Flag = {
  readonly type: 'text' | 'yes'
  /** What stands behind it in the help, for `text`. */
  readonly value?: string
  readonly about: string
  readonly choices?: readonly string[]
}

/** Which settings a command takes as flags: those of the connection, or all. */
export type SettingsTaken = 'none' | 'connection' | 'all'

export type Command = {
  readonly name: string
  /** For the list of commands; no full stop. */
  readonly title: string
  /** What may follow the name. */
  readonly usage: readonly string[]
  /** Paragraphs. */
  readonly about: readonly string[]
  /** Without the name of the program. */
  readonly examples: readonly string[]
  readonly flags?: Readonly<Record<string, Flag>>
  readonly settings: SettingsTaken
  /** What `--json` prints. */
  readonly json: string
  /** First words that are part of the command, for the completion. */
  readonly verbs?: readonly string[]
  run(call: Call): Promise<ExitCode | undefined>
}

/** A command line that has been read. */
export type Call = {
  readonly words: readonly string[]
  /** Of a flag that takes a value. */
  text(flag: string): string | undefined
  /** Of a flag that is there or not. */
  is(flag: string): boolean
  /** The value of a flag as a number of milliseconds (`5s`, `500ms`). */
  ms(flag: string, fallback: number): number
  count(flag: string, fallback: number): number
  readonly json: boolean
  readonly out: Output
  /** Read when first asked for, so that a command without settings fails on none. */
  readonly config: Config
  /** Connects, once, under a name of its own if one is given; closed when the command ends. */
  realm(client?: string): Promise<RealmHandle>
  /** From now on the first Ctrl-C or SIGTERM calls this instead of ending the process. */
  onInterrupt(end: (signal: NodeJS.Signals) => void): void
}
