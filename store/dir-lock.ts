/**
 * One process at a time in a store directory. It serves the clause "LMDB follows the log": two
 * nodes that fold into one directory would each count on what the other overwrites. Invariant:
 * a lock is held by the process that its file names, or by nobody when that process is gone; a
 * number that the system gave to another process since is told by when it started.
 */
import { randomUUID } from 'node:crypto'
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Fault } from '#protocol/fault.ts'

type Holder = { readonly pid: number; readonly startedAt: string; readonly boot: string; readonly nonce: string }

export type DirLock = { release(): void }

const fileName = 'owner.lock'
const mostTries = 10

export function acquireDirLock(dir: string): DirLock {
  const path = join(dir, fileName)
  const mine: Holder = { pid: process.pid, startedAt: startOf(process.pid), boot: bootId(), nonce: randomUUID() }
  const draft = `${path}.${mine.nonce}`
  writeFileSync(draft, JSON.stringify(mine))
  try {
    for (let tries = 0; tries < mostTries; tries++) {
      if (link(draft, path)) return { release: () => release(path, mine) }
      const holder = holderOf(path)
      if (holder !== undefined && isAlive(holder)) throw new Fault('store.locked', { value: dir, pid: holder.pid })
      takeAway(path, holder)
    }
    throw new Fault('store.locked', { value: dir, pid: holderOf(path)?.pid ?? 0 })
  } finally {
    rmSync(draft, { force: true })
  }
}

/** A link appears whole or not at all, and never replaces another one. */
function link(from: string, to: string): boolean {
  try {
    linkSync(from, to)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

function holderOf(path: string): Holder | undefined {
  try {
    const holder = JSON.parse(readFileSync(path, 'utf8')) as Holder
    return typeof holder.pid === 'number' ? holder : undefined
  } catch {
    return undefined
  }
}

/** Two may find the same dead holder; the slower one must not take the lock of the faster. */
function takeAway(path: string, dead: Holder | undefined): void {
  const aside = `${path}.${randomUUID()}`
  try {
    renameSync(path, aside)
  } catch {
    return
  }
  const found = holderOf(aside)
  if (found !== undefined && found.nonce !== dead?.nonce) link(aside, path)
  rmSync(aside, { force: true })
}

function release(path: string, mine: Holder): void {
  if (holderOf(path)?.nonce === mine.nonce) rmSync(path, { force: true })
}

function isAlive(holder: Holder): boolean {
  if (holder.boot !== bootId()) return false
  try {
    process.kill(holder.pid, 0)
  } catch (error) {
    // Not ours to signal, but there.
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false
  }
  return startOf(holder.pid) === holder.startedAt
}

/** When a process started, in the system's own count; empty where the system does not tell, or for a corpse. */
function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return fields[0] === 'Z' ? 'gone' : (fields[19] ?? '')
  } catch {
    return ''
  }
}

function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()
  } catch {
    return ''
  }
}
