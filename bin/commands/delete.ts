/** `perdure delete`: forgets an actor. */
import { awaitActor } from '#bin/await-actor.ts'
import type { Command } from '#bin/command.ts'
import { addressText, showActor } from '#bin/look.ts'
import { wrong } from '#bin/parse-line.ts'

export const command: Command = {
  name: 'delete',
  title: 'forgets an actor; the next event to it creates a new one',
  usage: ['<address>'],
  about: [
    'Ends it like stop, and removes its state. What it did is still in the history of the log, as long as that is kept; the state itself is gone.',
  ],
  examples: ['delete order/42'],
  flags: { timeout: { type: 'text', value: '5s', about: 'How long to wait until it is gone; 5s by default.' } },
  settings: 'connection',
  json: 'One value: {"address","deleted"}.',
  async run(call) {
    const [text, extra] = call.words
    if (text === undefined || extra !== undefined) throw wrong(command, 'Name one actor, for example order/42.')
    const realm = await call.realm()
    const { shown } = await showActor(realm, text)
    const { address, state } = shown
    await realm.operate.delete(address)
    // An event may have created the next one already, under the same address.
    await awaitActor(
      realm,
      address,
      call.ms('timeout', 5_000),
      (one) => one === undefined || one.state.bornAt !== state.bornAt,
    )
    if (call.json) call.out.json({ address, deleted: true })
    else call.out.line(`${addressText(address)} is gone`)
    return 0
  },
}
