/**
 * A wire between a node and the server that a test holds in its hands: it can keep answers to
 * itself, hold requests back beyond the death of their connection, and cut everything.
 */
import { connect, createServer, type Socket } from 'node:net'

export type Proxy = {
  readonly url: string
  /** From now on nothing of what the server says arrives: acknowledgements are lost. */
  swallowAnswers(): void
  /** From now on what is sent waits here. */
  holdRequests(): void
  /** The nodes lose their connections. What was held for the server is kept, and its side stays open. */
  cut(): void
  /** What was held goes on its way, however late. */
  release(): void
  readonly heldBytes: number
  close(): Promise<void>
}

type Pair = { readonly near: Socket; readonly far: Socket; readonly held: Buffer[] }

export async function openProxy(port: number): Promise<Proxy> {
  const pairs = new Set<Pair>()
  let isSwallowing = false
  let isHolding = false

  const server = createServer((near) => {
    const far = connect(port, '127.0.0.1')
    const pair: Pair = { near, far, held: [] }
    pairs.add(pair)
    // A connection made after the others were cut begins whole.
    const [swallows, holds] = [
      (): boolean => isSwallowing && !fresh.has(pair),
      (): boolean => isHolding && !fresh.has(pair),
    ]
    near.on('data', (data) => {
      if (holds()) pair.held.push(data)
      else far.write(data)
    })
    far.on('data', (data) => {
      if (!swallows() && !near.destroyed) near.write(data)
    })
    const end = (): void => {
      near.destroy()
      if (pair.held.length === 0) far.destroy()
      if (far.destroyed) pairs.delete(pair)
    }
    for (const socket of [near, far]) {
      socket.on('error', end)
      socket.on('close', end)
    }
    if (isCut) fresh.add(pair)
  })
  /** Whether the wire was cut since it began to fail: connections made after that are good. */
  let isCut = false
  const fresh = new Set<Pair>()

  const begin = (): void => {
    isCut = false
    fresh.clear()
  }
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port: own } = server.address() as { port: number }
  return {
    url: `nats://127.0.0.1:${own}`,
    swallowAnswers() {
      begin()
      isSwallowing = true
    },
    holdRequests() {
      begin()
      isHolding = true
    },
    cut() {
      isCut = true
      for (const { near } of pairs) near.destroy()
    },
    release() {
      isSwallowing = false
      isHolding = false
      for (const pair of pairs) {
        for (const data of pair.held.splice(0)) pair.far.write(data)
        // The server reads what came before the end.
        if (pair.near.destroyed) pair.far.end()
      }
    },
    get heldBytes() {
      let sum = 0
      for (const { held } of pairs) for (const data of held) sum += data.length
      return sum
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
