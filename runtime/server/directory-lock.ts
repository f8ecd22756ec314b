/**
 * One server to a directory. The lock is a file that names its holder; a holder that is gone
 * does not hold it. Files are numbered and a new one is only ever added on top by an exclusive
 * link, so that of any number of processes that find a dead holder at once exactly one succeeds:
 * removing the dead one's file first would let the second remove the first one's.
 */
import { randomBytes } from 'node:crypto'
import { link, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Fault } from '#protocol/fault.ts'
import { birthOf } from './process-identity.ts'

/** Releasing twice is releasing once: by then the file may be another's. */
export type DirectoryLock = { readonly release: () => Promise<void> }

type Holder = { readonly number: number; readonly pid: number; readonly birth: string }

/** `named` is the directory as a person knows it, for the sentence. */
export async function lockDirectory(dir: string, named: string): Promise<DirectoryLock> {
  const birth = birthOf(process.pid) ?? ''
  for (;;) {
    const top = await topHolder(dir)
    if (top !== undefined && isHeld(top)) throw new Fault('store.locked', { value: named, pid: top.pid })
    const mine = { number: (top?.number ?? 0) + 1, pid: process.pid, birth }
    if (!(await claim(dir, mine))) continue
    // Listing a directory is not atomic: a list read while another took over may have missed it.
    const above = await topHolder(dir)
    if (above !== undefined && above.number > mine.number) {
      await rm(fileOf(dir, mine.number), { force: true })
      continue
    }
    await removeBelow(dir, mine.number)
    let released: Promise<void> | undefined
    return { release: async () => await (released ??= rm(fileOf(dir, mine.number), { force: true })) }
  }
}

function isHeld({ pid, birth }: Holder): boolean {
  return birthOf(pid) === birth
}

function fileOf(dir: string, number: number): string {
  return join(dir, `lock.${number}`)
}

async function claim(dir: string, { number, pid, birth }: Holder): Promise<boolean> {
  const draft = join(dir, `draft.${pid}.${randomBytes(4).toString('hex')}`)
  await writeFile(draft, JSON.stringify({ pid, birth }), { mode: 0o600, flag: 'wx' })
  try {
    await link(draft, fileOf(dir, number))
    return true
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw cause
  } finally {
    await rm(draft, { force: true })
  }
}

async function lockNumbers(dir: string): Promise<readonly number[]> {
  return (await readdir(dir)).flatMap((name) => {
    const number = /^lock\.(\d+)$/.exec(name)?.[1]
    return number === undefined ? [] : [Number(number)]
  })
}

async function topHolder(dir: string): Promise<Holder | undefined> {
  const number = (await lockNumbers(dir)).toSorted((a, b) => b - a)[0]
  if (number === undefined) return undefined
  const text = await readFile(fileOf(dir, number), 'utf8').catch(() => undefined)
  // Released between the list and the look.
  if (text === undefined) return await topHolder(dir)
  return { number, ...parseHolder(text) }
}

/** After a power cut the file may be there and empty: held by nobody. */
function parseHolder(text: string): Pick<Holder, 'pid' | 'birth'> {
  try {
    const { pid, birth } = JSON.parse(text) as { pid: number; birth: string }
    return { pid, birth }
  } catch {
    return { pid: 0, birth: '' }
  }
}

async function removeBelow(dir: string, number: number): Promise<void> {
  for (const lower of await lockNumbers(dir)) if (lower < number) await rm(fileOf(dir, lower), { force: true })
}
