/**
 * A wire between a node and the server that a test holds in its hands. It waits for a request
 * that it knows by its first bytes, and then keeps the answers to itself, or holds that request
 * and all behind it back beyond the death of their connection.
 */
import { connect, createServer, type Socket } from 'node:net'

export type Proxy = {
  readonly url: string
  /** Resolves when such a request has gone through; nothing that the server says arrives any more. */
  swallowAnswersTo(request: RegExp): Promise<void>
  /** Resolves when such a request came; it stays here, with all that follows on its connection. */
  holdBack(request: RegExp): Promise<void>
  /** Connections that are up now die for the node. The next ones are good. */
  cut(): void
  /** What was held back arrives at the server, on the connection on which it was sent. */
  release(): void
  close(): Promise<void>
}

type Pair = {
  readonly near: Socket
  readonly far: Socket
  readonly held: Buffer[]
  is: 'good' | 'swallowing' | 'holding'
}
type Trap = { readonly request: RegExp; readonly then: 'swallowing' | 'holding'; readonly caught: () => void }

export async function openProxy(port: number): Promise<Proxy> {
  const pairs = new Set<Pair>()
  let trap: Trap | undefined

  const server = createServer((near) => {
    const pair: Pair = { near, far: connect(port, '127.0.0.1'), held: [], is: 'good' }
    pairs.add(pair)
    const { far } = pair
    near.on('data', (data) => {
      if (trap?.request.test(data.toString('latin1')) === true) {
        pair.is = trap.then
        trap.caught()
        trap = undefined
      }
      if (pair.is === 'holding') pair.held.push(data)
      else far.write(data)
    })
    far.on('data', (data) => {
      if (pair.is === 'good') near.write(data)
    })
    near.on('close', () => {
      if (pair.held.length === 0) far.end()
    })
    far.on('close', () => {
      near.destroy()
      pairs.delete(pair)
    })
    // A connection that breaks is told by its close.
    for (const socket of [near, far]) socket.on('error', () => undefined)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port: own } = server.address() as { port: number }

  const set = (request: RegExp, then: Trap['then']): Promise<void> =>
    new Promise((caught) => (trap = { request, then, caught }))
  return {
    url: `nats://127.0.0.1:${own}`,
    swallowAnswersTo: (request) => set(request, 'swallowing'),
    holdBack: (request) => set(request, 'holding'),
    cut() {
      for (const { near } of pairs) near.destroy()
    },
    release() {
      for (const { near, far, held } of pairs) {
        if (held.length === 0) continue
        for (const data of held.splice(0)) far.write(data)
        if (near.destroyed) far.end()
      }
    },
    async close() {
      for (const { near, far } of pairs) {
        near.destroy()
        far.destroy()
      }
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}
