/**
 * A node over the generations of its realm: when one is superseded it waits for the next and serves
 * that, as the same node to whoever holds it. It serves "a restored realm has a new generation", for
 * programs that run through it. Invariants: two nodes of one process never live at a time; whoever
 * stops it while it waits stops the waiting.
 */
import type { ActorKind } from '#protocol/actor.ts'
import { isFault } from '#protocol/fault.ts'
import type { Node } from './node.ts'

/** `isAgain`: the realm was superseded, so that its next generation is waited for as long as it takes. */
export type OpenNext = (isAgain: boolean, signal: AbortSignal) => Promise<Node>

export async function goingOn(open: OpenNext, given?: AbortSignal): Promise<Node> {
  const stopping = new AbortController()
  const signal = given === undefined ? stopping.signal : AbortSignal.any([given, stopping.signal])
  const over = Promise.withResolvers<Error | undefined>()
  const added: ActorKind[] = []
  let reopening: Promise<void> | undefined
  let current = await open(false, signal)
  follow(current)

  function follow(node: Node): void {
    void node.ended.then((error) => {
      if (!isFault(error, 'realm.superseded') || signal.aborted) return over.resolve(error)
      reopening = again().catch((failure: unknown) => {
        over.resolve(signal.aborted ? undefined : failure instanceof Error ? failure : new Error(String(failure)))
      })
    })
  }

  async function again(): Promise<void> {
    const next = await open(true, signal)
    try {
      for (const actor of added) await next.register(actor)
    } catch (error) {
      await next.stop()
      throw error
    }
    current = next
    follow(next)
    if (signal.aborted) await next.stop()
  }

  async function stop(): Promise<void> {
    stopping.abort()
    await reopening
    await current.stop()
    await over.promise
  }

  return {
    get name() {
      return current.name
    },
    get bus() {
      return current.bus
    },
    get store() {
      return current.store
    },
    get partitions() {
      return current.partitions
    },
    get kinds() {
      return current.kinds
    },
    get cuts() {
      return current.cuts
    },
    async register(actor) {
      await current.register(actor)
      added.push(actor)
    },
    settle: () => current.settle(),
    health: () => current.health(),
    ended: over.promise,
    stop,
    kill() {
      stopping.abort()
      current.kill()
    },
    [Symbol.asyncDispose]: stop,
  }
}
