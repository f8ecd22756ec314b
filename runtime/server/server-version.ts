/**
 * Which nats-server a program is, asked of the program itself. Atomic batches with ids and the
 * check on another subject, on which every commit stands, begin with 2.12.1.
 */
import { runCommand } from './run-command.ts'

export type ServerVersion = readonly [major: number, minor: number, patch: number]

/** `nats-server: v2.15.1` or `2.12.1`; undefined when there is no version in the text. */
export function parseServerVersion(text: string): ServerVersion | undefined {
  const found = /(?:^|[^\d.])v?(\d+)\.(\d+)\.(\d+)/.exec(text)
  return found === null ? undefined : [Number(found[1]), Number(found[2]), Number(found[3])]
}

export function formatServerVersion(version: ServerVersion): string {
  return version.join('.')
}

export function isAtLeast(version: ServerVersion, minimum: ServerVersion): boolean {
  for (let at = 0; at < 3; at++) {
    const difference = (version[at] as number) - (minimum[at] as number)
    if (difference !== 0) return difference > 0
  }
  return true
}

export type Asked =
  | { readonly is: 'version'; readonly version: ServerVersion }
  /** It does not start, or what it says is not a version: another architecture, a broken download. */
  | { readonly is: 'unusable'; readonly reason: string }

/** A program that hangs on `--version` is as useless as one that is missing. */
const answerMs = 10_000

export async function askServerVersion(binary: string): Promise<Asked> {
  const answer = await runCommand(binary, ['--version'], { timeoutMs: answerMs })
  if (answer.is === 'failed') return { is: 'unusable', reason: answer.reason }
  const version = parseServerVersion(answer.output)
  if (version === undefined) return { is: 'unusable', reason: `it answers "${answer.output.trim().slice(0, 80)}"` }
  return { is: 'version', version }
}
