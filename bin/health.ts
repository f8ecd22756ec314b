/**
 * `/health/live` and `/health/ready` on loopback, for whatever keeps the process running. Live:
 * it answers, and its node has not ended; a process that is not live wants to be started again.
 * Ready: it owns partitions, or other nodes own all of them, and its server is there; one that is
 * not ready wants to be waited for.
 */
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import { Fault } from '#protocol/fault.ts'
import type { Node } from '#runtime/index.ts'

export type HealthServer = {
  readonly url: string
  /** The node once it is open; until then the process is live and not ready. */
  attach(node: Node): void
  close(): void
}

const host = '127.0.0.1'

/** 0 is any free port. */
export async function openHealth(port: number): Promise<HealthServer> {
  let node: Node | undefined
  let hasEnded = false
  let bus = 'connecting'

  function report(): { readonly live: boolean; readonly ready: boolean; readonly body: object } {
    const health = hasEnded ? undefined : node?.health()
    const live = !hasEnded
    const ready = live && health?.ready === true && bus === 'connected'
    return {
      live,
      ready,
      body: { live, ready, node: node?.name ?? null, bus, ...(health === undefined ? {} : { health }) },
    }
  }

  const server = createServer((request, response) => {
    if (request.method !== 'GET' && request.method !== 'HEAD') return answer(response, 405, { reason: 'GET only' })
    const { live, ready, body } = report()
    const path = (request.url ?? '').split('?')[0]
    if (path === '/health/live') return answer(response, live ? 200 : 503, body)
    if (path === '/health/ready') return answer(response, ready ? 200 : 503, body)
    answer(response, 404, { paths: ['/health/live', '/health/ready'] })
  })
  try {
    server.listen({ host, port, exclusive: true })
    await once(server, 'listening')
  } catch (cause) {
    const isForbidden = (cause as NodeJS.ErrnoException).code === 'EACCES'
    throw new Fault(isForbidden ? 'port.forbidden' : 'port.taken', { value: port, option: '--health-port' }, { cause })
  }
  const address = server.address()
  const bound = typeof address === 'object' && address !== null ? address.port : port
  return {
    url: `http://${host}:${bound}`,
    attach(opened) {
      node = opened
      opened.bus.onState((state) => (bus = state))
      void opened.ended.then(() => (hasEnded = true))
    },
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}

function answer(response: ServerResponse, status: number, body: object): void {
  const text = `${JSON.stringify(body)}\n`
  response.writeHead(status, {
    'content-type': 'application/json',
    'cache-control': 'no-store',
    'content-length': Buffer.byteLength(text),
  })
  response.end(text)
}
