/**
 * The embedded server's configuration, as text. It keeps the invariant that a public address
 * accepts nothing but an event, whatever comes with it.
 *
 * Nodes and outsiders are two accounts, not two users of one. Permissions are checked on the
 * subject of a publish but not on its reply subject, and the server itself then sends the
 * stream's acknowledgement there, with rights of its own: in one account an outsider who names
 * `<realm>.commit.0` (or a mailbox, or a registry key) as the reply has that acknowledgement
 * stored in the log and moves a partition's fence. Between accounts a reply goes back to the
 * account of who asked, so it can reach outsiders only.
 */
import { crossingOf } from './account-crossing.ts'
import { type Login, outsideInbox, type ServerCredentials } from './credentials.ts'
import type { ServerHome } from './server-home.ts'

export type ServerConfig = {
  /** Absolute; nothing of the server is written elsewhere. */
  readonly home: ServerHome
  /** Absent when it is alone. */
  readonly cluster?: ServerInCluster | undefined
  /** 0 for any free one. */
  readonly port: number
  /** The monitoring page; absent when 0. */
  readonly httpPort: number
  readonly durability: 'process' | 'power'
  readonly maxPayload: number
  readonly credentials: ServerCredentials
  /** The realms whose public addresses outsiders may publish to. */
  readonly realms: readonly string[]
  /** What outsiders may read of these realms, for example `ev.>`. */
  readonly readable: readonly string[]
}

export type ServerInCluster = {
  /** Its name: the others know by it which part of the log it keeps, so it never changes. */
  readonly server: string
  /** Where it listens for the others. */
  readonly port: number
  /** Where the others listen. */
  readonly others: readonly number[]
  /** What they know each other by; nobody else on this machine may join. */
  readonly login: Login
}

/**
 * One connection that opens batches and never ends them would use up the server's own limit of
 * 50 for all; these give a node room beside hundreds of such, and forget them sooner.
 */
const batchLimits = { max_inflight_per_stream: 1000, max_inflight_total: 2000, timeout: '5s' }

/** JSON is also the server's own configuration language, and its quoting is one we can trust. */
export function serverConfigText(config: ServerConfig): string {
  const { home, port, httpPort, durability, maxPayload, cluster } = config
  const value = {
    server_name: cluster?.server ?? 'perdure',
    host: '127.0.0.1',
    port: port === 0 ? -1 : port,
    ...(httpPort === 0 ? {} : { http: `127.0.0.1:${httpPort}` }),
    max_payload: maxPayload,
    // A connection that is owed more than this is cut off; it must hold a few of the largest entries.
    max_pending: Math.max(64 * 1024 * 1024, 4 * maxPayload),
    pid_file: home.pid,
    ports_file_dir: home.dir,
    log_file: home.log,
    log_size_limit: 10_000_000,
    log_max_num: 3,
    jetstream: {
      store_dir: home.store,
      // Its own two minutes would be as much as a power cut can take; what it forgets is mended from the nodes.
      sync_interval: durability === 'power' ? 'always' : '10s',
      limits: { batch: batchLimits },
    },
    accounts: accountsOf(config),
    ...(cluster === undefined ? {} : { cluster: routesOf(cluster) }),
  }
  return `${JSON.stringify(value, undefined, 2)}\n`
}

function routesOf({ port, others, login: { user, pass } }: ServerInCluster): Record<string, unknown> {
  return {
    name: 'perdure',
    listen: `127.0.0.1:${port}`,
    authorization: { user, password: pass },
    routes: others.map((other) => `nats-route://${user}:${pass}@127.0.0.1:${other}`),
  }
}

function accountsOf({ credentials, realms, readable }: ServerConfig): Record<string, unknown> {
  const { node, outside } = credentials
  const { publish, read, exported, imported } = crossingOf(realms, readable)
  return {
    // Whole, because restores and forks make streams and subjects of other names here.
    REALM: {
      jetstream: 'enabled',
      users: [{ user: node.user, password: node.pass }],
      exports: exported('OUTSIDE'),
    },
    OUTSIDE: {
      users: [
        {
          user: outside.user,
          password: outside.pass,
          // The plain inboxes too, so that any client gets its acknowledgements: those of nodes are in another account.
          permissions: { publish, subscribe: ['_INBOX.>', `${outsideInbox}.>`, ...read] },
        },
      ],
      imports: imported('REALM'),
    },
  }
}
