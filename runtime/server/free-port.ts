/**
 * Whether a loopback port can be listened on. Asked before the server is started, so that a
 * taken port is one sentence with the option to use, and not a line deep in the server's log.
 */
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

function portFaultOf(cause: unknown, port: number, option: string): Fault {
  const { code } = cause as NodeJS.ErrnoException
  if (code === 'EACCES') return new Fault('port.forbidden', { value: port, option }, { cause })
  return new Fault('port.taken', { value: port, option }, { cause })
}
