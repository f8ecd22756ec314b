/** A realm is forked while it runs, as a person does it: the fork goes on from the cut, and sends no mail. */
import { copyFile, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openBus } from '#runtime/nats/open-bus.ts'
import { openRealm } from '#runtime/index.ts'
import { type Cli, openCli, type Running } from '#test/support/cli.ts'
import { type MailModule, writeMailModule } from '#test/support/mail-module.ts'

let cli: Cli
let mail: MailModule

beforeEach(async () => {
  cli = await openCli()
  mail = await writeMailModule(cli.folder)
})

afterEach(async () => {
  await cli.close()
})

const inFork = ['--realm', 'copy']

/** The test's own limit is the deadline. */
async function untilWaits(...flags: readonly string[]): Promise<{ readonly reason: string }> {
  for (;;) {
    const [found] = (await cli.json('effects', ...flags)) as [{ reason?: string } | undefined]
    if (found?.reason !== undefined && !found.reason.includes('looked up')) return found as { reason: string }
  }
}

const send = (key: string, to: string, ...flags: readonly string[]): Promise<unknown> =>
  cli.json('send', `mailer/${key}`, 'MAIL', `to=${to}`, ...flags)

async function nodeAccess() {
  const {
    user,
    pass,
    servers = '',
  } = JSON.parse(await readFile(join(cli.folder, '.perdure', 'credentials.json'), 'utf8')) as {
    user: string
    pass: string
    servers?: string
  }
  return {
    servers: servers.split(','),
    auth: { user, pass },
    create: false,
    replicas: 1,
    durability: 'process',
  } as const
}

/** As it was printed. */
async function serve(command: string): Promise<Running> {
  const [, , ...args] = command.split(' ')
  return await cli.node(...args, '--actors', mail.path)
}

test('a fork answers its effects with what the realm was told, sends no mail, and is removed without a trace', async () => {
  await cli.up('--actors', mail.path)
  await send('a', 'ann')
  await mail.receipts('a', 1)
  await send('b', 'slow')
  const [{ id }] = (await cli.json('cut', 'take', '--name', 'then')) as [{ id: string }]
  await mail.letGo()
  const slow = await mail.receipts('b', 1)
  await send('a', 'bob')
  const all = await mail.receipts('a', 2)
  expect(await mail.mails()).toHaveLength(3)

  const [made] = (await cli.json('fork', 'then', '--as', 'copy')) as [{ command: string }]
  expect(made).toMatchObject({ fork: 'copy', cut: id, effects: 'journal', timers: 'frozen', actors: 2 })
  const node = await serve(made.command)
  expect(await mail.receipts('b', 1, 'copy')).toEqual(slow)
  expect(await mail.receipts('a', 1, 'copy')).toEqual(all.slice(0, 1))
  await send('a', 'bob', ...inFork)
  expect(await mail.receipts('a', 2, 'copy')).toEqual(all)
  await send('a', 'carol', ...inFork)
  expect(await untilWaits(...inFork)).toMatchObject({ address: 'mailer/a', reason: /did not ask for it/ })
  const shown = (await cli.run(['show', 'mailer/a', ...inFork])).out
  expect(shown).toContain('answered from the journal')
  expect(shown).toMatch(/does not run: .*did not ask/)
  await cli.json('effects', 'resolve', 'mailer/a', 'mail', '--output', '"by hand"', ...inFork)
  expect(await mail.receipts('a', 3, 'copy')).toEqual([...all, 'by hand'])
  expect(await mail.mails()).toHaveLength(3)
  expect(await mail.receipts('a', 2)).toEqual(all)

  expect(await cli.json('fork', 'ls')).toMatchObject([{ name: 'copy', cut: id, state: 'open' }])
  expect(await cli.json('cut', 'ls')).toMatchObject([{ id, forks: ['copy'] }])
  expect((await cli.run(['cut', 'rm', 'then'])).err).toContain('cut.held')
  expect((await cli.run(['fork', 'rm', 'copy'])).err).toContain('fork.served')
  expect((await cli.run(['fork', 'rm', 'main'])).err).toContain('fork.notFork')
  expect((await cli.run(['fork', 'then', '--as', 'copy'])).err).toContain('fork.taken')
  expect(await node.stop()).toBe(0)
  await cli.json('fork', 'rm', 'copy')
  await using realm = await openRealm({ realm: 'main', dir: join(cli.folder, '.perdure') })
  expect(await realm.forks.make('then', { as: 'by-program', effects: 'block' })).toMatchObject({ actors: 2 })
  expect(await realm.forks.list()).toMatchObject([{ name: 'by-program', fork: { cut: id, effects: { is: 'block' } } }])
  await realm.forks.remove('by-program')
  expect(await cli.json('fork', 'ls', '--all')).toEqual([])
  expect((await cli.run(['ps', ...inFork])).err).toContain('realm.missing')
  expect(await cli.run(['fork', 'rm', 'copy'])).toMatchObject({ code: 3 })
  await cli.json('cut', 'rm', 'then')
  expect(await mail.receipts('a', 2)).toEqual(all)
})

test('a fork out of a file is made where its realm never was, and what is on its list runs', async () => {
  const up = await cli.up('--actors', mail.path)
  await send('a', 'ann')
  await mail.receipts('a', 1)
  await cli.json('cut', 'take', '--name', 'then')
  const file = join(cli.folder, 'then.cut')
  await cli.json('cut', 'export', 'then', file)
  const key = join(cli.folder, 'kept.key')
  await copyFile(join(cli.folder, '.perdure', 'cuts.key'), key)
  expect(await up.stop()).toBe(0)
  await rm(join(cli.folder, '.perdure'), { recursive: true })

  await cli.up('--realm', 'other', '--actors', mail.path)
  const how = ['--effects', 'allow:mailer', '--cuts-key-file', key]
  const [made] = (await cli.json('fork', file, '--as', 'copy', ...how)) as [{ command: string }]
  await using bus = await openBus({ ...(await nodeAccess()), realm: 'copy' })
  expect(bus.fork).toMatchObject({ of: 'main', effects: { is: 'allow', names: ['mailer'] } })
  const there = ['fork', file, '--as', 'served', '--effects', 'block', '--cuts-key-file', key, '--serve', '--json']
  const served = await cli.run([...there, '--actors', mail.path], { signal: { name: 'SIGTERM', when: '"node.ready"' } })
  expect(served.code).toBe(0)
  await cli.json('fork', 'rm', 'served')
  await serve(made.command)
  expect(await mail.receipts('a', 1, 'copy')).toHaveLength(1)
  await send('a', 'dan', ...inFork)
  await mail.receipts('a', 2, 'copy')
  expect(await mail.mails()).toEqual(['ann', 'dan'])
})

test('timers of a fork stand still until they are thawed, and it is said so', async () => {
  await cli.up('--actors', mail.path)
  await cli.json('start', 'pinger/a')
  await mail.pings(1)
  await cli.json('cut', 'take', '--name', 'then')
  const [made] = (await cli.json('fork', 'then', '--as', 'copy')) as [{ command: string }]
  await serve(made.command)
  const there = await mail.pings(0, 'copy')
  const here = await mail.pings(0)
  await mail.pings(here + 2)
  expect(await mail.pings(0, 'copy')).toBe(there)
  expect((await cli.run(['nodes', ...inFork])).out).toMatch(/Timers stand still[^]*fork of main|fork of main[^]*/)
  expect(await cli.json('nodes', ...inFork)).toMatchObject([{ timers: 'frozen', forkOf: 'main' }])
  expect((await cli.run(['doctor', ...inFork])).out).toContain('perdure timers thaw')
  await cli.json('timers', 'thaw', ...inFork)
  await mail.pings(there + 2, 'copy')
  expect((await cli.run(['timers', 'thaw', ...inFork])).err).toContain('timers.free')
})

test('killed while it is made, a fork is made by the same command again, or removed', async () => {
  await cli.up('--actors', mail.path)
  await send('a', 'ann')
  await mail.receipts('a', 1)
  await cli.json('cut', 'take', '--name', 'then')
  const make = ['fork', 'then', '--as', 'copy']
  for (const when of ['takes nothing more', 'states: 1 of', 'in flight']) {
    const { code } = await cli.run(make, { signal: { name: 'SIGKILL', when } })
    const again = await cli.run([...make, '--json'])
    // It may have ended before it was killed.
    if (again.code === 0) expect(JSON.parse(again.out)).toMatchObject({ fork: 'copy', actors: 1 })
    else expect({ code, err: again.err }).toMatchObject({ err: expect.stringContaining('fork.taken') as string })
    expect((await cli.run(['cut', 'rm', 'then'])).err).toContain('cut.held')
    await cli.json('fork', 'rm', 'copy')
  }
  expect(await mail.receipts('a', 1)).toHaveLength(1)
  await cli.json('cut', 'rm', 'then')
})

test('a node under which its fork was removed ends and says so, and makes no realm of that name', async () => {
  await cli.up('--actors', mail.path)
  await send('a', 'ann')
  await mail.receipts('a', 1)
  await cli.json('cut', 'take', '--name', 'then')
  const [made] = (await cli.json('fork', 'then', '--as', 'copy')) as [{ command: string }]
  const node = await serve(made.command)
  // Nobody hears of a node that stands still.
  node.send('SIGSTOP')
  await cli.json('fork', 'rm', 'copy')
  node.send('SIGCONT')
  const { code, err } = await node.ended
  expect({ code, err }).toEqual({ code: 1, err: expect.stringContaining('fork.gone') })
  expect((await cli.run(['ps', ...inFork])).err).toContain('realm.missing')
  expect(await mail.receipts('a', 1)).toHaveLength(1)
})
