/**
 * Writes a file so that it is there whole or not at all. It serves "export". Invariants: nobody sees
 * a part of it under its name; a file that is there is not overwritten; when the writing resolves it
 * is on disk, its name too.
 */
import { randomBytes } from 'node:crypto'
import { link, open, rename, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { Fault } from '#protocol/fault.ts'

type Write = (part: Uint8Array) => Promise<void>

export async function writeWhole(path: string, fill: (write: Write) => Promise<void>): Promise<void> {
  await checkFree(path)
  const draft = `${path}.${process.pid}.${randomBytes(4).toString('hex')}.part`
  try {
    const handle = await open(draft, 'wx', 0o600)
    try {
      // A bare write may take less than it was given.
      await fill((part) => handle.writeFile(part))
      await handle.sync()
    } finally {
      await handle.close()
    }
    await place(draft, path)
    await syncDir(dirname(path))
  } catch (cause) {
    throw cause instanceof Fault
      ? cause
      : new Fault('cut.unwritable', { value: path, reason: (cause as Error).message }, { cause })
  } finally {
    await rm(draft, { force: true })
  }
}

async function checkFree(path: string): Promise<void> {
  if ((await stat(path).catch(() => undefined)) !== undefined) throw new Fault('cut.fileThere', { value: path })
}

/** A link fails where a rename would replace what came meanwhile; some disks know no links. */
async function place(draft: string, path: string): Promise<void> {
  try {
    await link(draft, path)
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (code === 'EEXIST') throw new Fault('cut.fileThere', { value: path }, { cause })
    if (code !== 'EPERM' && code !== 'ENOTSUP' && code !== 'ENOSYS' && code !== 'EXDEV') throw cause
    await rename(draft, path)
  }
}

async function syncDir(dir: string): Promise<void> {
  const handle = await open(dir, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
