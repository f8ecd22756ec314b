/** What opening a bus over NATS takes. Times are in ms; those not given have the reason beside their default. */

export type BusAuth =
  | { readonly user: string; readonly pass: string }
  | { readonly token: string }
  /** The text of a `.creds` file. */
  | { readonly creds: string }
  /** The seed of an nkey, `SU…`. */
  | { readonly nkey: string }

export type BusTls = {
  readonly caFile?: string | undefined
  readonly certFile?: string | undefined
  readonly keyFile?: string | undefined
}

export type BusTimes = {
  readonly connectMs: number
  readonly reconnectMs: number
  readonly pingMs: number
  readonly ackMs: number
  readonly callMs: number
  readonly heartbeatMs: number
  readonly quietMs: number
  readonly answerMs: number
}

export type BusOptions = {
  readonly servers: readonly string[]
  readonly realm: string
  /** Whether a missing realm is made; a client of a running system says no. */
  readonly create: boolean
  /** Asked for explicitly: a realm that has another number is refused. */
  readonly partitions?: number | undefined
  /** Of a realm that is made now, when `partitions` is not given. */
  readonly defaultPartitions?: number | undefined
  /** Of what is made now: the stream, the registry, the blobs. */
  readonly replicas: number
  /** What the server is configured to promise; no client can see it. */
  readonly durability: 'process' | 'power'
  readonly auth?: BusAuth | undefined
  readonly tls?: BusTls | undefined
  /** Shown by the server's monitoring. */
  readonly name?: string | undefined
  /** For credentials that may subscribe only to inboxes of their own. */
  readonly inboxPrefix?: string | undefined
  /** An earlier one, to be read; by default the one that serves. */
  readonly generation?: number | undefined
  /** Whoever restores a realm opens it before anybody else may. */
  readonly mayRestore?: boolean | undefined
  /** How long the server remembers the ids that outsiders give. */
  readonly duplicateWindowMs?: number | undefined
  readonly times?: Partial<BusTimes> | undefined
}

/** The server's own default; ids are kept in its memory for so long. */
export const duplicateWindowMs = 120_000

export const busTimes: BusTimes = {
  connectMs: 5_000,
  // Short, because a restarted server is back within 100 ms; jittered, because all its clients come back.
  reconnectMs: 150,
  // A frozen peer is noticed by appends and heartbeats first; pings are for connections at rest.
  pingMs: 20_000,
  // Longer than a change of the stream's leader in a cluster takes to refuse, shorter than people wait.
  ackMs: 5_000,
  callMs: 5_000,
  // A reader that hears nothing for two and a half of these begins again.
  heartbeatMs: 2_000,
  // In a cluster: after so long without a word a server is asked, and left when it says nothing for so
  // long again. Together as long as a node waits that hears nobody, before it lets go.
  quietMs: 800,
  answerMs: 1_200,
}
