/** README says nothing that is not so: its first machine survives its kill, and its tables are the program's own. */
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { commands } from '#bin/commands.ts'
import { exitCodes } from '#bin/exit-codes.ts'
import { openConfig } from '#config/open-config.ts'
import { settingNames } from '#config/settings.ts'
import { type Cli, openCli } from '#test/support/cli.ts'
import { startNats } from '#test/support/nats.ts'

const checkout = fileURLToPath(new URL('../..', import.meta.url))
let readme: string
let cli: Cli

beforeEach(async () => {
  cli = await openCli()
  readme = await readFile(join(checkout, 'README.md'), 'utf8')
})

afterEach(async () => {
  await cli.close()
})

/** Of the section with this title, the first block in this language. */
function blockOf(title: string, language: string): string {
  const section = readme.split(/^## /m).find((one) => one.startsWith(title)) ?? ''
  return new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``).exec(section)?.[1] ?? ''
}

test('the machine of ten lines survives a kill', async () => {
  const source = blockOf('A machine that survives a kill', 'ts')
  expect(
    source
      .trim()
      .split('\n')
      .filter((line) => line !== ''),
  ).toHaveLength(9)
  await mkdir(join(cli.folder, 'node_modules'))
  await symlink(checkout, join(cli.folder, 'node_modules', 'perdure'))
  await symlink(join(checkout, 'node_modules', 'xstate'), join(cli.folder, 'node_modules', 'xstate'))
  await writeFile(join(cli.folder, 'tally.ts'), source)
  const [start, send, , again, show] = blockOf('A machine that survives a kill', 'sh')
    .trim()
    .split('\n')
    .map((line) =>
      line
        .replace(/\s*#.*$/, '')
        .replace('npx perdure ', '')
        .split(' '),
    )
  const { send: signal, ended } = await cli.up(...(start ?? []).slice(1))
  await cli.json(...(send ?? []))
  signal('SIGKILL')
  await ended
  await cli.up(...(again ?? []).slice(1))
  expect(await cli.json(...(show ?? []))).toMatchObject([{ address: 'tally/today', context: { votes: 1 } }])
})

test('the commands of the first minutes do what is said beside them', async () => {
  await cli.up()
  const lines = readme.match(/^npx perdure (?:send|show|history) order\/42.*$/gm) ?? []
  expect(lines.length).toBeGreaterThanOrEqual(4)
  for (const line of lines) {
    const { code, err } = await cli.run(
      line
        .replace(/\s*#.*$/, '')
        .split(' ')
        .slice(2),
    )
    expect({ line, code, err }).toEqual({ line, code: 0, err: '' })
  }
  expect(await cli.json('show', 'order/42')).toMatchObject([{ state: 'paid' }])
})

test('the commands for several machines do what is said beside them', async () => {
  const server = await startNats()
  try {
    const lines = blockOf('Several machines', 'sh')
      .trim()
      .split('\n')
      .map((line) => line.replace(/\s*#.*$/, '').replace('npx perdure ', ''))
      // One server stands for the three; it has room for one replica.
      .map((line) => line.replace('nats://a,nats://b,nats://c', server.url).replace('--replicas 3', '--replicas 1'))
      .map((line) => line.split(/ +/))
    const [up = [], one = [], two = [], nodes = [], drain = []] = lines
    expect(lines.map(([command]) => command)).toEqual(['up', 'node', 'node', 'nodes', 'drain'])
    expect((await cli.run([...up, '--help'])).code).toBe(0)
    await cli.node(...one.slice(1), '--dir', 'one')
    const second = await cli.node(...two.slice(1), '--dir', 'two')
    for (;;) {
      const [{ nodes: seen }] = await cli.json(...nodes)
      if (seen.length === 2 && seen.every((node: { owned: unknown[] }) => node.owned.length === 8)) break
    }
    expect((await cli.run(drain)).out).toMatch(/web-2 has given everything away and stopped\.\n$/)
    expect((await second.ended).code).toBe(0)
  } finally {
    await cli.close()
    await server.stop()
  }
})

test('the commands for cuts do what is said beside them, and so does the invariant', async () => {
  await cli.up()
  await cli.json('send', 'order/42', 'PLACE', 'item=book', 'amount=20')
  await cli.json('ask', 'order/42', 'PAY', 'amount=20', '--until', 'paid')
  await mkdir(join(cli.folder, 'node_modules'))
  await symlink(checkout, join(cli.folder, 'node_modules', 'perdure'))
  await writeFile(join(cli.folder, 'next.ts'), `export * from ${JSON.stringify(join(checkout, 'actors/index.ts'))}\n`)
  const lines = blockOf('Cuts', 'sh')
    .trim()
    .split('\n')
    .map((line) => line.replace(/\s*#.*$/, '').replace('npx perdure ', ''))
    // Nothing of this realm is five minutes old, and nobody is there to be asked.
    .map((line) => line.replaceAll('5m', '0s').replace(/^restore .*$/, '$& --yes'))
  expect(lines.map((line) => line.split(' ')[0])).toEqual(
    expect.arrayContaining(['cut', 'at', 'inputs', 'debug', 'rewind', 'restore']),
  )
  for (const line of lines) {
    const { code, err } = await cli.run(line.split(/ +/))
    expect({ line, code, err: code === 0 ? '' : err }).toEqual({ line, code: 0, err: '' })
  }
  await writeFile(join(cli.folder, 'rules.ts'), blockOf('Cuts', 'ts'))
  const { code, out } = await cli.run(['cut', 'check', 'before-deploy', '--invariants', 'rules.ts'])
  expect({ code, out }).toEqual({ code: 1, out: expect.stringMatching(/no money is lost[^]*there is 0/) })
})

test('every command, exit code and named setting of the program is in it, and no other', () => {
  const table = readme.slice(readme.indexOf('| command | does |'), readme.indexOf('**Health** of an actor'))
  const named = [...table.matchAll(/^\| ([^|]*(?:\\\|[^|]*)*)\|/gm)].flatMap(([, cell = '']) =>
    [...cell.matchAll(/`([a-z]+(?:-[a-z]+)*)/g)].map(([, name = '']) => name),
  )
  expect(named.toSorted()).toEqual(
    Object.keys(commands)
      .filter((name) => name !== 'help')
      .toSorted(),
  )
  const codes = [...readme.matchAll(/^\| ([\d, ]+) \|/gm)].flatMap(([, cell = '']) => cell.split(', ').map(Number))
  expect(codes).toEqual(exitCodes.map(([code]) => code))
  const settings = blockOfSettings().flatMap((line) =>
    [...(line.split('|')[1] ?? '').matchAll(/`([a-z][A-Za-z.]+)`/g)].map(([, name = '']) => name),
  )
  expect(settings.length).toBeGreaterThan(15)
  for (const name of settings) expect(settingNames).toContain(name)
})

function blockOfSettings(): string[] {
  const from = readme.indexOf('| setting | default |')
  return readme
    .slice(from, readme.indexOf('```json', from))
    .split('\n')
    .filter((line) => line.startsWith('| `'))
}

test('its configuration file is one', async () => {
  await writeFile(join(cli.folder, 'perdure.json'), blockOf('Configuration', 'json'))
  const config = openConfig({ cwd: cli.folder, env: {} })
  expect(config.cluster).toMatchObject({ realm: 'shop', durability: 'power' })
  expect(config.node).toMatchObject({ 'actors.module': join(cli.folder, 'shop.ts'), 'server.port': 4333 })
})
