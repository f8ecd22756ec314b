/**
 * The bus over NATS JetStream, put together: one connection, one inbox for all answers, one timer.
 * It serves the clauses "an envelope arrives on a subject" and "one atomic commit to the realm's
 * log".
 */
import { setTimeout as delay } from 'node:timers/promises'
import { Fault, isFault } from '#protocol/fault.ts'
import { leaderElected, streamOf } from '#protocol/realm.ts'
import { subjects } from '#protocol/subject.ts'
import { blobsAbove } from '#runtime/blobs-above.ts'
import type { Bus, Reading, ReadOptions } from '#runtime/bus.ts'
import { openAppends } from './appends.ts'
import { type BusOptions, busTimes } from './bus-options.ts'
import { openCalls } from './calls.ts'
import { openCore } from './core.ts'
import { openJointReading } from './joint-reading.ts'
import { leaveSilentServer } from './leave-silent-server.ts'
import { type Link, openLink } from './link.ts'
import { openReader } from './reader.ts'
import { openLogCalls } from './log-calls.ts'
import { openRealmStream } from './realm-stream.ts'
import { openReplies } from './replies.ts'
import { openRegistry } from './registry.ts'
import { refusal } from './server-fault.ts'
import { openBlobs } from './blobs.ts'
import { wireShareOf } from './wire-share.ts'

/** The first release with ids in atomic batches and checks on another subject. */
const oldestServer = '2.12.1'
/** Of three servers that are well, any answers within a tenth of this. */
const hedgeMs = 150
/** How long a closing bus waits for a server that may be gone. */
const farewellMs = 250

export async function openBus(options: BusOptions): Promise<Bus> {
  const times = { ...busTimes, ...options.times }
  const link = await openLink(options, times)
  try {
    return await openOver(link, options, times)
  } catch (error) {
    await link.close()
    throw error
  }
}

async function openOver(link: Link, options: BusOptions, times: typeof busTimes): Promise<Bus> {
  if (isOlder(link.serverVersion, oldestServer)) {
    throw new Fault('bus.tooOld', { value: link.address, have: link.serverVersion, want: oldestServer })
  }
  const { inboxPrefix } = options
  const replies = openReplies(link, inboxPrefix)
  const calls = openCalls(link, replies, { realm: options.realm, callMs: times.callMs })
  const { realm, fork, stream, replicas } = await untilPlaced(
    () => openRealmStream(calls, options, link.address),
    times,
  )
  const { append, appendAll } = openAppends(link, replies, { stream, realm: realm.name, ackMs: times.ackMs })
  const core = openCore(link, replies, inboxPrefix)
  // The number of replicas may change while this runs; whether there are other servers does not.
  // Waiting out an acknowledgement that cannot come would keep a partition still for `ackMs`.
  const isClustered = link.cluster !== undefined
  if (isClustered) core.hear(leaderElected(stream), () => replies.changeLeader())
  // One that is only read may be sealed, and then it answers no write at all.
  const isRead = options.generation !== undefined && !options.create
  if (isClustered && !isRead) await untilReached(append, subjects.commit(realm, 0), times)
  const side = { realm, replicas: options.replicas, callMs: times.callMs }
  const registry = openRegistry(link, calls, { ...side, bucket: `${realm.name}_kinds` })
  const notes = openRegistry(link, calls, { ...side, bucket: `${realm.name}_cuts` })
  const blobs = openBlobs({ link, calls, replies }, { ...side, bucket: `${streamOf(realm)}_bases` })
  const cuts = openBlobs({ link, calls, replies }, { ...side, bucket: `${realm.name}_cuts` })
  const beneath = fork && openBlobs({ link, calls, replies }, { ...side, bucket: `${fork.of}_cuts` })
  // Whoever makes a realm makes all of it, so that those who come later need no right to.
  if (options.create)
    await untilPlaced(() => Promise.all([registry, notes, blobs, cuts].map((each) => each.ensure())), times)
  leaveSilentServer(link, replies, times)
  const readings = new Set<Reading>()
  const how = {
    stream,
    whole: `${realm.name}.>`,
    inboxPrefix,
    heartbeatMs: times.heartbeatMs,
    hedgeMs: isClustered ? hedgeMs : undefined,
  }
  const share = wireShareOf()
  const readAlone = (asked: ReadOptions): Promise<Reading> => openReader({ link, calls, replies, share }, how, asked)
  const { partitions } = realm
  const joint = openJointReading({
    prefix: `${realm.name}.in.`,
    partitions,
    open: readAlone,
    now: () => performance.now(),
    pause: (ms) => delay(ms, undefined, { ref: false }),
  })
  const close = async (): Promise<void> => {
    await joint.close()
    for (const reading of readings) await reading.stop()
    // Lets out what was said last: consumers that nobody needs any more.
    if (link.isUp())
      await Promise.race([link.nc.flush().catch(() => undefined), delay(farewellMs, undefined, { ref: false })])
    replies.close()
    await link.close()
  }

  return {
    realm,
    fork,
    maxPayload: link.maxPayload,
    replicas,
    durability: options.durability,
    append,
    appendAll,
    async read(asked) {
      const reading = await (joint.read(asked) ?? readAlone(asked))
      const stop = async (): Promise<void> => {
        readings.delete(reading)
        await reading.stop()
      }
      readings.add(reading)
      return { ...reading, stop }
    },
    ...openLogCalls(calls, { stream, realm, isFork: fork !== undefined }, times),
    ...core,
    registry,
    notes,
    blobs,
    cuts: beneath === undefined ? cuts : blobsAbove(cuts, beneath),
    onState: (on) => link.onState(on),
    close,
    [Symbol.asyncDispose]: close,
  }
}

/** A cluster counts servers as away that it has not heard yet, and refuses what is to be kept on all of them. */
async function untilPlaced<T>(make: () => Promise<T>, times: typeof busTimes): Promise<T> {
  const until = performance.now() + times.callMs
  for (;;) {
    try {
      return await make()
    } catch (error) {
      const isPassing = isFault(error, 'bus.refused') && error.details['code'] === refusal.noPeers
      if (!isPassing || performance.now() > until) throw error
    }
    await delay(times.reconnectMs)
  }
}

/** No sequence will ever be this one, so that the server can only refuse. */
const neverSeq = Number.MAX_SAFE_INTEGER

/**
 * In a cluster the server that we are connected to learns of a new stream a moment after it was
 * made, and answers for nobody until then. A check that cannot hold tells when the stream is
 * reached, and stores nothing.
 */
async function untilReached(append: Bus['append'], subject: string, times: typeof busTimes): Promise<void> {
  const until = performance.now() + times.callMs
  for (;;) {
    try {
      await append({ subject, data: new Uint8Array(), check: { seq: neverSeq } })
    } catch (error) {
      if (!isFault(error, 'bus.unreachable') && !isFault(error, 'bus.timeout')) return
      if (performance.now() > until) throw error
    }
    await delay(times.reconnectMs)
  }
}

function isOlder(have: string, want: string): boolean {
  const [a, b] = [have, want].map((version) => version.split(/[.-]/).slice(0, 3).map(Number)) as [number[], number[]]
  const differing = b.findIndex((part, at) => a[at] !== part)
  return differing >= 0 && !((a[differing] ?? 0) > (b[differing] ?? 0))
}
