/**
 * Waits until a launched server keeps a log: not only a port that answers, but JetStream, for
 * the credentials that nodes will use. There is no deadline, because a large store takes as long
 * as it takes to recover and says so in its log; the end of the process or a signal ends it.
 */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { connect } from '@nats-io/transport-node'
import type { Fault } from '#protocol/fault.ts'
import type { Login } from './credentials.ts'

export type ReadyOptions = {
  /** Where the server notes its ports. */
  readonly home: string
  readonly pid: number
  /** 0 when the server was to choose. */
  readonly port: number
  readonly login: Login
  readonly exited: Promise<Fault | undefined>
  readonly signal?: AbortSignal | undefined
}

const lookEveryMs = 15
const answerMs = 2_000

/** Resolves with the port. */
export async function awaitReady(options: ReadyOptions): Promise<number> {
  let fault: Fault | undefined
  let hasEnded = false
  void options.exited.then((reason) => {
    fault = reason
    hasEnded = true
  })
  for (;;) {
    if (hasEnded) throw fault ?? new Error('the server was stopped while it started')
    options.signal?.throwIfAborted()
    const port = options.port === 0 ? await notedPort(options) : options.port
    if (port !== undefined && (await keepsLog(port, options.login))) return port
    await Promise.race([pause(lookEveryMs), options.exited])
  }
}

async function notedPort({ home, pid }: ReadyOptions): Promise<number | undefined> {
  const name = (await readdir(home)).find((each) => each.endsWith(`_${pid}.ports`))
  if (name === undefined) return undefined
  try {
    const { nats = [] } = JSON.parse(await readFile(join(home, name), 'utf8')) as { nats?: readonly string[] }
    return nats[0] === undefined ? undefined : Number(new URL(nats[0]).port)
  } catch {
    // Not written to its end yet.
    return undefined
  }
}

async function keepsLog(port: number, { user, pass }: Login): Promise<boolean> {
  const options = {
    servers: `127.0.0.1:${port}`,
    user,
    pass,
    reconnect: false,
    timeout: answerMs,
    name: 'perdure-ready',
  }
  const connection = await connect(options).catch(() => undefined)
  if (connection === undefined) return false
  try {
    const answer = await connection.request('$JS.API.INFO', '', { timeout: answerMs })
    return answer.json<{ error?: unknown }>().error === undefined
  } catch {
    return false
  } finally {
    await connection.close()
  }
}
