/** What a change would have made of the same events, asked by a person of a realm that goes on running. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Cli, openCli } from '#test/support/cli.ts'
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

async function sendMail(key: string, to: string, count: number): Promise<void> {
  await cli.json('send', `mailer/${key}`, 'MAIL', `to=${to}`)
  await mail.receipts(key, count)
}

test('a changed module and changed events are tried, and nothing is left of it [U3]', async () => {
  await cli.up('--actors', mail.path)
  await sendMail('a', 'ann', 1)
  await cli.json('cut', 'take', '--name', 'then')
  await sendMail('a', 'bob', 2)
  await sendMail('b', 'ann', 1)
  const before = await mail.receipts('a', 2)

  const same = await cli.json('diff-run', 'then', '--actors', mail.path, '--change', mail.path)
  expect(same).toMatchObject([
    { is: 'parting', parted: false },
    { is: 'end', differing: { added: 0, removed: 0, changed: 0 }, before: { delivered: 2, unanswered: {} } },
  ])

  const next = join(cli.folder, 'next.ts')
  await writeFile(
    next,
    (await readFile(mail.path, 'utf8')).replace('...context.receipts, event.output', "'new', event.output"),
  )
  const [parting, ...ends] = await cli.json('diff-run', 'then', '--actors', mail.path, '--change', next)
  expect(parting).toMatchObject({ parted: true, address: 'mailer/a', after: { event: { type: 'MAIL', to: 'bob' } } })
  expect(ends).toMatchObject([
    { address: 'mailer/a', is: 'changed' },
    { address: 'mailer/b' },
    { differing: { changed: 2 } },
  ])

  const list = (await cli.run(['restore', 'then', '--list-replay'])).out.split('\n')
  const events = join(cli.folder, 'events.jsonl')
  await writeFile(events, list.slice(0, 1).join('\n').replace('"bob"', '"eve"'))
  const edited = await cli.json('diff-run', 'then', '--actors', mail.path, '--change', events)
  expect(edited[0]).toMatchObject({ parted: true, address: 'mailer/a' })
  expect(edited.at(-1)).toMatchObject({
    differing: { removed: 1 },
    changed: { delivered: 1, unanswered: { 'mailer.mail': 1 } },
  })
  expect((await cli.run(['diff-run', 'then', '--actors', mail.path, '--change', next])).out).toContain('they part')

  expect(await mail.mails()).toEqual(['ann', 'bob', 'ann'])
  expect(await mail.receipts('a', 2)).toEqual(before)
  expect(await cli.json('fork', 'ls', '--all')).toEqual([])
})
