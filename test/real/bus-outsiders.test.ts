import { createInbox, headers as newHeaders } from '@nats-io/transport-node'
import { describe, expect, test } from 'vitest'
import { subjects } from '#protocol/subject.ts'
import { bytes, faultOf, listen, textOf } from '#test/support/bus-world.ts'
import { startNats } from '#test/support/nats.ts'
import { useRealBus } from '#test/support/real-bus.ts'

const { foreign, open } = useRealBus()

describe('outsiders', () => {
  test('no header that comes with a public event has any effect beyond a refusal', async () => {
    await using bus = await open()
    const { realm } = bus
    for (let at = 0; at < 20; at++) {
      await bus.append({ subject: subjects.in(realm, at % 4, 'e', 'order/1'), data: bytes(String(at)) })
    }
    const fence = await bus.append({ subject: subjects.commit(realm, 0), data: bytes('fence'), check: { seq: 0 } })
    const target = subjects.commit(realm, 0)
    const attacks: Record<string, string>[] = [
      { 'Nats-Rollup': 'all' },
      { 'Nats-Rollup': 'sub' },
      { 'Nats-TTL': '1s' },
      { 'Nats-TTL': 'never' },
      { 'Nats-Schedule': '@at 2020-01-01T00:00:00Z', 'Nats-Schedule-Target': target },
      { 'Nats-Schedule': '@every 1s', 'Nats-Schedule-Target': target },
      { 'Nats-Schedule-Next': 'purge', 'Nats-Scheduler': target },
      { 'Nats-Incr': '+1' },
      { 'Nats-Marker-Reason': 'Purge' },
      { 'KV-Operation': 'PURGE' },
      { 'Nats-Batch-Id': 'b', 'Nats-Batch-Sequence': '1', 'Nats-Batch-Commit': '1' },
      { 'Nats-Batch-Id': 'c', 'Nats-Batch-Sequence': '7' },
      { 'Nats-Expected-Last-Sequence': '0' },
      { 'Nats-Trace-Only': 'true', 'Nats-Trace-Dest': 'nowhere' },
    ]
    for (const attack of attacks) {
      const headers = newHeaders()
      for (const [name, value] of Object.entries(attack)) headers.set(name, value)
      for (const to of [subjects.to(realm, 'order/1'), subjects.to(realm, 'order/2')]) {
        foreign().publish(to, 'attack', { headers, reply: createInbox() })
      }
    }
    await foreign().flush()
    const end = await bus.append({ subject: target, data: bytes('still mine'), check: { seq: fence.seq } })
    const heard = await listen(bus, `${realm.name}.>`)
    const entries = await heard.until((all) => all.at(-1)?.seq === end.seq)
    const mine = entries.filter(({ data }) => textOf(data) !== 'attack')
    expect(mine.map(({ data }) => textOf(data))).toEqual([
      ...Array.from({ length: 20 }, (_, at) => String(at)),
      'fence',
      'still mine',
    ])
    const theirs = entries.filter(({ data }) => textOf(data) === 'attack')
    for (const { subject } of theirs) expect(subject).toMatch(new RegExp(`^${realm.name}\\.in\\.\\d\\.x\\.order\\.`))
  })

  test('credentials decide what may be published, and a denial is not taken for silence', async () => {
    await using guarded = await startNats({
      config: `authorization { users: [
        { user: node, password: secret }
        { user: out, password: open, permissions: {
          publish: ["shop.to.>", "$JS.API.STREAM.INFO.shop"]
          subscribe: ["_INBOX_out.>"]
        } }
      ] }`,
    })
    const at = { servers: [guarded.url] }
    expect(await faultOf(open('shop', { ...at, auth: { user: 'node', pass: 'wrong' } }))).toMatchObject({
      code: 'login.refused',
    })
    await using node = await open('shop', { ...at, auth: { user: 'node', pass: 'secret' } })
    const auth = { user: 'out', pass: 'open' }
    expect(await faultOf(open('shop', { ...at, auth, create: false }))).toMatchObject({ code: 'bus.denied' })
    await using outsider = await open('shop', { ...at, auth, create: false, inboxPrefix: '_INBOX_out' })
    expect(outsider.realm).toEqual(node.realm)
    const event = { subject: subjects.to(node.realm, 'order/1'), data: bytes('{"type":"PAY"}') }
    expect(await outsider.append(event)).toEqual({ seq: 1 })
    const forged = { subject: subjects.commit(node.realm, 0), data: bytes('forged') }
    // With the default deadline of seconds a timeout would say something else.
    expect(await faultOf(outsider.append(forged))).toMatchObject({
      code: 'bus.denied',
      details: { value: 'publish to shop.commit.0' },
    })
    expect(await faultOf(outsider.appendAll([event, forged]))).toMatchObject({ code: 'bus.denied' })
    expect(await faultOf(outsider.purge('shop.>', 9))).toMatchObject({ code: 'bus.denied' })
    expect(await node.logState()).toMatchObject({ entries: 1 })
  })
})
