/** A realm that takes care of its own cuts: takes them, tries one on, copies them elsewhere, keeps some. */
import { mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Cli, openCli, type Up } from '#test/support/cli.ts'

let cli: Cli
let up: Up

beforeAll(async () => {
  cli = await openCli()
  await mkdir(join(cli.folder, 'second'))
  const settings = ['--cuts-every-ms', '1s', '--cuts-deadline-ms', '2s', '--cuts-keep-last', '2']
  const kept = ['--cuts-keep-hourly', '0', '--cuts-keep-daily', '0', '--cuts-second-place', 'second']
  up = await cli.up(...settings, ...kept, '--log-level', 'debug')
})

afterAll(async () => {
  await cli.close()
})

test('cuts are taken, drilled, copied and let go of by themselves [N8] [SD5]', async () => {
  const taken = new Set<string>()
  for (let at = 0; taken.size < 4; at++) {
    await cli.json('send', 'counter/a', 'ADD', 'by=1')
    const { cut } = await up.line(({ is, cut: one }) => is === 'cut.whole' && !taken.has(String(one)))
    taken.add(String(cut))
  }
  await up.line(({ is }) => is === 'cut.drilled')
  await up.line(({ is }) => is === 'cut.removed')
  const copied = await up.line(({ is }) => is === 'cut.copied')
  expect(await readdir(join(cli.folder, 'second'))).toContainEqual(expect.stringMatching(/^\w+-\w+-\w+\.cut$/))
  const [verified] = await cli.json('cut', 'verify', String(copied['path']))
  // The first may be of a realm in which nothing was stepped yet.
  expect(verified).toMatchObject({ isWhole: true, cut: copied['cut'] })
  const [drilled] = await cli.json('cut', 'drill')
  expect(drilled).toMatchObject({ passed: true, actors: 1, found: [] })
  const listed = await cli.json('cut', 'ls')
  expect(listed.find(({ id }) => id === drilled.cut)).toMatchObject({ drill: { passed: true } })
  const findings = new Map((await cli.json('doctor')).map((one) => [one.check, one]))
  expect(findings.get('cuts drill')).toMatchObject({ status: 'ok' })
  expect(findings.get('cuts')).toMatchObject({ status: 'ok' })
  expect(findings.get('cuts archive')).toMatchObject({ status: 'ok' })
  const plain = await cli.run(['cut', 'drill'])
  expect(plain.out).toMatch(/^cut \S+: it was restored and thrown away in .*: 1 actor and 0 envelopes in flight\n$/)
})
