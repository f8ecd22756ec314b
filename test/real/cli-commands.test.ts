/** Each command against one realm that runs: what it prints for people, and what for programs. */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Cli, openCli, type Up } from '#test/support/cli.ts'

let cli: Cli
let up: Up

beforeAll(async () => {
  cli = await openCli()
  up = await cli.up()
  await cli.run(['send', 'order/42', 'PLACE', 'item=book', 'amount=20'])
  await cli.run(['send', 'room/the lobby', 'JOIN', 'name=ada'])
  await cli.json('ask', 'order/42', 'PAY', 'amount=5', '--until', 'placed')
})

afterAll(async () => {
  await cli.close()
})

const text = async (...args: readonly string[]): Promise<string> => {
  const { code, out, err } = await cli.run(args)
  expect({ code, err }).toEqual({ code: 0, err: '' })
  expect(out.split('\n').filter((line) => line.length > 80)).toEqual([])
  return out
}

test('send stores an event, as words, as JSON and line by line, and says where', async () => {
  expect(await text('send', 'counter/s', 'ADD', 'by=2')).toMatch(/^ADD to counter\/s is stored \(at \d+\)\n$/)
  expect(await cli.json('send', 'counter/s', '{"type":"ADD","by":3}')).toEqual([
    { address: 'counter/s', type: 'ADD', seq: expect.any(Number) },
  ])
  const lines = await cli.run(['send', 'counter/s', '-', '--json'], { input: 'ADD by=10\n\n{"type":"ADD","by":20}\n' })
  expect(lines.out.trim().split('\n')).toHaveLength(2)
  await cli.json('send', 'counter/s', 'ADD', 'by=100', '--id', 'once')
  await cli.json('send', 'counter/s', 'ADD', 'by=100', '--id', 'twice')
  expect(await cli.json('ask', 'counter/s', 'GET', '--emitted', 'COUNT')).toEqual([{ type: 'COUNT', count: 235 }])
})

test('ask prints the answer, or the state that answers', async () => {
  expect(await text('ask', 'counter/q', 'GET', '--emitted', 'COUNT')).toBe("{ type: 'COUNT', count: 0 }\n")
  await cli.run(['send', 'order/q', 'PLACE', 'item=pen', 'amount=2'])
  const [answer] = await cli.json('ask', 'order/q', 'PAY', 'amount=2', '--until', 'paid')
  expect(answer).toMatchObject({ state: 'paid', status: 'active', context: { paid: 2 } })
})

test('ps lists actors with state, tag, age and health, and filters by them', async () => {
  const out = await text('ps')
  expect(out).toMatch(/^ADDRESS +STATE +TAGS +AGE +HEALTH\n/)
  expect(out).toMatch(/^order\/42 +placed +unpaid +\d+m?s .*waiting for timer paymentTime in 14m \d+s$/m)
  expect(out).toMatch(/^room\/the lobby +open +- .*waiting for an event$/m)
  expect(await cli.json('ps', 'order', '--state', 'placed', '--tag', 'unpaid', '--health', 'waiting')).toMatchObject([
    { address: 'order/42', tags: ['unpaid'], health: { is: 'waiting', on: [{ is: 'timer' }] } },
  ])
  expect(await cli.json('ps', '--tag', 'nobody')).toEqual([])
  expect(await cli.json('ps', '--limit', '1')).toHaveLength(1)
})

test('show tells everything of one actor', async () => {
  const out = await text('show', 'order/42')
  for (const part of [
    'state      placed [unpaid]',
    'paymentTime  in 14m',
    "item: 'book'",
    'last steps',
    'mailbox    empty',
  ])
    expect(out).toContain(part)
  const [shown] = await cli.json('show', 'room/the lobby')
  expect(shown).toMatchObject({
    address: 'room/the=20lobby',
    state: 'open',
    context: { members: ['ada'] },
    depth: 0,
    parked: [],
    health: { is: 'waiting' },
  })
})

test('history gives the steps of an actor oldest first, with their envelopes and choices', async () => {
  const steps = await cli.json('history', 'order/42', '--events')
  expect(steps).toMatchObject([
    { type: 'PLACE', event: { type: 'PLACE', item: 'book', amount: 20 } },
    { type: 'PAY', decision: { options: [{ guard: 'sufficient', chosen: false }, { chosen: true }] } },
  ])
  expect(steps[0].seq).toBeLessThan(steps[1].seq)
  expect(await text('history', 'order/42')).toMatch(/PAY +chose to stay/)
  expect(await cli.json('history', 'order/42', '--limit', '1')).toMatchObject([{ type: 'PAY' }])
})

test('history of a topic is in one order, and the same after a restart of everything [NM17]', async () => {
  for (const key of ['t1', 't2', 't3']) await cli.json('ask', `counter/${key}`, 'GET', '--emitted', 'COUNT')
  const before = await cli.json('history', 'topic', 'counter.*.COUNT', '--limit', '1000')
  expect(before.map(({ from }) => from)).toEqual(expect.arrayContaining(['counter/t1', 'counter/t2', 'counter/t3']))
  expect(before.map(({ seq }) => seq)).toEqual(before.map(({ seq }) => seq).toSorted((a, b) => a - b))
  expect(await up.stop()).toBe(0)
  up = await cli.up()
  expect(await cli.json('history', 'topic', 'counter.*.COUNT', '--limit', '1000')).toEqual(before)
  expect(await cli.json('history', 'topic', 'counter.t2.>', '--from', '1', '--limit', '1')).toMatchObject([
    { from: 'counter/t2', event: { type: 'COUNT' } },
  ])
  expect(await text('history', 'topic', 'order/42')).toMatch(/order\/42 +PLACED +\{"item":"book"/)
})

test('watch shows what comes in, is emitted and becomes of an actor, until Ctrl-C', async () => {
  const watching = cli.run(['watch', 'order/w', '--json', '--count', '3'])
  const all = cli.run(['watch'], { signal: { name: 'SIGINT', when: 'order/w CANCELLED' } })
  const stopped = Promise.all([watching, all])
  // Sent again until the watchers have begun, which only they know.
  let isOver = false
  void stopped.then(() => (isOver = true))
  while (!isOver) {
    await cli.run(['delete', 'order/w'])
    await cli.run(['send', 'order/w', 'PLACE', 'item=x', 'amount=1'])
    await cli.run(['send', 'order/w', 'CANCEL'])
  }
  const [one, everything] = await stopped
  expect(one.code).toBe(0)
  const kinds = one.out
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as { is: string }).is)
  expect(kinds).toHaveLength(3)
  expect(everything.code).toBe(0)
  expect(everything.out).toMatch(/to +order\/w PLACE \{"item":"x","amount":1\}/)
  expect(everything.out).toMatch(/ev +order\/w CANCELLED/)
})

test('timers are listed by their due instant and cancelled by name', async () => {
  await cli.json('ask', 'order/t', 'PLACE', 'item=x', 'amount=1', '--until', 'placed')
  expect(await text('timers', 'order/t')).toMatch(/order\/t +paymentTime +in 14m \d+s +- +deadline/)
  expect(await text('timers', 'cancel', 'order/t', 'paymentTime')).toBe('cancelled the timer paymentTime of order/t\n')
  expect(await cli.json('timers', 'order/t')).toEqual([])
  expect((await cli.json('timers')).length).toBeGreaterThan(0)
})

test('start, stop and delete say when it has happened', async () => {
  expect(await text('start', 'counter/life')).toBe('counter/life is there\n')
  expect(await text('start', 'counter/life')).toBe('counter/life is there\n')
  expect(await text('stop', 'counter/life')).toBe('counter/life has ended (stopped)\n')
  expect(await cli.json('ps', 'counter', '--health', 'ended')).toMatchObject([
    { address: 'counter/life', health: { reason: 'stopped' } },
  ])
  expect(await cli.json('delete', 'counter/life')).toEqual([{ address: 'counter/life', deleted: true }])
  expect((await cli.run(['show', 'counter/life'])).code).toBe(3)
})

test('a start that is refused says so, with its place among the parked', async () => {
  await cli.json('start', 'counter/given')
  // Whether the actor is there says nothing of this start, so it is asked more than once.
  for (const by of [1, 2, 3]) {
    const other = await cli.run(['start', 'counter/given', '--input', `{"by":${by}}`])
    expect(other).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringMatching(/parked at \d+\. \(actor\.exists\)\n$/),
    })
  }
  const unknown = await cli.run(['start', 'nobody/1', '--json'])
  expect(unknown.code).toBe(1)
  expect(JSON.parse(unknown.err)).toMatchObject({ fault: { code: 'kind.unknown' } })
})

test('what was compiled once is kept for the next start, and only where this user can say', async () => {
  const cache = join(cli.folder, 'cache')
  await cli.run(['ps'], { env: { PERDURE_SERVER_CACHE_DIR: cache } })
  expect(await readdir(join(cache, 'compiled'), { recursive: true })).not.toHaveLength(0)
  const homeless = { HOME: '', XDG_CACHE_HOME: '', TMPDIR: join(cli.folder, 'nowhere') }
  expect((await cli.run(['ps', '--json'], { env: homeless })).code).toBe(0)
  expect(await readdir(cli.folder)).not.toContain('nowhere')
})

test('config says what is in force and from where', async () => {
  const { out } = await cli.run(['config', 'durability'], { env: { PERDURE_DURABILITY: 'power' } })
  expect(out).toContain('durability = power')
  expect(out).toContain('PERDURE_DURABILITY')
  expect(await text('config')).toContain('server.port')
  expect(await cli.json('config', '--set', '--realm', 'shop')).toMatchObject([
    { name: 'realm', value: 'shop', source: '--realm' },
    { name: 'server.path' },
  ])
})

test('doctor names each promise and what to mend, and ends with 0 while nothing fails', async () => {
  const found = await cli.json('doctor', '--health-port', '0')
  expect(found.filter(({ status }) => status === 'fail')).toEqual([])
  const checks = new Map(found.map((one) => [one.check, one]))
  expect([...checks.keys()]).toEqual(
    expect.arrayContaining([
      'machine',
      'nats-server',
      'disk',
      'credentials',
      'reach',
      'server',
      'features',
      'clock',
      'durability',
      'partitions',
      'lag',
      'log',
      'parked',
    ]),
  )
  expect(checks.get('features').says).toContain('atomic batches')
  expect(checks.get('durability').says).toContain('power cut')
  expect(checks.get('partitions').says).toMatch(/^All 16 have an owner/)
  for (const { status, fix } of found) expect(fix === undefined).toBe(status === 'ok')
})

test('doctor fails with 1 where there is no server, and says what to do', async () => {
  const { code, out } = await cli.run(['doctor', '--servers', 'nats://127.0.0.1:1', '--dir', 'empty'])
  expect(code).toBe(1)
  expect(out).toMatch(/^fail +server +No NATS server answers/m)
})

test('migrate tries every stored actor and changes nothing', async () => {
  const lines = await cli.json('migrate', '--dry-run')
  expect(lines).toMatchObject([
    { kind: 'counter', unfit: 0 },
    { kind: 'order', unfit: 0, differences: [] },
    { kind: 'room', unfit: 0 },
  ])
  expect((await cli.run(['migrate'])).code).toBe(2)
})
