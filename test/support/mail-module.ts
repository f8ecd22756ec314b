/** A module of actors that send mail: each mail is a line of a file, and what is sent to "slow" waits for another file. */
import { readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openRealm } from '#runtime/index.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

export type MailModule = {
  readonly path: string
  /** What was sent, in order. */
  mails(): Promise<readonly string[]>
  /** Lets what waits be sent. */
  letGo(): Promise<void>
  /** What a mailer got, once there is so much. */
  receipts(key: string, least: number, realm?: string): Promise<readonly string[]>
  /** How often the pinger pinged, once it did so often. */
  pings(least: number, realm?: string): Promise<number>
}

const mostMs = 30_000

export async function writeMailModule(folder: string): Promise<MailModule> {
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'))
  await writeFile(join(folder, 'package.json'), '{"type":"module"}')
  const [path, file, go] = ['mailer.ts', 'mails.txt', 'go'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ]
  await writeFile(file, '')

  /** By a program: to start a process for each look takes longer than all that is looked at. */
  async function contextOf<C>(address: string, realm: string, isWanted: (context: C) => boolean): Promise<C> {
    await using opened = await openRealm({ realm, dir: join(folder, '.perdure') })
    const read = (snapshot: unknown): C => (snapshot as { readonly context: C }).context
    return read(await opened.at(address).waitFor((snapshot) => isWanted(read(snapshot)), { timeoutMs: mostMs }))
  }

  await writeFile(
    path,
    `import { existsSync, watch } from 'node:fs'
import { appendFile } from 'node:fs/promises'
import { assign, fromPromise, setup } from 'xstate'
import { actor } from '${root}runtime/index.ts'

async function untilGo() {
  if (existsSync('${go}')) return
  await new Promise((resolve) => {
    const watching = watch('${folder}', () => existsSync('${go}') && (watching.close(), resolve()))
    if (existsSync('${go}')) (watching.close(), resolve())
  })
}

const mail = fromPromise(async ({ input }) => {
  if (input.to === 'slow') await untilGo()
  await appendFile('${file}', input.to + '\\n')
  return 'receipt ' + process.pid + ' for ' + input.to
})

const machine = setup({ actors: { mail } }).createMachine({
  context: { to: '', receipts: [] },
  initial: 'idle',
  states: {
    idle: {
      on: { MAIL: { target: 'mailing', actions: assign({ to: ({ event }) => event.to }) } },
    },
    mailing: {
      invoke: {
        src: 'mail',
        input: ({ context }) => ({ to: context.to }),
        onDone: {
          target: 'idle',
          actions: assign({ receipts: ({ context, event }) => [...context.receipts, event.output] }),
        },
      },
    },
  },
})

const pinger = setup({}).createMachine({
  context: { pings: 0 },
  initial: 'on',
  states: { on: { after: { 300: { target: 'on', reenter: true, actions: assign({ pings: ({ context }) => context.pings + 1 }) } } } },
})

export const actors = [
  actor('mailer', machine, { version: 1, effects: ['mail'] }),
  actor('pinger', pinger, { version: 1 }),
]
`,
  )
  return {
    path,
    mails: async () => (await readFile(file, 'utf8')).split('\n').filter((line) => line !== ''),
    letGo: () => writeFile(go, ''),
    async receipts(key, least, realm = 'main') {
      type Mailer = { readonly receipts: readonly string[] }
      return (await contextOf<Mailer>(`mailer/${key}`, realm, ({ receipts }) => receipts.length >= least)).receipts
    },
    async pings(least, realm = 'main') {
      return (await contextOf<{ readonly pings: number }>('pinger/a', realm, ({ pings }) => pings >= least)).pings
    },
  }
}
