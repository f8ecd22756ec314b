/**
 * Every answer the server owes us, under one wildcard inbox: acknowledgements of appends, results
 * of calls. Invariant: each waiting ends exactly once, by its answer, its deadline, the loss of
 * the connection or of the log's leader, or a denial; and one timer serves them all.
 */
import { createInbox, type Msg } from '@nats-io/nats-core'
import { Fault } from '#protocol/fault.ts'
import type { Link } from './link.ts'

export type Waiting = {
  /** What was published; a denial names it. */
  readonly subjects: string | readonly { readonly subject: string }[]
  /** From `performance.now()`. */
  readonly sentAt: number
  readonly waitMs: number
  /** What the leader of the log was asked for: that it appends, or something that may be asked again. */
  readonly ofLeader?: 'append' | { readonly again: (reply: string) => void } | undefined
  /** Of an answer in several messages: that this one is not the last. */
  hasMore?(message: Msg): boolean
  onReply(message: Msg): void
  onLost(fault: Fault): void
}

export type Replies = {
  /** The subject to ask the answer to. */
  expect(waiting: Waiting): string
  /** What was expected will not come: it could not be published. */
  forget(reply: string): void
  /** The log has another leader; the one before keeps to itself what it was asked and has not answered. */
  changeLeader(): void
  /** Called a few times a second with `performance.now()`, except right after the process itself stood still. */
  onTick(check: (now: number) => void): { stop(): void }
  close(): void
}

const tickMs = 200
/** A process that stands still again and again must still notice what is overdue. */
const graceTicks = 5

export function openReplies(link: Link, inboxPrefix: string | undefined): Replies {
  const base = `${createInbox(inboxPrefix)}.`
  const waiting = new Map<string, Waiting>()
  const checks = new Set<(now: number) => void>()
  let count = 0
  let lastTick = performance.now()
  let grace = graceTicks

  const subscription = link.nc.subscribe(`${base}*`, {
    callback: (error, message) => {
      if (error) return loseAll(() => new Fault('bus.denied', { value: `subscribe to ${base}*` }, { cause: error }))
      const token = message.subject.slice(base.length)
      const one = waiting.get(token)
      // An answer after its deadline: the outcome was reported as unknown, and stays so.
      if (one === undefined) return
      if (one.hasMore?.(message) !== true) waiting.delete(token)
      one.onReply(message)
    },
  })

  function loseAll(faultOf: (one: Waiting) => Fault): void {
    const lost = [...waiting.values()]
    waiting.clear()
    for (const one of lost) one.onLost(faultOf(one))
  }
  const timeoutOf = (one: Waiting): Fault =>
    new Fault('bus.timeout', { ms: Math.round(performance.now() - one.sentAt) })

  const connection = link.onState((state) => {
    if (state !== 'connected') loseAll(timeoutOf)
  })
  link.onDenied((operation, subject) => {
    if (operation !== 'publish') return
    for (const [token, one] of waiting) {
      if (!concerns(one, subject)) continue
      waiting.delete(token)
      one.onLost(new Fault('bus.denied', { value: `publish to ${subject}` }))
    }
  })

  const ticking = setInterval(() => {
    const now = performance.now()
    const stoodStill = now - lastTick > 3 * tickMs
    lastTick = now
    // After a stand-still (a stopped process, a long step) the answers may lie unread in the socket.
    if (stoodStill && grace-- > 0) return
    grace = graceTicks
    for (const [token, one] of waiting) {
      if (now - one.sentAt < one.waitMs) continue
      waiting.delete(token)
      one.onLost(timeoutOf(one))
    }
    for (const check of checks) check(now)
  }, tickMs)
  ticking.unref()

  return {
    expect(one) {
      const token = (++count).toString(36)
      waiting.set(token, one)
      return base + token
    },
    forget: (reply) => void waiting.delete(reply.slice(base.length)),
    changeLeader() {
      for (const [token, one] of waiting) {
        if (one.ofLeader === undefined) continue
        if (one.ofLeader !== 'append') {
          one.ofLeader.again(base + token)
          continue
        }
        waiting.delete(token)
        one.onLost(timeoutOf(one))
      }
    },
    onTick(check) {
      checks.add(check)
      return { stop: () => void checks.delete(check) }
    },
    close() {
      clearInterval(ticking)
      connection.stop()
      checks.clear()
      loseAll(timeoutOf)
      subscription.unsubscribe()
    },
  }
}

function concerns(one: Waiting, subject: string): boolean {
  return typeof one.subjects === 'string'
    ? one.subjects === subject
    : one.subjects.some((entry) => entry.subject === subject)
}
