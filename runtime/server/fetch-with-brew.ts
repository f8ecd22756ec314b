/** Homebrew's own nats-server; it stays where Homebrew keeps it, so that it is upgraded there. */
import { join } from 'node:path'
import type { FetchResult } from './fetch-result.ts'
import { runCommand } from './run-command.ts'

export type BrewOptions = {
  readonly brew: string
  readonly onProgress: (line: string) => void
  readonly signal?: AbortSignal | undefined
}

export async function fetchWithBrew({ brew, onProgress, signal }: BrewOptions): Promise<FetchResult> {
  onProgress('installing nats-server with Homebrew…')
  const installed = await runCommand(brew, ['install', 'nats-server'], { signal })
  if (installed.is === 'failed') return installed
  const prefix = await runCommand(brew, ['--prefix', 'nats-server'], { signal })
  if (prefix.is === 'failed') return prefix
  return { is: 'fetched', binary: join(prefix.output.trim(), 'bin', 'nats-server'), stays: true }
}
