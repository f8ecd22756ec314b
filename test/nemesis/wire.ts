/**
 * The way of one node to the server, as a link between machines fails: it grows slow, stands
 * still, or breaks, and is mended again. Invariant: what comes through comes in its order.
 */
import { connect, createServer, type Socket } from 'node:net'

export type Wire = {
  readonly url: string
  /** Each way takes so long; 0: none. */
  slow(ms: number): void
  /** Nothing is lost and nothing arrives, until `heal`. */
  freeze(): void
  /** Connections die and new ones are refused, until `heal`. */
  cut(): void
  heal(): void
  close(): Promise<void>
}

type Way = { readonly to: Socket; readonly held: Buffer[] }

export async function openWire(port: number): Promise<Wire> {
  const sockets = new Set<Socket>()
  const ways = new Set<Way>()
  let delayMs = 0
  let is: 'good' | 'frozen' | 'cut' = 'good'

  function carry(from: Socket, to: Socket): void {
    const way: Way = { to, held: [] }
    ways.add(way)
    // Timers of one length ring in the order in which they were set; a shorter one waits for its turn.
    let last = 0
    from.on('data', (data) => {
      if (is === 'frozen') return void way.held.push(data)
      last = Math.max(last, performance.now() + delayMs)
      const wait = last - performance.now()
      if (wait <= 0) to.write(data)
      else setTimeout(() => (is === 'frozen' ? way.held.push(data) : to.write(data)), Math.ceil(wait))
    })
    from.on('close', () => {
      ways.delete(way)
      sockets.delete(from)
      to.destroy()
    })
    // A connection that breaks is told by its close.
    from.on('error', () => undefined)
    sockets.add(from)
  }

  const server = createServer((near) => {
    if (is === 'cut') return void near.destroy()
    const far = connect(port, '127.0.0.1')
    for (const socket of [near, far]) socket.setNoDelay(true)
    carry(near, far)
    carry(far, near)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port: own } = server.address() as { port: number }
  return {
    url: `nats://127.0.0.1:${own}`,
    slow: (ms) => void (delayMs = ms),
    freeze: () => void (is = 'frozen'),
    cut() {
      is = 'cut'
      for (const socket of sockets) socket.destroy()
    },
    heal() {
      is = 'good'
      delayMs = 0
      for (const { to, held } of ways) for (const data of held.splice(0)) to.write(data)
    },
    async close() {
      for (const socket of sockets) socket.destroy()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}
