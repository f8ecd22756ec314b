import { createInbox } from '@nats-io/transport-node'
import { describe, expect, test } from 'vitest'
import { subjects } from '#protocol/subject.ts'
import { bytes, faultOf, listen, stateOf, textOf } from '#test/support/bus-world.ts'
import { startNats } from '#test/support/nats.ts'
import { useRealBus } from '#test/support/real-bus.ts'

const { api, foreign, open } = useRealBus()

describe('a reader', () => {
  const consumersOf = async (realm: string): Promise<string[]> =>
    (await api<{ consumers: string[] | null }>(`CONSUMER.NAMES.${realm}`)).consumers ?? []

  test("notices by the consumer's own count that deliveries went elsewhere, and reads them again", async () => {
    await using bus = await open()
    const { name } = bus.realm
    const subject = subjects.in(bus.realm, 0, 'e', 'order/1')
    const heard = await listen(bus, subjects.mailbox(bus.realm, 0))
    const [consumer] = await consumersOf(name)
    // Somebody else asks our consumer for entries, so that some never reach us.
    const thief = createInbox()
    const stolen: number[] = []
    foreign().subscribe(thief, { callback: (_, message) => void stolen.push(message.data.length) })
    foreign().publish(
      `$JS.API.CONSUMER.MSG.NEXT.${name}.${consumer}`,
      JSON.stringify({ batch: 5, expires: 30_000_000_000 }),
      {
        reply: thief,
      },
    )
    await foreign().flush()
    for (let at = 0; at < 50; at++) await bus.append({ subject, data: bytes(String(at)) })
    const entries = await heard.until(({ length }) => length >= 50)
    expect(entries.map(({ data }) => textOf(data))).toEqual(Array.from({ length: 50 }, (_, at) => String(at)))
    expect(stolen.length).toBeGreaterThan(0)
    expect(heard.repairs).toHaveLength(1)
    expect(heard.repairs[0]).toMatch(/delivery \d+ came after \d+/)
  })

  test('learns of a loss at the very end from the heartbeat', async () => {
    await using bus = await open(undefined, { times: { heartbeatMs: 500 } })
    const { name } = bus.realm
    const subject = subjects.in(bus.realm, 0, 'e', 'order/1')
    const heard = await listen(bus, subjects.mailbox(bus.realm, 0))
    const [consumer] = await consumersOf(name)
    const thief = createInbox()
    const stolen = new Promise<boolean>((resolve) => {
      foreign().subscribe(thief, { callback: () => resolve(true) })
    })
    foreign().publish(
      `$JS.API.CONSUMER.MSG.NEXT.${name}.${consumer}`,
      JSON.stringify({ batch: 1, expires: 30_000_000_000 }),
      {
        reply: thief,
      },
    )
    await foreign().flush()
    // One at a time, until one went to the thief: nothing after it shows the gap.
    for (let count = 1; ; count++) {
      await bus.append({ subject, data: bytes(String(count)) })
      if (await Promise.race([stolen, heard.until(({ length }) => length === count).then(() => false)])) break
    }
    const { seq: last } = (await bus.last(subject)) as { seq: number }
    const entries = await heard.until((all) => all.at(-1)?.seq === last)
    expect(entries.map(({ seq }) => seq)).toEqual(Array.from({ length: last }, (_, at) => at + 1))
    expect(heard.repairs).toHaveLength(1)
    expect(heard.repairs[0]).toMatch(/\d+ were sent, \d+ came/)
  })

  test('begins again when its consumer is deleted, and leaves none behind', async () => {
    const bus = await open()
    const { name } = bus.realm
    const subject = subjects.in(bus.realm, 0, 'e', 'order/1')
    const heard = await listen(bus, subjects.mailbox(bus.realm, 0))
    for (let round = 0; round < 3; round++) {
      await bus.append({ subject, data: bytes(String(round)) })
      await heard.until(({ length }) => length > round)
      for (const consumer of await consumersOf(name)) await api(`CONSUMER.DELETE.${name}.${consumer}`)
    }
    await bus.append({ subject, data: bytes('3') })
    const entries = await heard.until(({ length }) => length >= 4)
    expect(entries.map(({ data }) => textOf(data))).toEqual(['0', '1', '2', '3'])
    expect(await consumersOf(name)).toHaveLength(1)
    await heard.stop()
    await listen(bus, subjects.mailbox(bus.realm, 0))
    await bus.close()
    expect(await consumersOf(name)).toEqual([])
  })

  test('reads the mailboxes of a busy node with one consumer, and goes on when that is deleted', async () => {
    await using bus = await open()
    const { name } = bus.realm
    const mailboxes = [0, 1, 2, 3]
    const heard = await Promise.all(mailboxes.map((mailbox) => listen(bus, subjects.mailbox(bus.realm, mailbox))))
    let sent = 0
    async function fill(count: number): Promise<void> {
      for (let at = 0; at < count; at++) {
        const data = bytes(String(sent++))
        await Promise.all(
          mailboxes.map((mailbox) => bus.append({ subject: subjects.in(bus.realm, mailbox, 'e', 'order/1'), data })),
        )
      }
      await Promise.all(heard.map((one) => one.until(({ length }) => length >= sent)))
    }
    expect(await consumersOf(name)).toHaveLength(4)
    // What was read alone is enough to begin; each joins at the next entry that both ways bring.
    await fill(200)
    while ((await consumersOf(name)).length !== 1) await fill(1)
    await fill(50)
    const [consumer] = await consumersOf(name)
    await api(`CONSUMER.DELETE.${name}.${consumer}`)
    await fill(50)
    expect(await consumersOf(name)).toHaveLength(1)
    for (const { entries, repairs } of heard) {
      expect(entries.map(({ data }) => Number(textOf(data)))).toEqual(Array.from({ length: sent }, (_, at) => at))
      expect(repairs).toHaveLength(1)
    }
  })

  test('carries entries of any size the server takes', async () => {
    await using bus = await open()
    const subject = subjects.in(bus.realm, 0, 'e', 'order/1')
    const sizes = [0, 1, 1000, 900_000, bus.maxPayload, 5, 700_000, bus.maxPayload, 0]
    // Published as anybody outside does: our own name the stream in a header, which is part of the size.
    for (const size of sizes) await foreign().request(subject, new Uint8Array(size).fill(7))
    const heard = await listen(bus, subjects.mailbox(bus.realm, 0))
    const entries = await heard.until(({ length }) => length >= sizes.length)
    expect(entries.map(({ data }) => data.length)).toEqual(sizes)
    expect(heard.repairs).toEqual([])
  })
})

describe('a server that stands still', () => {
  test('leaves appends unknown at their deadline; a late original is one more entry, once', async () => {
    await using frozen = await startNats()
    const at = { servers: [frozen.url], times: { ackMs: 400, callMs: 400, heartbeatMs: 500 } }
    await using bus = await open('still', at)
    const fence = subjects.commit(bus.realm, 0)
    const first = await bus.append({ subject: fence, data: bytes('first'), check: { seq: 0 } })
    const repaired = Promise.withResolvers<string>()
    const seen: string[] = []
    const all = Promise.withResolvers<void>()
    await bus.read({
      filter: `${bus.realm.name}.>`,
      from: 1,
      onEntry: ({ data }) => {
        seen.push(textOf(data))
        if (seen.at(-1) === 'end') all.resolve()
      },
      onRepair: repaired.resolve,
    })
    await frozen.pause()
    const held = { subject: fence, data: bytes('held'), check: { seq: first.seq } }
    expect(await faultOf(bus.append(held))).toMatchObject({ code: 'bus.timeout' })
    // Sent again as it was: exactly one of the two is stored.
    const again = faultOf(bus.append(held))
    expect(await again).toMatchObject({ code: 'bus.timeout' })
    expect(await faultOf(bus.last(fence))).toMatchObject({ code: 'bus.timeout' })
    expect(await repaired.promise).toMatch(/nothing was heard/)
    frozen.resume()
    const last = await bus.last(fence)
    expect(textOf(last?.data as Uint8Array)).toBe('held')
    await bus.append({ subject: fence, data: bytes('end'), check: { seq: last?.seq as number } })
    await all.promise
    expect(seen).toEqual(['first', 'held', 'end'])
  })

  test('what is asked of a lost connection is refused at once, and never done later', async () => {
    const own = await startNats()
    await using bus = await open('lost', { servers: [own.url] })
    const fence = subjects.commit(bus.realm, 0)
    const { seq } = await bus.append({ subject: fence, data: bytes('kept') })
    const down = stateOf(bus, 'disconnected')
    await own.kill()
    await down
    const refused = [
      bus.append({ subject: fence, data: bytes('x') }),
      bus.appendAll([1, 2].map(() => ({ subject: fence, data: bytes('x') }))),
      bus.last(fence),
      bus.purge(`${bus.realm.name}.>`, seq),
      bus.removeEntry(seq),
      bus.read({ filter: fence, from: 1, onEntry: () => undefined }),
      bus.registry.put('k', bytes('x')),
      bus.blobs.put('b', bytes('x')),
      bus.request(fence, bytes('x'), 1000),
    ]
    const codes = await Promise.all(refused.map(async (promise) => (await faultOf(promise)).code))
    expect(codes).toEqual(refused.map(() => 'bus.unreachable'))
    const up = stateOf(bus, 'connected')
    await own.restart()
    await up
    expect(await bus.logState()).toMatchObject({ entries: 1, lastSeq: seq })
    expect(await bus.registry.get('k')).toBeUndefined()
    await own.stop()
  })
})
