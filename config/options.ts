/**
 * The settings in the shapes that the parts take. Only shapes: the types live with those parts,
 * which never see this folder, and the composition checks that both agree.
 */
import { join } from 'node:path'
import type { Config } from './open-config.ts'
import { release } from './release.ts'

/** The oldest server whose atomic batches keep what a commit needs. */
export const oldestServer = '2.12.1'

/** For finding a server that is here, and for fetching one. */
export function serverSearchOf({ node, searchPath }: Config): ServerSearch {
  const {
    'server.path': configured,
    'server.archiveUrl': url,
    'server.archiveSha256': sha256,
    'server.cacheDir': cacheDir,
  } = node
  return {
    configured,
    searchPath,
    cacheDir,
    minimum: oldestServer,
    archive: url === undefined || sha256 === undefined ? undefined : { url, sha256 },
  }
}

type ServerSearch = {
  readonly configured: string | undefined
  readonly searchPath: string
  readonly cacheDir: string
  readonly minimum: string
  readonly archive: { readonly url: string; readonly sha256: string } | undefined
}

/** What launching takes besides the program, the credentials and where its lines go. */
export function serverOptionsOf({ cluster, node }: Config): ServerSettings {
  return {
    dir: node.dir,
    port: node['server.port'],
    httpPort: node['server.monitorPort'],
    durability: cluster.durability,
    maxPayload: node['server.maxPayload'],
    realms: [cluster.realm],
    readable: node['outside.read'],
    graceMs: node['server.graceMs'],
  }
}

type ServerSettings = {
  readonly dir: string
  readonly port: number
  readonly httpPort: number
  readonly durability: 'process' | 'power'
  readonly maxPayload: number
  readonly realms: readonly string[]
  readonly readable: readonly string[]
  readonly graceMs: number
}

/** What opening a bus takes besides the credentials. */
export function busOptionsOf(config: Config): BusSettings {
  const { cluster, node } = config
  return {
    servers: node.servers,
    realm: cluster.realm,
    partitions: config.isSet('partitions') ? cluster.partitions : undefined,
    defaultPartitions: cluster.partitions,
    replicas: cluster.replicas,
    durability: cluster.durability,
    name: node.name,
    duplicateWindowMs: cluster['outside.duplicateWindowMs'],
    tls: tlsOf(config),
    inboxPrefix: node['auth.inboxPrefix'],
    times: {
      connectMs: node['bus.connectMs'],
      reconnectMs: node['bus.reconnectMs'],
      pingMs: node['bus.pingMs'],
      ackMs: node['bus.ackMs'],
      callMs: node['bus.callMs'],
      heartbeatMs: node['bus.heartbeatMs'],
    },
  }
}

type BusSettings = {
  readonly servers: readonly string[]
  readonly realm: string
  /** Only when it was asked for: a realm that exists is taken as it is. */
  readonly partitions: number | undefined
  readonly defaultPartitions: number
  readonly replicas: number
  readonly durability: 'process' | 'power'
  readonly name: string
  readonly duplicateWindowMs: number
  readonly tls: TlsFiles | undefined
  readonly inboxPrefix: string | undefined
  readonly times: Readonly<Record<'connectMs' | 'reconnectMs' | 'pingMs' | 'ackMs' | 'callMs' | 'heartbeatMs', number>>
}

type TlsFiles = {
  readonly caFile: string | undefined
  readonly certFile: string | undefined
  readonly keyFile: string | undefined
}

function tlsOf({ node }: Config): TlsFiles | undefined {
  const files = { caFile: node['tls.caFile'], certFile: node['tls.certFile'], keyFile: node['tls.keyFile'] }
  return Object.values(files).every((file) => file === undefined) ? undefined : files
}

const nodeNumbers = {
  inFlightMost: 'commit.inFlightMost',
  entriesMost: 'commit.entriesMost',
  cheapMost: 'commit.cheapMost',
  queueMost: 'mailbox.queueMost',
  stagedMost: 'mailbox.stagedMost',
  idleMs: 'actors.idleMs',
  residentsMost: 'actors.residentMost',
  stateBytesMost: 'actors.stateBytesMost',
  clientKeepMs: 'actors.clientKeepMs',
  clientsMost: 'actors.clientsMost',
  foldMs: 'fold.everyMs',
  foldCommitsMost: 'fold.commitsMost',
  mendKeepMs: 'mend.keepMs',
  mendBytes: 'mend.bytes',
  trimEveryMs: 'trim.everyMs',
  trimAnswerMs: 'trim.answerMs',
  baseEveryBytes: 'base.everyBytes',
  isolationMs: 'isolation.ms',
  isolationMostMs: 'isolation.mostMs',
  aliveMs: 'alive.everyMs',
  claimLookMs: 'claim.lookMs',
  capacity: 'capacity',
  beatMs: 'members.beatMs',
  suspectMs: 'members.suspectMs',
  deadMs: 'members.deadMs',
  handOverMs: 'handOver.graceMs',
  handOversMost: 'handOver.most',
  claimsMost: 'claim.most',
  answerBytesMost: 'ask.answerBytesMost',
  retryMs: 'bus.retryMs',
  effectLimit: 'effects.limit',
  graceMs: 'drain.graceMs',
  deferLimit: 'defer.limit',
  askMostMs: 'ask.longestMs',
  askLateMs: 'ask.lateMs',
  asksMost: 'ask.openMost',
  cutDeadlineMs: 'cuts.deadlineMs',
  cutLayersMost: 'cuts.layersMost',
  checkMs: 'cuts.checkMs',
  cutEveryMs: 'cuts.everyMs',
  cutEveryBytes: 'cuts.everyBytes',
  cutKeepLast: 'cuts.keepLast',
  cutKeepHourly: 'cuts.keepHourly',
  cutKeepDaily: 'cuts.keepDaily',
  drillEveryMs: 'cuts.drillMs',
} as const

/** What a node takes to run actors. */
export function nodeOptionsOf(config: Config): NodeSettingsOf {
  const { cluster, node } = config
  const numbers = Object.entries(nodeNumbers).map(([option, name]) => [option, node[name]])
  return {
    ...(Object.fromEntries(numbers) as Readonly<Record<keyof typeof nodeNumbers, number>>),
    // One server that syncs first forgets nothing in a power cut, and an older disk is older than what would be held.
    ...(isForgetful(config) ? {} : { mendKeepMs: 0 }),
    name: node.name,
    labels: node.labels,
    secondPlace: node['cuts.secondPlace'],
    standbys: cluster.standbys,
    release,
    historyMs: cluster['history.windowMs'],
    historyBytes: cluster['history.bytes'],
    parkedKeepMs: cluster['parked.keepMs'],
    parkedBytes: cluster['parked.bytes'],
    retainMs: cluster['actors.retainMs'],
    acceptChanged: node['kinds.acceptChanged'],
    rolloutShare: node['rollout.share'],
  }
}

function isForgetful({ cluster, isSet }: Config): boolean {
  return cluster.durability !== 'power' || cluster.replicas > 1 || isSet('mend.keepMs')
}

type NodeSettingsOf = Readonly<
  Record<
    keyof typeof nodeNumbers | 'parkedKeepMs' | 'parkedBytes' | 'historyMs' | 'historyBytes' | 'retainMs' | 'standbys',
    number
  >
> & {
  readonly name: string
  readonly labels: readonly string[]
  readonly secondPlace: string | undefined
  readonly release: string
  readonly acceptChanged: boolean
  readonly rolloutShare: number | 'auto'
}

/** What a client of a realm takes to send and to look. */
export function clientOptionsOf({ node }: Config): ClientSettings {
  return {
    windowMost: node['outside.windowMost'],
    sendTimeoutMs: node['outside.timeoutMs'],
    retryMs: node['bus.retryMs'],
    queryTimeoutMs: node['ask.queryMs'],
    leaseMs: node['ask.leaseMs'],
  }
}

type ClientSettings = Readonly<
  Record<'windowMost' | 'sendTimeoutMs' | 'retryMs' | 'queryTimeoutMs' | 'leaseMs', number>
>

/** The folds of this node, beside the server's own directory. */
export function storeOptionsOf({ node }: Config): { readonly dir: string; readonly mapBytes: number } {
  return { dir: join(node.dir, 'store'), mapBytes: node['store.mapBytes'] }
}

export function archiveOptionsOf({ node }: Config): { readonly dir: string; readonly mapBytes: number } {
  return { dir: join(node.dir, 'archive'), mapBytes: node['cuts.archiveBytes'] }
}

/** Where the key of cuts is, or is to be made. */
export function keyPlaceOf({ node, isSet }: Config): {
  readonly given: string | undefined
  readonly file: string
  readonly isNamed: boolean
} {
  return {
    given: node['cuts.key'],
    file: node['cuts.keyFile'] ?? cutKeyFile(node.dir),
    isNamed: isSet('cuts.keyFile'),
  }
}

/** Beside the credentials, made by the first start. */
export function cutKeyFile(dir: string): string {
  return join(dir, 'cuts.key')
}
