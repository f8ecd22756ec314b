/**
 * Raw JetStream, the measure of everything else: acknowledged publishes on one shared inbox with
 * a window, one callback consumer without acknowledgements, a chain of single hops. It uses the
 * client library alone, so that nothing that slows the runtime's own bus slows the measure too.
 */
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { createInbox, type Msg, type NatsConnection, nuid } from '@nats-io/nats-core'
import { connect as dial } from '@nats-io/transport-node'
import type { Access } from '#bench/access.ts'
import { instantMs } from '#bench/instant.ts'
import { answerCalls } from '#bench/program.ts'

export type RawCalls = typeof calls

/** The stream of the hops; the flows use that of a realm. */
const hopStream = 'hop'

let connected: NatsConnection | undefined
let inbox = ''
let onReply: (message: Msg) => void = () => undefined

async function connect({ url, auth }: Access): Promise<void> {
  connected = await dial({ servers: url, ...auth })
  inbox = createInbox()
  connected.subscribe(`${inbox}.*`, { callback: (_, message) => onReply(message) })
}

function connection(): NatsConnection {
  if (connected === undefined) throw new Error('not connected')
  return connected
}

async function makeStream(): Promise<void> {
  const manager = await jetstreamManager(connection())
  await manager.streams.add({
    name: hopStream,
    subjects: ['hop.>'],
    storage: 'file',
    num_replicas: 1,
    max_consumers: 64,
  })
}

type Filter = { readonly stream: string; readonly filter: string }

/** A consumer from now on; the answer is the function that ends it. */
async function consume({ stream, filter }: Filter, on: () => void): Promise<() => Promise<void>> {
  const manager = await jetstreamManager(connection())
  const { name } = await manager.consumers.add(stream, {
    name: nuid.next(),
    ack_policy: 'none',
    mem_storage: true,
    deliver_policy: 'new',
    filter_subject: filter,
  })
  const consumer = await jetstream(connection()).consumers.get(stream, name)
  const reading = await consumer.consume({ callback: on, max_messages: 5000 })
  return async () => {
    await reading.close()
    await manager.consumers.delete(stream, name)
  }
}

let received: Promise<{ at: number }> | undefined

/** Begins to count; `received` resolves when so many have come. */
async function receive({ events, ...where }: Filter & { readonly events: number }): Promise<void> {
  let count = 0
  let done: (at: { at: number }) => void = () => undefined
  const all = new Promise<{ at: number }>((resolve) => (done = resolve))
  const stop = await consume(where, () => {
    if (++count === events) done({ at: instantMs() })
  })
  received = all.then(async (end) => {
    await stop()
    return end
  })
}

export type BareFlow = {
  readonly realm: string
  readonly events: number
  readonly keys: number
  readonly first: number
  readonly window: number
}

/** JSON to public addresses, as any NATS client publishes it; each acknowledged. */
async function send({ realm, events, keys, first, window }: BareFlow): Promise<{ begunAt: number }> {
  const nc = connection()
  const reply = `${inbox}.a`
  const begunAt = instantMs()
  let next = 0
  const publish = (): void => {
    const by = first + next++
    nc.publish(`${realm}.to.counter.${by % keys}`, `{"type":"ADD","by":${by}}`, { reply })
  }
  await new Promise<void>((done) => {
    let acknowledged = 0
    onReply = () => {
      if (++acknowledged === events) done()
      else if (next < events) publish()
    }
    while (next < Math.min(window, events)) publish()
  })
  return { begunAt }
}

export type RawHops = { readonly count: number; readonly flight: number; readonly bytes: number }

/** So many entries on the way at once, each delivery followed by a publish: ms from delivery to delivery, and how many a second. */
async function hops({ count, flight, bytes }: RawHops): Promise<{ took: number[]; rate: number }> {
  const nc = connection()
  const data = new Uint8Array(bytes).fill(120)
  const took: number[] = []
  let published = 0
  let done: () => void = () => undefined
  const all = new Promise<void>((resolve) => (done = resolve))
  onReply = () => undefined
  const publish = (): void => nc.publish(`hop.${published++ % 100}`, data, { reply: `${inbox}.h` })
  let before = 0
  const stop = await consume({ stream: hopStream, filter: 'hop.>' }, () => {
    const now = instantMs()
    took.push(now - before)
    before = now
    if (published < count) publish()
    if (took.length === count) done()
  })
  const begunAt = instantMs()
  before = begunAt
  while (published < Math.min(flight, count)) publish()
  await all
  const rate = (count / (instantMs() - begunAt)) * 1000
  await stop()
  return { took, rate }
}

const calls = {
  connect,
  makeStream: (_: null) => makeStream(),
  receive,
  received: async (_: null) => (await received) ?? { at: 0 },
  send,
  hops,
}

answerCalls(calls, async () => {
  await connected?.close()
  process.exit(0)
})
