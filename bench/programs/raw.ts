/**
 * Raw JetStream, the measure of everything else: acknowledged publishes on one shared inbox with
 * a window, one callback consumer without acknowledgements, a chain of single hops. It uses the
 * client library alone, so that nothing that slows the runtime's own bus slows the measure too.
 */
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { createInbox, headers, type Msg, type NatsConnection, nuid } from '@nats-io/nats-core'
import { connect as dial } from '@nats-io/transport-node'
import type { Access } from '#bench/access.ts'
import { instantMs } from '#bench/instant.ts'
import { answerCalls } from '#bench/program.ts'

export type RawCalls = typeof calls

export type RawFlow = { readonly events: number; readonly keys: number; readonly bytes: number; readonly window: number }

const stream = 'raw'
const subjectOf = (key: number): string => `raw.to.counter.${key}`

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
    name: stream,
    subjects: ['raw.>'],
    storage: 'file',
    num_replicas: 1,
    allow_atomic: true,
    max_consumers: 64,
  })
}

/** A consumer from now on; the answer is the function that ends it. */
async function consume(filter: string, on: () => void): Promise<() => Promise<void>> {
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
async function receive(events: number): Promise<void> {
  let count = 0
  let done: (at: { at: number }) => void = () => undefined
  const all = new Promise<{ at: number }>((resolve) => (done = resolve))
  const stop = await consume('raw.>', () => {
    if (++count === events) done({ at: instantMs() })
  })
  received = all.then(async (end) => {
    await stop()
    return end
  })
}

async function send({ events, keys, bytes, window }: RawFlow): Promise<{ begunAt: number }> {
  const nc = connection()
  const data = new Uint8Array(bytes).fill(120)
  const reply = `${inbox}.a`
  const begunAt = instantMs()
  let next = 0
  const publish = (): void => nc.publish(subjectOf(next++ % keys), data, { reply })
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

/** In atomic batches of one window each, one after the other. */
async function sendBatches({ events, keys, bytes, window }: RawFlow): Promise<{ begunAt: number }> {
  const nc = connection()
  const data = new Uint8Array(bytes).fill(120)
  const begunAt = instantMs()
  for (let sent = 0; sent < events; ) {
    const batch = nuid.next()
    const end = Math.min(events, sent + window)
    const answered = new Promise<void>((done) => (onReply = () => done()))
    for (let nth = 1; sent < end; sent++, nth++) {
      const lines = headers()
      lines.set('Nats-Batch-Id', batch)
      lines.set('Nats-Batch-Sequence', String(nth))
      const isLast = sent === end - 1
      if (isLast) lines.set('Nats-Batch-Commit', '1')
      nc.publish(subjectOf(sent % keys), data, isLast ? { headers: lines, reply: `${inbox}.b` } : { headers: lines })
    }
    await answered
  }
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
  const publish = (): void => nc.publish(`raw.hop.${published++ % 100}`, data, { reply: `${inbox}.h` })
  let before = 0
  const stop = await consume('raw.hop.>', () => {
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
  sendBatches,
  hops,
}

answerCalls(calls, async () => {
  await connected?.close()
  process.exit(0)
})
