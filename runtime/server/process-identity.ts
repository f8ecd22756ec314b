/**
 * Whether a process that was noted down is still the same one. A number alone is not an
 * identity: after a restart of the machine or of a container it belongs to somebody else, and a
 * lock that trusts it would either never open again or be taken from a living owner.
 */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/** Signal 0 asks and does nothing; a process of another user is refused, and thereby there. */
export function isAlive(pid: number): boolean {
  // To `kill`, 0 and less are groups of processes, and mostly our own.
  if (!(pid > 0)) return false
  try {
    process.kill(pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false
  }
  return !isZombie(pid)
}

/** When it was started, in words that no other process with this number shares; undefined when it is gone. */
export function birthOf(pid: number): string | undefined {
  if (!isAlive(pid)) return undefined
  const stat = statOf(pid)
  if (stat === undefined) return askPs(pid, 'lstart')
  return `${readSmall('/proc/sys/kernel/random/boot_id').trim()} ${stat[19] ?? ''}`
}

/** Its command line, for recognising a process that we started before. */
export function commandOf(pid: number): string | undefined {
  if (!isAlive(pid)) return undefined
  const words = readSmall(`/proc/${pid}/cmdline`)
  return words === '' ? askPs(pid, 'command') : words.split('\0').join(' ').trim()
}

function isZombie(pid: number): boolean {
  return statOf(pid)?.[0] === 'Z'
}

/** The fields behind the program's name, which is in parentheses and may hold anything. */
function statOf(pid: number): readonly string[] | undefined {
  const stat = readSmall(`/proc/${pid}/stat`)
  return stat === '' ? undefined : stat.slice(stat.lastIndexOf(')') + 2).split(' ')
}

function readSmall(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

/** Where there is no /proc: macOS. */
function askPs(pid: number, field: 'lstart' | 'command'): string | undefined {
  try {
    const args = ['-o', `${field}=`, '-p', String(pid)]
    return execFileSync('ps', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim() || undefined
  } catch {
    return undefined
  }
}
