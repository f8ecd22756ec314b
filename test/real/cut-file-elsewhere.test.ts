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

test('a file and its key are enough to verify a cut, without any server [U17]', async () => {
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
})
