/**
 * A realm of real processes that is struck: servers, nodes with disks of their own, programs that
 * drive the workloads, and one who reads the log from outside. Invariant: what is concluded rests
 * on the log and on what programs were promised, never on what a node says of itself.
 */
import { rmSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate, setTimeout as pause } from 'node:timers/promises'
import { decodeHeartbeat, type Heartbeat } from '#protocol/heartbeat.ts'
import { subjects } from '#protocol/subject.ts'
import type { Bus } from '#runtime/bus.ts'
import { type RealmHandle, realmHandleOf } from '#runtime/client/realm-handle.ts'
import { systemClock } from '#runtime/clock.ts'
import { openBus } from '#runtime/nats/open-bus.ts'
import { realmOptions } from '#test/support/engine.ts'
import { type Audit, auditOf } from '#test/support/sim/audit.ts'
import { judge } from '#test/support/sim/world.ts'
import { everything } from '#test/support/workloads/everything.ts'
import { outsideOf } from '#test/support/workloads/outside.ts'
import { randomOf } from '#test/support/workloads/random.ts'
import { type Hearing, hearingOf } from './hearing.ts'
import { type Pulse, pulseOf } from './load.ts'
import { type LogView, openLogView } from './log-view.ts'
import { type Member, memberOf } from './member.ts'
import { type Rollback, rollbackFaults, withoutForgotten } from './rollbacks.ts'
import { openServers, type Servers } from './servers.ts'
import { openWire, type Wire } from './wire.ts'

export type WorldOptions = {
  readonly seed: number
  /** 3: a cluster that keeps each entry three times. */
  readonly servers?: 1 | 3
  /** Nodes and servers run on machines of their own. */
  readonly onHosts?: boolean
  readonly nodes?: number
  readonly partitions?: number
  readonly eventsPerSecond?: number
  /** The pulse alone, without the shared workloads. */
  readonly pulseOnly?: boolean
  /** Shared workloads by name that are not driven. */
  readonly without?: readonly string[]
  /** Its nodes have archives, and are judged by the cuts that they take. */
  readonly takesCuts?: boolean
  /** Settings of the nodes, as flags of the command line. */
  readonly flags?: Readonly<Record<string, string>>
  /** Bugs by the name of their node. */
  readonly plants?: Readonly<Record<string, string>>
}

export type NemesisWorld = AsyncDisposable & {
  readonly seed: number
  readonly begunAt: number
  readonly bus: Bus
  readonly realm: RealmHandle
  readonly partitions: number
  readonly servers: Servers
  /** By name, in the order in which they were added. */
  readonly members: ReadonlyMap<string, Member>
  readonly wires: ReadonlyMap<string, Wire>
  readonly hearing: Hearing
  readonly log: LogView
  /** The log lost its end, so often. */
  readonly rollbacks: Rollback[]
  readonly pulse: Pulse
  /** What happened, with the milliseconds since the beginning. */
  readonly story: readonly string[]
  tell(what: string): void
  /** One more node, started. */
  join(name: string): Promise<Member>
  /** The last words of all that are not gone. */
  heartbeats(): ReadonlyMap<string, Heartbeat>
  ownerOf(partition: number): string | undefined
  until(isSo: () => boolean, patienceMs?: number): Promise<boolean>
  /** All partitions are owned and followed as they shall be. */
  settled(patienceMs?: number): Promise<boolean>
  /** The load from now on, until `calm`, which says whether all of it came to an end. */
  begin(): void
  calm(patienceMs?: number): Promise<boolean>
  /** How much the clock of any node was set wrong. */
  jumped(ms: number): void
  faults(): readonly string[]
  /** Waits until all that was asked for has come to its end, once; what is broken then. */
  rest(patienceMs?: number): Promise<{ readonly faults: readonly string[]; readonly audit: Audit }>
}

const realmName = 'nemesis'
/** What takes seconds in virtual time takes as many hundredths here. */
const pace = 0.03
const lookMs = 20
const restMs = 30_000
const calmMs = 90_000
/** Three processes start, on a machine that may have other work. */
const settleMs = 60_000

export async function openNemesisWorld(given: WorldOptions): Promise<NemesisWorld> {
  const { seed, servers: count = 1, nodes = 3, partitions = 6, eventsPerSecond = 200, flags = {}, plants = {} } = given
  const begunAt = Date.now()
  const dir = await mkdtemp(join(tmpdir(), 'perdure-nemesis-'))
  const stack = new AsyncDisposableStack()
  // A run that is interrupted must not leave directories behind.
  const tidy = (): void => rmSync(dir, { recursive: true, force: true })
  process.once('exit', tidy)
  stack.defer(async () => {
    process.removeListener('exit', tidy)
    await rm(dir, { recursive: true, force: true })
  })
  const servers = stack.use(await openServers(count, { onHosts: given.onHosts === true, dir }))
  const bus = stack.use(await openClient())
  const pulse = pulseOf({ partitions, eventsPerSecond })
  const shared = (given.pulseOnly === true ? [] : everything({ isElsewhere: true })).filter(
    ({ name }) => given.without?.includes(name) !== true,
  )
  const all = [...shared, pulse.judge]
  const realm = realmHandleOf(
    { bus, clock: systemClock },
    { ...realmOptions, sendTimeoutMs: 30_000, client: 'outside' },
  )
  const outside = outsideOf(
    (client) => realmHandleOf({ bus, clock: systemClock }, { ...realmOptions, sendTimeoutMs: 30_000, client }),
    { clock: systemClock, pace },
  )
  const random = randomOf(seed)
  const members = new Map<string, Member>()
  const wires = new Map<string, Wire>()
  const heard = new Map<string, { readonly beat: Heartbeat; readonly at: number }>()
  const hearing = hearingOf()
  const rollbacks: Rollback[] = []
  const story: string[] = []
  let skewMs = 0
  let isDriven = false
  let driving: Promise<unknown> = Promise.resolve()
  const tell = (what: string): void => void story.push(`${Date.now() - begunAt} ${what}`)

  const log = await openLogView(bus, (entry) => hearing.take(entry))
  stack.defer(() => log.stop())
  bus.hear(subjects.node(bus.realm, '*'), (data) => {
    const beat = decodeHeartbeat(data)
    heard.set(beat.name, { beat, at: Date.now() })
  })

  function openClient(): Promise<Bus> {
    return openBus({
      // Whoever looks on stands beside the first machine, which is never cut off.
      servers: given.onHosts === true ? servers.urls.slice(0, 1) : servers.urls,
      realm: realmName,
      create: true,
      defaultPartitions: partitions,
      replicas: count,
      durability: 'process',
      times: { ackMs: count === 1 ? 1500 : 5000, callMs: 15_000, heartbeatMs: 500, reconnectMs: 50 },
    })
  }

  async function join_(name: string): Promise<Member> {
    const host = servers.hosts?.hosts[members.size % servers.hosts.hosts.length]
    let urls = servers.urls
    // A machine knows the server on it, and dials the others when that one is gone.
    if (host !== undefined) urls = urls.toSorted((a) => (a.includes(`${host.address}:`) ? -1 : 0))
    else if (count === 1) {
      const wire = await openWire(servers.all[0]?.port ?? 0)
      stack.defer(() => wire.close())
      wires.set(name, wire)
      urls = [wire.url]
    }
    const member = memberOf({
      name,
      urls,
      realm: realmName,
      dir: join(dir, name),
      flags: { ...flags, replicas: `${count}`, capacity: '1' },
      plant: plants[name],
      takesCuts: given.takesCuts,
      through: host?.through,
    })
    stack.defer(async () => {
      member.thaw()
      await member.kill()
    })
    members.set(name, member)
    member.start()
    return member
  }

  /** A process that ended without a word is not heard of any more. */
  function heartbeats(): ReadonlyMap<string, Heartbeat> {
    const since = Date.now() - 2000
    return new Map(
      [...heard].flatMap(([name, { beat, at }]) => (beat.phase === 'gone' || at < since ? [] : [[name, beat]])),
    )
  }

  async function until(isSo: () => boolean, patienceMs = restMs): Promise<boolean> {
    const deadline = performance.now() + patienceMs
    while (!isSo()) {
      if (performance.now() > deadline) return false
      await pause(lookMs)
    }
    return true
  }

  function isSettled(): boolean {
    const beats = [...heartbeats().values()]
    const alive = [...members.values()].filter(({ isAlive }) => isAlive)
    if (alive.some(({ name }) => !beats.some((beat) => beat.name === name && beat.phase === 'ready'))) return false
    const owners = beats.flatMap(({ owned }) => owned.map(([partition]) => partition))
    const followed = new Set(beats.flatMap((one) => one.followed.filter(([, , isClose]) => isClose).map(([at]) => at)))
    const most = Math.ceil(partitions / Math.max(1, alive.length))
    return (
      owners.length === partitions &&
      new Set(owners).size === partitions &&
      beats.every(({ owned }) => owned.length <= most) &&
      (alive.length < 2 || flags['standbys'] === '0' || followed.size === partitions)
    )
  }

  function look(): { readonly audit: Audit; readonly faults: string[] } {
    const { entries } = log
    const audit = auditOf(entries, { atRest: true })
    const judged = judge(all, { states: audit.states, entries, skewMs }, audit.parked)
    const faults = [...audit.faults.map((fault) => `log: ${fault}`), ...withoutForgotten(judged, rollbacks)]
    return { audit, faults: [...faults, ...rollbackFaults(rollbacks, entries)] }
  }

  const world: NemesisWorld = {
    seed,
    begunAt,
    bus,
    realm,
    partitions,
    servers,
    members,
    wires,
    hearing,
    log,
    rollbacks,
    pulse,
    story,
    tell,
    join: join_,
    heartbeats,
    ownerOf: (partition) =>
      [...heartbeats().values()].find(({ owned }) => owned.some(([one]) => one === partition))?.name,
    until,
    async settled(patienceMs = settleMs) {
      const isAnybody = (): boolean => [...members.values()].some(({ isAlive }) => isAlive)
      return (await until(() => isSettled() || !isAnybody(), patienceMs)) && isAnybody()
    },
    begin() {
      pulse.begin(realm)
      isDriven = true
      const rounds = async (): Promise<void> => {
        while (isDriven) {
          await Promise.all(shared.map((one) => one.drive(outside, random.fork(), 2)))
          await setImmediate()
        }
      }
      driving = shared.length === 0 ? Promise.resolve() : rounds()
      driving.catch((error: unknown) => tell(`the programs failed: ${String(error)}`))
    },
    async calm(patienceMs = calmMs) {
      isDriven = false
      let isCalm = false
      const ending = Promise.all([pulse.stop(), driving]).then(() => (isCalm = true))
      ending.catch((error: unknown) => tell(`the programs failed: ${String(error)}`))
      return await until(() => isCalm, patienceMs)
    },
    jumped: (ms) => void (skewMs += Math.abs(ms)),
    faults: () => auditOf(log.entries, { atRest: false }).faults,
    async rest(patienceMs = restMs) {
      if (rollbacks.length > 0) await log.again()
      let found = look()
      const deadline = performance.now() + patienceMs
      // A look reads all of the log again, so it is not taken often.
      while (found.faults.length > 0 && performance.now() < deadline) {
        await pause(500)
        found = look()
      }
      return found
    },
    [Symbol.asyncDispose]: async () => {
      isDriven = false
      void pulse.stop()
      await stack.disposeAsync()
    },
  }
  for (const name of ['a', 'b', 'c', 'd', 'e'].slice(0, nodes)) await join_(name)
  return world
}
