/**
 * The directory of one server: where it keeps what, its configuration, and a process of an
 * earlier run that may still use it. Invariant: whoever holds the lock above it may stop what
 * runs here, because that has lost its owner.
 */
import { mkdir, readdir, readFile, realpath, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { commandOf } from './process-identity.ts'
import { stopProcess } from './stop-process.ts'

/** Where the server keeps what; in `store` it makes a folder `jetstream`. */
export type ServerHome = {
  readonly dir: string
  readonly store: string
  readonly config: string
  readonly log: string
  readonly pid: string
}

/** Real paths, so that a server is recognised by its command line however the directory was named. */
export async function makeHome(place: string): Promise<ServerHome> {
  await mkdir(place, { recursive: true, mode: 0o700 })
  const dir = await realpath(place)
  const at = (name: string): string => join(dir, name)
  return { dir, store: dir, config: at('nats.conf'), log: at('nats.log'), pid: at('nats.pid') }
}

export async function stopOrphan(
  home: ServerHome,
  { graceMs, onNote }: { readonly graceMs: number; readonly onNote: (line: string) => void },
): Promise<void> {
  const pid = Number(await readFile(home.pid, 'utf8').catch(() => '0'))
  if (pid > 0 && commandOf(pid)?.includes(home.config)) {
    onNote(`stopping the nats-server (pid ${pid}) that an earlier run left behind`)
    await stopProcess(pid, graceMs)
  }
  await removePortNotes(home)
}

/** Each process notes its ports in a file of its own and does not remove it when it is killed. */
export async function removePortNotes(home: ServerHome): Promise<void> {
  for (const name of await readdir(home.dir)) {
    if (name.endsWith('.ports')) await rm(join(home.dir, name), { force: true })
  }
}

/** It holds passwords. */
export async function writeConfig(home: ServerHome, text: string): Promise<void> {
  const draft = `${home.config}.new`
  await rm(draft, { force: true })
  await writeFile(draft, text, { mode: 0o600, flag: 'wx' })
  await rename(draft, home.config)
}
