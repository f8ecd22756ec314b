/**
 * A look at every page of keys before the store is used. It serves the clause "LMDB follows the
 * log": a damaged page can hide rows, and an actor whose row is hidden would begin again as if it
 * had never been. Invariant: what passes has as many rows as it claims; what they hold is told by
 * their checksums when they are read.
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { damaged, unsealed } from './sealed.ts'
import { entriesOf, type Tables } from './tables.ts'
import type { Views } from './views.ts'
import { rows } from './walk.ts'

/** The tables in which a row that is missing would be taken for one that never was. */
const decisive = ['meta', 'partitions', 'clients', 'actors', 'needs', 'ended', 'layers'] as const

export function verifyTables(tables: Tables): void {
  for (const name of decisive) {
    if (tables[name].getKeysCount() !== entriesOf(tables[name])) throw damaged(`the table of its ${name}`)
  }
  for (const name of ['partitions', 'clients'] as const) {
    for (const { key, value } of tables[name].getRange(everything)) unsealed(key, value, `the table of its ${name}`)
  }
}

/** Rows that are looked at without a pause. */
const sliceRows = 500

/**
 * Then every row that speaks of an actor, while the store is in use already: damage inside a
 * page can change a key, which no count tells. Throws what it finds.
 */
export async function verifyActors(tables: Tables, views: Views): Promise<void> {
  const view = views.open()
  try {
    let seen = 0
    for (const name of ['actors', 'needs', 'ended', 'layers'] as const) {
      for (const { key, value } of rows(tables[name], everything, view, views)) {
        unsealed(key, value, `the table of its ${name}`)
        if (++seen % sliceRows === 0 || name === 'layers') await setImmediate()
      }
    }
  } finally {
    views.close(view)
  }
}

/**
 * Until that is done, an actor that is not found is looked for among its neighbours: as many rows
 * to either side as a page can hold.
 */
export function verifyAround(tables: Tables, key: Buffer): void {
  for (const reverse of [false, true]) {
    for (const row of tables.actors.getRange({ start: key, limit: neighbours, reverse })) {
      unsealed(row.key, row.value, 'the table of its actors')
    }
  }
}

const neighbours = 128

const everything = { start: Buffer.from([0]), end: Buffer.alloc(8, 0xff) }

export type Attempt = {
  succeeded(): void
  /** It can be read no more: whoever opens it next is to make it again. */
  damaged(reason: string): void
}

/**
 * Some damage ends the process that meets it, and the next one, for ever. So each attempt to
 * open leaves a trace until the store has been written to, and after a few that did not the store counts as
 * damaged: it is rebuilt. One attempt is not enough to say so; a process may be killed at any time.
 */
const mostAttempts = 3

export function noteAttempt(dir: string): Attempt {
  const path = join(dir, 'opening')
  const { count, reason } = attemptsIn(path)
  const attempts = count + 1
  if (attempts > mostAttempts) {
    rmSync(path, { force: true })
    const ended = `the last ${mostAttempts} processes that opened it ended while they did`
    throw damaged(`what stands in it (${reason ?? ended})`)
  }
  try {
    writeFileSync(path, String(attempts))
  } catch {
    // A full disk is no reason not to read.
  }
  let isOver = false
  return {
    succeeded() {
      if (!isOver) rmSync(path, { force: true })
      isOver = true
    },
    damaged(reason) {
      isOver = true
      try {
        writeFileSync(path, `${mostAttempts} ${reason}`)
      } catch {
        // Then the next process finds out by itself.
      }
    },
  }
}

function attemptsIn(path: string): { readonly count: number; readonly reason?: string | undefined } {
  try {
    const [, count, reason] = /^(\d+)(?: (.+))?/s.exec(readFileSync(path, 'utf8')) ?? []
    return { count: Number(count ?? 0), reason }
  } catch {
    return { count: 0 }
  }
}
