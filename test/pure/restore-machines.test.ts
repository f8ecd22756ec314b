/** After everything was lost, virtual machines come back from a cut with their configuration, and their sessions go on. */
import { join } from 'node:path'
import { beforeEach, expect, test } from 'vitest'
import { assign, fromPromise, setup } from 'xstate'
import { actor } from '#protocol/actor.ts'
import { tell } from '#runtime/core/actions.ts'
import { openCutFile, writeCutFile } from '#runtime/cuts/reading/cut-file.ts'
import { storedSource } from '#runtime/cuts/reading/cut-source.ts'
import { gate, note, notes, openGate, resetGates } from '#test/support/gates.ts'
import { openRestoreRealm } from '#test/support/restore-world.ts'
import { openTempDir } from '#test/support/temp-dir.ts'

beforeEach(() => resetGates())

type Config = { readonly cpus: number; readonly disk: string }

type MachineEvent = { readonly type: 'BOOT'; readonly config: Config } | { readonly type: 'LINK'; readonly to: string }

/** Tells whoever links to it what it is. */
const machine = actor(
  'machine',
  setup({
    types: { context: {} as { config: Config | undefined; sessions: string[] }, events: {} as MachineEvent },
  }).createMachine({
    context: { config: undefined, sessions: [] },
    on: {
      BOOT: { actions: assign({ config: ({ event }) => event.config }) },
      LINK: {
        actions: [
          assign({ sessions: ({ context, event }) => [...context.sessions, event.to] }),
          tell(
            ({ event }) => event.to,
            ({ context }) => ({ type: 'LINKED', config: context.config }),
          ),
        ],
      },
    },
  }),
  { version: 1 },
)

type SessionEvent =
  | { readonly type: 'OPEN'; readonly on: string }
  | { readonly type: 'LINKED'; readonly config: Config }
  | { readonly type: 'RUN'; readonly command: string }

type Session = { readonly config: Config | undefined; readonly command: string; readonly log: readonly string[] }

/** Runs a command on its machine, rests, and is idle again. */
const session = actor(
  'session',
  setup({
    types: { context: {} as Session, events: {} as SessionEvent },
    actors: {
      exec: fromPromise<string, { command: string; cpus: number }>(async ({ input }) => {
        note(`${input.command} on ${input.cpus}`)
        await gate(input.command)
        return `${input.command} done`
      }),
    },
  }).createMachine({
    context: { config: undefined, command: '', log: [] },
    initial: 'idle',
    on: {
      OPEN: {
        actions: tell(
          ({ event }) => event.on,
          ({ self }) => ({ type: 'LINK', to: (self as unknown as { address: string }).address }),
        ),
      },
      LINKED: { actions: assign({ config: ({ event }) => event.config }) },
    },
    states: {
      idle: { on: { RUN: { target: 'running', actions: assign({ command: ({ event }) => event.command }) } } },
      running: {
        invoke: {
          src: 'exec',
          input: ({ context }) => ({ command: context.command, cpus: context.config?.cpus ?? 0 }),
          onDone: {
            target: 'resting',
            actions: assign({ log: ({ context, event }) => [...context.log, event.output] }),
          },
        },
      },
      resting: { after: { 60_000: 'idle' } },
    },
  }),
  { version: 1, effects: ['exec'] },
)

const config = { cpus: 8, disk: 'root.img' }

test('after total loss sessions resume with machine, context and what they waited for [SG1]', async () => {
  await using dir = await openTempDir()
  const path = join(dir.path, 'shop.cut')
  await using before = await openRestoreRealm([machine, session])
  await before.start()
  const send = async (world: typeof before, to: string, event: { type: string; [name: string]: unknown }) => {
    await world.realm.send(to, event)
    await world.settle()
  }
  await send(before, 'machine/1', { type: 'BOOT', config })
  for (const key of ['a', 'b', 'c']) await send(before, `session/${key}`, { type: 'OPEN', on: 'machine/1' })
  // One rests until a timer, one runs a command, one is idle.
  openGate('make')
  await send(before, 'session/a', { type: 'RUN', command: 'make' })
  await send(before, 'session/b', { type: 'RUN', command: 'test' })
  await before.pass(1000)
  const { manifest } = await before.take()
  const bus = before.log.connect()
  const world = { source: storedSource(bus.cuts), archive: before.archive, realm: 'shop' }
  await writeCutFile(path, world, { cut: manifest.id })
  const shown = await Promise.all(['a', 'b', 'c'].map((key) => before.state(`session/${key}`)))
  expect(shown.map((state) => state?.snapshot.value)).toEqual(['resting', 'running', 'idle'])

  before.node.kill()

  // Other servers, other disks: nothing but the file is left.
  await using after = await openRestoreRealm([machine, session])
  await after.pass(before.clock.now() - after.clock.now())
  await using file = await openCutFile(path)
  await after.restore(await file.view(after.archive))
  after.reopen()
  await after.start({ name: 'after' })
  const context = async (key: string) => (await after.state(`session/${key}`))?.snapshot.context
  expect((await after.state('machine/1'))?.snapshot.context).toEqual({
    config,
    sessions: ['session/a', 'session/b', 'session/c'],
  })
  openGate('test')
  await after.pass(1000)
  expect(await context('b')).toEqual({ config, command: 'test', log: ['test done'] })
  expect((await after.state('session/a'))?.snapshot.value).toBe('resting')
  await after.pass(60_000)
  expect((await after.state('session/a'))?.snapshot.value).toBe('idle')
  expect(await context('a')).toEqual({ config, command: 'make', log: ['make done'] })
  openGate('ls')
  await send(after, 'session/c', { type: 'RUN', command: 'ls' })
  await after.settle()
  expect(notes().at(-1)).toBe('ls on 8')
})
