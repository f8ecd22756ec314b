/** Actors that reach the world: by a promise, by a named action, by a callback; each run says where it ran. */
import { assign, fromCallback, fromPromise, setup } from 'xstate'
import { actor, type ActorKind } from '#protocol/actor.ts'
import { gate, note } from '#test/support/gates.ts'

type Mail = { readonly type: 'MAIL'; readonly to: string }

/** `where` says who ran it: the machine is the same everywhere. */
export function mailing(where: string, label?: string): readonly ActorKind[] {
  let sent = 0
  const mail = fromPromise(async ({ input }: { input: { to: string } }) => {
    note(`${where} mails ${input.to}`)
    await gate(`mail ${input.to}`)
    return `${where} receipt ${++sent} for ${input.to}`
  })
  const mailer = actor(
    'mailer',
    setup({
      types: { context: {} as { to: string; receipts: string[] }, events: {} as Mail },
      actors: { mail },
    }).createMachine({
      context: { to: '', receipts: [] },
      initial: 'idle',
      states: {
        idle: { on: { MAIL: { target: 'mailing', actions: assign({ to: ({ event }) => event.to }) } } },
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
    }),
    { version: 1, effects: { mail: label === undefined ? {} : { label } } },
  )
  async function ring(over: () => void): Promise<void> {
    note(`${where} rings`)
    await gate('ring')
    over()
  }

  const caller = actor(
    'caller',
    setup({
      types: { context: {} as { rang: number }, events: {} as { type: 'RING' } | { type: 'RANG' } },
      actions: {
        // The runtime waits for what an action returns; XState's types do not say so.
        ring: ({ self }) => ring(() => self.send({ type: 'RANG' })) as unknown as void,
      },
    }).createMachine({
      context: { rang: 0 },
      on: {
        RING: { actions: { type: 'ring' } },
        RANG: { actions: assign({ rang: ({ context }) => context.rang + 1 }) },
      },
    }),
    { version: 1, effects: ['ring'] },
  )
  const listener = actor(
    'listener',
    setup({
      types: { context: {} as { heard: string[] }, events: {} as { type: 'HEARD'; word: string } },
      actors: {
        listen: fromCallback(({ sendBack }) => {
          note(`${where} listens`)
          void (async () => {
            for (const word of ['one', 'two']) {
              await gate(word)
              sendBack({ type: 'HEARD', word: `${word} in ${where}` })
            }
          })()
        }),
      },
    }).createMachine({
      context: { heard: [] },
      invoke: { src: 'listen' },
      on: { HEARD: { actions: assign({ heard: ({ context, event }) => [...context.heard, event.word] }) } },
    }),
    { version: 1, effects: ['listen'] },
  )
  return [mailer, caller, listener]
}
