/**
 * Files that only their owner may read and that are made once: whoever comes second gets what the
 * first one wrote, also when both come at the same time.
 */
import { randomBytes } from 'node:crypto'
import { chmod, link, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { Fault } from '#protocol/fault.ts'

/** Its text, which is this one when there was no such file. */
export async function ensureSecretFile(file: string, text: string): Promise<string> {
  const known = await readSecretFile(file)
  if (known !== undefined) return known
  await mkdir(dirname(file), { recursive: true, mode: 0o700 })
  const draft = await writeDraft(file, text)
  try {
    // A link fails where a rename would replace what another process has just handed out.
    await link(draft, file)
    return text
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause
  } finally {
    await rm(draft, { force: true })
  }
  return await ensureSecretFile(file, text)
}

/** Undefined when there is no such file. */
export async function readSecretFile(file: string): Promise<string | undefined> {
  try {
    // Somebody may have copied it with wider rights than it was made with.
    if (((await stat(file)).mode & 0o077) !== 0) await chmod(file, 0o600)
    return await readFile(file, 'utf8')
  } catch (cause) {
    const { code, message: reason } = cause as NodeJS.ErrnoException
    if (code === 'ENOENT') return undefined
    throw new Fault('config.unreadable', { value: file, reason }, { cause })
  }
}

export async function replaceSecretFile(file: string, text: string): Promise<void> {
  await rename(await writeDraft(file, text), file)
}

async function writeDraft(file: string, text: string): Promise<string> {
  const draft = `${file}.${process.pid}.${randomBytes(4).toString('hex')}`
  await writeFile(draft, text, { mode: 0o600, flag: 'wx' })
  return draft
}
