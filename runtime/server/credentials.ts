/**
 * Who may talk to the embedded server: nodes, and outsiders who may only publish to public
 * addresses. The passwords are made once and kept beside the server's data, readable by their
 * owner alone, because a second start must let in whoever was given one.
 */
import { randomBytes } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Fault } from '#protocol/fault.ts'
import { ensureSecretFile, readSecretFile, replaceSecretFile } from './secret-file.ts'

export type Login = { readonly user: string; readonly pass: string }

export type ServerCredentials = { readonly node: Login; readonly outside: Login }

/** What stands in a file: all that a client of its kind needs. */
export type SavedLogin = Login & {
  /** Where the server was last, or the servers with commas between; nothing until it was started once. */
  readonly servers?: string | undefined
  /** What the client's inboxes should begin with. */
  readonly inboxPrefix?: string | undefined
}

/** For clients of ours; it is also what a stricter server would let outsiders subscribe to. */
export const outsideInbox = '_INBOX_outside'

/** For nodes and for tools with the rights of a node. */
export function nodeLoginFile(dir: string): string {
  return join(dir, 'credentials.json')
}

/** May be handed to programs that only send events. */
export function outsideLoginFile(dir: string): string {
  return join(dir, 'outside.json')
}

/** Made when they are not there yet; two processes that do so at once end up with the same ones. */
export async function ensureCredentials(dir: string): Promise<ServerCredentials> {
  await mkdir(dir, { recursive: true, mode: 0o700 })
  const outside = { user: 'outside', pass: newPassword(), inboxPrefix: outsideInbox }
  return {
    node: loginOf(await ensureLogin(nodeLoginFile(dir), { user: 'node', pass: newPassword() })),
    outside: loginOf(await ensureLogin(outsideLoginFile(dir), outside)),
  }
}

function loginOf({ user, pass }: SavedLogin): Login {
  return { user, pass }
}

/** For servers of one cluster; made anew at every start, because all of them start together. */
export function newRouteLogin(): Login {
  return { user: 'route', pass: newPassword() }
}

/** 192 bits, in letters that need no quoting in any file or address. */
function newPassword(): string {
  return randomBytes(24).toString('base64url')
}

async function ensureLogin(file: string, fresh: SavedLogin): Promise<SavedLogin> {
  return loginIn(file, await ensureSecretFile(file, textOf(fresh)))
}

/** Undefined when there is no such file. */
export async function readLogin(file: string): Promise<SavedLogin | undefined> {
  const text = await readSecretFile(file)
  return text === undefined ? undefined : loginIn(file, text)
}

function loginIn(file: string, text: string): SavedLogin {
  const login = parseLogin(text)
  if (login !== undefined) return login
  const reason = 'it holds no "user" and "pass". Remove it, and the next start makes a new one'
  throw new Fault('config.unreadable', { value: file, reason })
}

function textOf(login: SavedLogin): string {
  return `${JSON.stringify(login, undefined, 2)}\n`
}

function parseLogin(text: string): SavedLogin | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  const { user, pass, servers, inboxPrefix } = (value ?? {}) as Record<string, unknown>
  if (typeof user !== 'string' || typeof pass !== 'string' || user === '' || pass === '') return undefined
  return {
    user,
    pass,
    ...(typeof servers === 'string' ? { servers } : {}),
    ...(typeof inboxPrefix === 'string' ? { inboxPrefix } : {}),
  }
}

/** So that the file alone is enough to connect, also when the port was any free one. */
export async function noteServers(dir: string, servers: string): Promise<void> {
  for (const file of [nodeLoginFile(dir), outsideLoginFile(dir)]) {
    const known = await readLogin(file)
    if (known === undefined || known.servers === servers) continue
    await replaceSecretFile(file, textOf({ ...known, servers }))
  }
}
