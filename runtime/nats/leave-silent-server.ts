/**
 * A server whose machine is gone or cut off closes nothing: the connection stands, and what was
 * written to it waits for the kernel to give up. Whoever belongs to a cluster has somewhere else
 * to go, so a server that is asked and says nothing is left for another. It serves "an envelope
 * arrives on a subject". Invariants: a lone server is never left, because nothing but the same
 * one would be dialled; and none is because this process stood still itself.
 */
import { Fault, storedFaultOf } from '#protocol/fault.ts'
import { trace } from '#runtime/trace.ts'
import type { BusTimes } from './bus-options.ts'
import type { Link } from './link.ts'
import type { Replies } from './replies.ts'

export function leaveSilentServer(
  link: Pick<Link, 'cluster' | 'isUp' | 'address' | 'nc' | 'leave'>,
  replies: Pick<Replies, 'onTick'>,
  { quietMs, answerMs }: Pick<BusTimes, 'quietMs' | 'answerMs'>,
): void {
  if (link.cluster === undefined) return
  const { nc } = link
  let heard = -1
  let heardAt = performance.now()
  let askedAt: number | undefined

  function hear(): void {
    heardAt = performance.now()
    askedAt = undefined
  }

  function leave(ms: number): void {
    hear()
    const fault = new Fault('server.silent', { value: nc.getServer() || link.address, ms: Math.round(ms) })
    trace({ is: 'server.silent', fault: storedFaultOf(fault) })
    link.leave()
  }

  replies.onTick((now) => {
    const { inMsgs } = nc.stats()
    if (inMsgs !== heard || !link.isUp()) {
      heard = inMsgs
      hear()
    } else if (askedAt === undefined) {
      if (now - heardAt < quietMs) return
      askedAt = now
      // Answered by the server itself, whoever leads the log.
      nc.flush().then(hear, () => undefined)
    } else if (now - askedAt >= answerMs) leave(now - heardAt)
  })
}
