import { createServer } from 'node:net'
import { describe, expect, test } from 'vitest'
import { storedSubjectsOf, subjects, transformOf } from '#protocol/subject.ts'
import { bytes, faultOf } from '#test/support/bus-world.ts'
import { startNats } from '#test/support/nats.ts'
import { useRealBus } from '#test/support/real-bus.ts'

const { api, nextRealm, open } = useRealBus()

describe('opening', () => {
  test('a realm keeps the number of partitions it was made with', async () => {
    const realm = nextRealm()
    await using first = await open(realm, { partitions: 8 })
    await using second = await open(realm, { defaultPartitions: 64 })
    expect([first.realm.partitions, second.realm.partitions]).toEqual([8, 8])
    await using third = await open(realm, { partitions: 8, create: false })
    expect(third.realm).toEqual({ name: realm, generation: 0, partitions: 8 })
    expect(await faultOf(open(realm, { partitions: 16 }))).toEqual({
      code: 'realm.mismatch',
      details: { value: realm, have: 8, want: 16 },
    })
  })

  test('many nodes that make the same realm at once make one', async () => {
    const realm = nextRealm()
    const opened = await Promise.all(Array.from({ length: 6 }, (_, at) => open(realm, { defaultPartitions: 4 + at })))
    const states = await Promise.all(opened.map((bus) => bus.logState()))
    expect(new Set(opened.map((bus) => bus.realm.partitions)).size).toBe(1)
    expect(new Set(states.map(({ createdAt }) => createdAt)).size).toBe(1)
    for (const bus of opened) await bus.close()
  })

  test('what stands in the way is told by its own fault', async () => {
    expect(await faultOf(open('nowhere', { create: false }))).toMatchObject({ code: 'realm.missing' })
    expect(await faultOf(open('no spaces'))).toMatchObject({ code: 'realm.invalid' })
    expect(await faultOf(open('x', { servers: ['nats://127.0.0.1:1'] }))).toMatchObject({ code: 'bus.unreachable' })
    await using plain = await startNats({ jetstream: false })
    expect(await faultOf(open('x', { servers: [plain.url] }))).toMatchObject({ code: 'bus.noJetStream' })
  })

  test('a server that is too old is named with its version', async () => {
    const old = createServer((socket) => {
      socket.on('error', () => undefined)
      socket.write('INFO {"server_id":"old","version":"2.9.25","max_payload":1048576,"headers":true,"proto":1}\r\n')
      socket.on('data', (data) => {
        if (data.includes('PING')) socket.write('PONG\r\n')
      })
    })
    await new Promise<void>((resolve) => old.listen(0, '127.0.0.1', resolve))
    const { port } = old.address() as { port: number }
    expect(await faultOf(open('x', { servers: [`nats://127.0.0.1:${port}`] }))).toMatchObject({
      code: 'bus.tooOld',
      details: { have: '2.9.25', want: '2.12.1' },
    })
    old.close()
  })

  test('a foreign stream on the subjects of the realm is not touched', async () => {
    await api('STREAM.CREATE.others', { name: 'others', subjects: ['theirs.>'], storage: 'memory' })
    await api('STREAM.CREATE.mine', { name: 'mine', subjects: ['some.thing'], storage: 'memory' })
    expect(await faultOf(open('theirs'))).toMatchObject({ code: 'realm.taken' })
    expect(await faultOf(open('mine'))).toMatchObject({ code: 'realm.taken', details: { stream: 'mine' } })
  })

  test('a stream that was altered so that it could lose entries is refused with what to set back', async () => {
    const realm = nextRealm()
    await (await open(realm)).close()
    const { config } = await api<{ config: Record<string, unknown> }>(`STREAM.INFO.${realm}`)
    for (const change of [{ allow_rollup_hdrs: true }, { max_msgs: 5 }, { max_age: 3_600_000_000_000 }]) {
      await api(`STREAM.UPDATE.${realm}`, { ...config, ...change })
      expect(await faultOf(open(realm))).toMatchObject({ code: 'realm.altered' })
    }
    await api(`STREAM.UPDATE.${realm}`, config)
    const metadata = { ...(config['metadata'] as object), 'perdure-format': '2' }
    await api(`STREAM.UPDATE.${realm}`, { ...config, metadata })
    expect(await faultOf(open(realm))).toMatchObject({ code: 'realm.format', details: { have: 2 } })
    await api(`STREAM.UPDATE.${realm}`, config)
    await (await open(realm)).close()
  })

  test('a later generation is found by the subjects it has taken over', async () => {
    const realm = nextRealm()
    const before = await open(realm)
    await before.append({ subject: subjects.commit(before.realm, 0), data: bytes('old'), check: { seq: 0 } })
    const { config } = await api<{ config: Record<string, unknown> }>(`STREAM.INFO.${realm}`)
    const { subject_transform: _, ...left } = config
    await api(`STREAM.UPDATE.${realm}`, { ...left, subjects: [`sealed.${realm}`], subject_transform: null })
    const metadata = { 'perdure-format': '1', 'perdure-partitions': '4', 'perdure-generation': '1' }
    const made = await api<{ error?: unknown }>(`STREAM.CREATE.${realm}_g1`, {
      name: `${realm}_g1`,
      subjects: storedSubjectsOf(realm),
      subject_transform: transformOf(realm, 4),
      storage: 'file',
      allow_atomic: true,
      first_seq: 1000,
      metadata,
    })
    expect(made.error).toBeUndefined()
    await using after = await open(realm)
    expect(after.realm.generation).toBe(1)
    expect(await after.append({ subject: subjects.commit(after.realm, 0), data: bytes('new') })).toEqual({ seq: 1000 })
    // Whoever still means the old generation names the old stream.
    const late = { subject: subjects.commit(before.realm, 0), data: bytes('late'), check: { seq: 1000 } }
    expect(await faultOf(before.append(late))).toMatchObject({ code: 'realm.moved' })
    expect(await faultOf(before.appendAll([late, late]))).toMatchObject({ code: 'realm.moved' })
    expect((await after.logState()).entries).toBe(1)
    await before.close()
  })
})
