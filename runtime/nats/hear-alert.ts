/**
 * Why a server ended TLS right after the handshake: it tells by an alert that it refuses our
 * certificate. A client that has written meanwhile, as the client library does, often gets the
 * reset of the connection instead of it. Invariant: what is dialled here writes nothing behind the
 * handshake, so the alert arrives.
 */
import { connect } from 'node:net'
import { connect as connectTls, type ConnectionOptions } from 'node:tls'

export type Listening = {
  readonly servers: readonly string[]
  readonly tls: ConnectionOptions
  readonly waitMs: number
}

/** Of the first server that says one. */
export async function hearAlert({ servers, tls, waitMs }: Listening): Promise<Error | undefined> {
  for (const server of servers) {
    const alert = await hearFrom(server, tls, waitMs)
    if (alert !== undefined) return alert
  }
  return undefined
}

function hearFrom(server: string, tls: ConnectionOptions, waitMs: number): Promise<Error | undefined> {
  const { hostname, port } = new URL(server.includes('://') ? server : `nats://${server}`)
  const socket = connect({ host: hostname.replace(/^\[(.*)\]$/, '$1'), port: Number(port || 4222) })
  return new Promise((resolve) => {
    const timer = setTimeout(() => end(undefined), waitMs)
    function end(error: NodeJS.ErrnoException | undefined): void {
      clearTimeout(timer)
      socket.destroy()
      resolve(error?.code?.startsWith('ERR_SSL_') === true ? error : undefined)
    }
    socket.on('error', end)
    socket.on('close', () => end(undefined))
    // Its greeting; after that it waits for TLS.
    socket.once('data', () => {
      const secure = connectTls({ ...tls, socket })
      secure.on('error', end)
      secure.on('close', () => end(undefined))
      // An alert comes with what is read.
      secure.resume()
    })
  })
}
