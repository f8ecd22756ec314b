/**
 * Whether a loopback port can be listened on. Asked before the server is started, so that a
 * taken port is one sentence with the option to use, and not a line deep in the server's log.
 */
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { Fault } from '#protocol/fault.ts'

/** 0 is always free: it asks for any. */
export async function requireFreePort(port: number, option: string): Promise<void> {
  if (port === 0) return
  const server = createServer()
  try {
    server.listen({ host: '127.0.0.1', port, exclusive: true })
    await once(server, 'listening')
  } catch (cause) {
    throw portFaultOf(cause, port, option)
  } finally {
    server.close()
  }
}

/**
 * The first is the one that was asked for, the others the next ones that are free. Together,
 * because servers that are to find each other must know of all before one of them starts.
 */
export async function portsFrom(port: number, count: number, option: string): Promise<readonly number[]> {
  await requireFreePort(port, option)
  const found = [port === 0 ? await anyFreePort() : port]
  for (let next = (found[0] as number) + 1; found.length < count; next++) {
    if (next > 65_535) throw new Fault('port.taken', { value: next - 1, option })
    if (await isFree(next)) found.push(next)
  }
  return found
}

async function isFree(port: number): Promise<boolean> {
  return await requireFreePort(port, '').then(
    () => true,
    () => false,
  )
}

/**
 * Below those that a system gives to whoever asks for any port: what is found here is not taken by
 * somebody's outgoing connection before its server listens, or while that is started again.
 */
export async function anyFreePort(): Promise<number> {
  for (;;) {
    const port = randomInt(15_000, 32_000)
    if (await isFree(port)) return port
  }
}

function portFaultOf(cause: unknown, port: number, option: string): Fault {
  const { code } = cause as NodeJS.ErrnoException
  if (code === 'EACCES') return new Fault('port.forbidden', { value: port, option }, { cause })
  return new Fault('port.taken', { value: port, option }, { cause })
}
