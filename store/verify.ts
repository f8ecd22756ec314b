/**
 * A look at every page of keys before the store is used. It serves the clause "LMDB follows the
 * log": a damaged page can hide rows, and an actor whose row is hidden would begin again as if it
 * had never been. Invariant: what passes has as many rows as it claims; what they hold is told by
 * their checksums when they are read.
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { damaged } from './sealed.ts'
import { entriesOf, type Tables } from './tables.ts'

/** The tables in which a row that is missing would be taken for one that never was. */
const decisive = ['meta', 'partitions', 'clients', 'actors', 'needs', 'ended'] as const

export function verifyTables(tables: Tables): void {
  for (const name of decisive) {
    if (tables[name].getKeysCount() !== entriesOf(tables[name])) throw damaged(`the table of its ${name}`)
  }
}

/**
 * Some damage ends the process that meets it, and the next one, for ever. So each attempt to
 * open leaves a trace until it has succeeded, and after a few that did not the store counts as
 * damaged: it is rebuilt. One attempt is not enough to say so; a process may be killed at any time.
 */
const mostAttempts = 3

export function noteAttempt(dir: string): { succeeded(): void } {
  const path = join(dir, 'opening')
  const attempts = attemptsIn(path) + 1
  if (attempts > mostAttempts) {
    rmSync(path, { force: true })
    throw damaged(`what stands in it (the last ${mostAttempts} processes that opened it ended while they did)`)
  }
  writeFileSync(path, String(attempts))
  return { succeeded: () => rmSync(path, { force: true }) }
}

function attemptsIn(path: string): number {
  try {
    return Number.parseInt(readFileSync(path, 'latin1'), 10) || 0
  } catch {
    return 0
  }
}
