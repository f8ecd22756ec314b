/** An exported cut on a machine that knows neither the realm nor any server: looked at with the file and the key alone. */
import { copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Cli, openCli } from '#test/support/cli.ts'

let there: Cli
let here: Cli

beforeAll(async () => {
  there = await openCli()
  here = await openCli()
})

afterAll(async () => {
  await there.close()
  await here.close()
})

test('a file and its key are enough to verify and look into a cut, without a server [U17]', async () => {
  const up = await there.up()
  await there.json('ask', 'order/1', 'PLACE', 'item=book', 'amount=20', '--until', 'placed')
  await there.json('cut', 'take', '--name', 'first')
  await there.json('cut', 'export', 'first', 'first.cut')
  await up.stop()
  const key = join(here.folder, 'kept.key')
  await copyFile(join(there.folder, 'first.cut'), join(here.folder, 'first.cut'))
  await copyFile(join(there.folder, '.perdure', 'cuts.key'), key)
  // Nobody answers there.
  const env = { PERDURE_SERVERS: 'nats://127.0.0.1:1' }
  const verify = ['cut', 'verify', 'first.cut', '--json']
  const { code, out } = await here.run(verify, { env: { ...env, PERDURE_CUTS_KEY_FILE: key } })
  expect({ code, found: JSON.parse(out) as unknown }).toMatchObject({ code: 0, found: { isWhole: true, actors: 1 } })
  expect(await here.run(verify, { env })).toMatchObject({ code: 1 })
  const look = async (...words: string[]): Promise<unknown> =>
    JSON.parse((await here.run([...words, '--json'], { env: { ...env, PERDURE_CUTS_KEY_FILE: key } })).out)
  expect(await look('cut', 'show', 'first.cut')).toMatchObject({ name: 'first', kinds: { order: 1 } })
  expect(await look('at', 'first.cut', 'show', 'order/1')).toMatchObject({ state: 'placed', at: { from: 'cut' } })
  expect(await here.run(['at', 'first.cut', 'show', 'order/1'], { env })).toMatchObject({ code: 1 })
  const absent = ['at', 'first.cut', 'show', 'order/2']
  expect(await here.run(absent, { env: { ...env, PERDURE_CUTS_KEY_FILE: key } })).toMatchObject({ code: 3 })
})
