/**
 * Runs a program of the system to its end and gives back what it said. Finding and fetching a
 * server is mostly asking other programs; none of their failures is an exception here, because
 * each has a next thing to try and only the last one becomes a fault.
 */
import { spawn } from 'node:child_process'
import { accessSync, constants, statSync } from 'node:fs'
import { delimiter, join } from 'node:path'

export type CommandOptions = {
  readonly cwd?: string
  readonly timeoutMs?: number
  readonly signal?: AbortSignal | undefined
}

export type CommandResult =
  | { readonly is: 'done'; readonly output: string }
  /** `reason` is one line: what the program complained of last, or why it could not be started. */
  | { readonly is: 'failed'; readonly reason: string }

export async function runCommand(
  program: string,
  args: readonly string[],
  { cwd, timeoutMs, signal }: CommandOptions = {},
): Promise<CommandResult> {
  return await new Promise((resolve) => {
    const out: string[] = []
    const complaints: string[] = []
    const child = spawn(program, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(cwd === undefined ? {} : { cwd }),
      ...(timeoutMs === undefined ? {} : { timeout: timeoutMs, killSignal: 'SIGKILL' }),
      ...(signal === undefined ? {} : { signal }),
    })
    child.stdout.setEncoding('utf8').on('data', (text: string) => void out.push(text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => void complaints.push(text))
    child.once('error', (error) => resolve({ is: 'failed', reason: `${program}: ${error.message}` }))
    child.once('close', (code, killedBy) => {
      if (code === 0) return resolve({ is: 'done', output: out.join('') })
      const said = complaintOf(complaints.join('')) ?? complaintOf(out.join(''))
      const end = killedBy === null ? `exit code ${code}` : killedBy
      resolve({ is: 'failed', reason: `${program}: ${said ?? end}` })
    })
  })
}

/** The first line that apt marks as an error says what happened, its last one only that it did; others end with it. */
function complaintOf(text: string): string | undefined {
  const lines = text.trim().split('\n')
  const line = lines.find((each) => each.startsWith('E: ')) ?? lines.at(-1)
  return line?.trim().slice(0, 300) || undefined
}

/** Every program of this name, in the order in which a shell would look for it. */
export function programsOnPath(name: string, searchPath: string): readonly string[] {
  return searchPath
    .split(delimiter)
    .filter((place) => place !== '')
    .map((place) => join(place, name))
    .filter(isProgram)
}

export function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return statSync(file).isFile()
  } catch {
    return false
  }
}
