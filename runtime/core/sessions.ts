/**
 * How far each client's session has come in one partition, the longest silent first. It serves the
 * clause "how far it has read". Invariant: a sign of one session costs the same however many there
 * are, and there are never more than `clientsMost`; of what was forgotten, the last instant stays.
 */
import type { ClientMark } from '#protocol/folded.ts'

export type SessionLimits = {
  /** A client that was silent for longer retries nothing any more. Silent by the log's time. */
  readonly clientKeepMs: number
  /** Past it the longest silent is forgotten. */
  readonly clientsMost: number
}

export type Sessions = {
  readonly size: number
  /** The last sign of the youngest session that was forgotten; 0 while none was. */
  readonly forgottenAt: number
  /** The number up to which this session was taken; nothing for one that is not known (any more). */
  last(session: string): number | undefined
  /** Moves a session on; gives back those that had to be forgotten for it. */
  note(mark: ClientMark): readonly string[]
}

/** A ring in the order of the last signs: `newer` of the ring's own link is the oldest. */
type Link = { readonly session: string; n: number; at: number; older: Link; newer: Link }

const none: readonly string[] = []

export function sessionsOf(
  begun: { readonly clients: Iterable<ClientMark>; readonly forgottenAt: number },
  { clientKeepMs, clientsMost }: SessionLimits,
): Sessions {
  const links = new Map<string, Link>()
  const ring = ringOf()
  let { forgottenAt } = begun

  function move([session, n, at]: ClientMark): void {
    const link = links.get(session) ?? linkOf(session)
    link.older.newer = link.newer
    link.newer.older = link.older
    link.n = n
    link.at = at
    link.older = ring.older
    link.newer = ring
    link.older.newer = link
    ring.older = link
  }

  function linkOf(session: string): Link {
    const link = ringOf(session)
    links.set(session, link)
    return link
  }

  function isCrowded(now: number): boolean {
    return links.size > clientsMost || ring.newer.at <= now - clientKeepMs
  }

  function forget(now: number): readonly string[] {
    const forgotten: string[] = []
    while (isCrowded(now)) {
      const oldest = ring.newer
      ring.newer = oldest.newer
      ring.newer.older = ring
      links.delete(oldest.session)
      forgottenAt = Math.max(forgottenAt, oldest.at)
      forgotten.push(oldest.session)
    }
    return forgotten
  }

  // None of these is forgotten here: whoever forgets must also write it.
  for (const mark of [...begun.clients].sort((a, b) => a[2] - b[2])) move(mark)
  return {
    get size() {
      return links.size
    },
    get forgottenAt() {
      return forgottenAt
    },
    last: (session) => links.get(session)?.n,
    note(mark) {
      move(mark)
      return isCrowded(mark[2]) ? forget(mark[2]) : none
    },
  }
}

/** A link to itself. */
function ringOf(session = ''): Link {
  const link = { session, n: 0, at: Number.POSITIVE_INFINITY } as Link
  link.older = link
  link.newer = link
  return link
}
