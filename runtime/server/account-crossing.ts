/**
 * What crosses from the account of outsiders into that of the nodes and back: events to public
 * addresses in, with their acknowledgements back, and what outsiders are granted to read out.
 */
export type Crossing = {
  /** What outsiders may publish to. */
  readonly publish: readonly string[]
  /** What outsiders may read. */
  readonly read: readonly string[]
  exported(to: string): readonly object[]
  imported(from: string): readonly object[]
}

export function crossingOf(realms: readonly string[], readable: readonly string[]): Crossing {
  const publish = realms.map((realm) => `${realm}.to.*.*`)
  const read = realms.flatMap((realm) => readable.map((pattern) => `${realm}.${pattern}`))
  return {
    publish,
    read,
    exported: (to) => [
      ...publish.map((subject) => ({ service: subject, accounts: [to] })),
      ...read.map((subject) => ({ stream: subject, accounts: [to] })),
    ],
    imported: (account) => [
      ...publish.map((subject) => ({ service: { account, subject } })),
      ...read.map((subject) => ({ stream: { account, subject } })),
    ],
  }
}
