/** Access as a person at a terminal meets it: one sentence that says what to do, and no secret in anything that is printed. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type AccessWorld, openAccessWorld } from '#test/support/access-world.ts'
import { faultOf } from '#test/support/bus-world.ts'
import { type Cli, openCli, type Ran } from '#test/support/cli.ts'
import type { TestNats } from '#test/support/nats.ts'

const canary = 'canary-0815-do-not-print'
const users = (pass: string): string => `authorization { users: [{ user: shop, password: "${pass}" }] }`

let world: AccessWorld
let cli: Cli
let server: TestNats
const printed: string[] = []

beforeAll(async () => {
  world = openAccessWorld()
  cli = await openCli()
  server = await world.server(users(canary))
})
afterAll(async () => {
  await cli.close()
  await world[Symbol.asyncDispose]()
})

async function run(line: string, env: Readonly<Record<string, string>> = {}): Promise<Ran> {
  const ran = await cli.run(line.split(' '), { env })
  printed.push(ran.out, ran.err)
  return ran
}

const as = (pass: string) => ({ PERDURE_AUTH_USER: 'shop', PERDURE_AUTH_PASS: pass, PERDURE_SERVERS: server.url })

test('a wrong password is one sentence, also for those who look closely', async () => {
  const { code, out, err } = await run('ps', as(`${canary}-wrong`))
  expect([code, out]).toEqual([1, ''])
  expect(err).toMatch(/^perdure: The server at \S+ does not let in the user "shop" .*\(login\.refused\)\n$/)
  expect((await run('ps --log-level trace', as(`${canary}-wrong`))).err).toContain('login.refused')
  expect(JSON.parse((await run('ps --json', as(`${canary}-wrong`))).err)).toMatchObject({
    fault: { code: 'login.refused' },
  })
  expect((await run('ps', { PERDURE_SERVERS: server.url })).err).toMatch(/\(login\.missing\)\n$/)
})

test('a node that is no longer let in says why while it waits', async () => {
  const line = 'node --json --realm shop --partitions 2 --health-port 0 --log-level trace --drain-grace-ms 500ms'
  const running = cli.run(line.split(' '), { env: as(canary), signal: { name: 'SIGTERM', when: 'login.refused' } })
  await untilServed('shop.q.0')
  await world.change(server, users('another'))
  const { out, err } = await running
  await world.change(server, users(canary))
  printed.push(out, err)
  const lines = out
    .split('\n')
    .filter((text) => text !== '')
    .map((text) => JSON.parse(text) as { is: string; text: string })
  expect(lines.find(({ is }) => is === 'bus.barred')?.text).toMatch(
    /does not let in the user "shop".*\(login\.refused\)$/,
  )
})

/** Resolves when somebody answers there: the node runs. */
async function untilServed(subject: string): Promise<void> {
  const bus = await world.open(server, { user: 'shop', pass: canary, realm: 'watching', partitions: '1' })
  for (;;) {
    const { code } = await faultOf(bus.request(subject, new Uint8Array(), 20_000))
    if (code !== 'bus.nobody') break
    await setImmediate()
  }
  await bus.close()
}

test('what is shown of the configuration says that a secret is set, and not which', async () => {
  writeFileSync(join(cli.folder, 'secret.json'), JSON.stringify({ auth: { user: 'shop', pass: canary } }))
  for (const line of ['config', 'config auth', 'config --json', 'config auth.pass', 'config --set'])
    expect((await run(`${line} --config secret.json`)).code).toBe(0)
  expect(printed.join('\n')).toContain('"value":"(set)"')
  expect((await run(`ps --servers nats://shop:${canary}@127.0.0.1:4222`)).err).toMatch(/\(config\.invalid\)\n$/)
  expect((await run(`auth template`, as(canary))).code).toBe(0)
  expect((await run(`doctor`, as(canary))).out).not.toBe('')
})

test('nothing that was printed holds the password', () => {
  expect(printed.length).toBeGreaterThan(20)
  expect(printed.filter((text) => text.includes('canary-0815'))).toEqual([])
})
