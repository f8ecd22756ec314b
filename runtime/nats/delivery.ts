/**
 * Where a delivered entry stands, read from its reply subject by hand, because it happens once
 * for every entry. Two forms: `$JS.ACK.<stream>.<consumer>.<delivered>.<seq>.<count>.<ns>.<pending>`,
 * and from newer or clustered servers `$JS.ACK.<domain>.<account>.<stream>.…` with a token more
 * at the end.
 */
export type Delivery = {
  /** The entry's sequence in the log. */
  readonly seq: number
  /** The consumer's own count of what it sent: a gap here is a loss on the way. */
  readonly count: number
  readonly at: number
}

const dot = 46

export function deliveryOf(reply: string): Delivery {
  let dots = 0
  for (let at = 0; at < reply.length; at++) if (reply.charCodeAt(at) === dot) dots++
  let at = skip(reply, 0, dots < 10 ? 5 : 7)
  const seq = numberAt(reply, at)
  at = skip(reply, at, 1)
  const count = numberAt(reply, at)
  at = skip(reply, at, 1)
  // Nanoseconds do not fit a number exactly; the last six digits are below a millisecond.
  const end = reply.indexOf('.', at)
  return { seq, count, at: Number(reply.slice(at, end - 6)) }
}

function skip(reply: string, from: number, tokens: number): number {
  let at = from
  for (let left = tokens; left > 0; left--) at = reply.indexOf('.', at) + 1
  return at
}

/** By hand, because it runs for every entry that is read. */
export function numberAt(text: string, from: number): number {
  let value = 0
  for (let at = from; ; at++) {
    const digit = text.charCodeAt(at) - 48
    if (!(digit >= 0 && digit <= 9)) return value
    value = value * 10 + digit
  }
}
