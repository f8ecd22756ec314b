/** `perdure stop`: ends an actor; its output and its history stay for their time. */
import { awaitActor } from '#bin/await-actor.ts'
import type { Command } from '#bin/command.ts'
import { addressText, showActor } from '#bin/look.ts'
import { wrong } from '#bin/parse-line.ts'

export const command: Command = {
  name: 'stop',
  title: 'ends an actor and its children; what it knew is kept for a time',
  usage: ['<address>'],
  about: [
    'Its timers are disarmed, its effects aborted, its children stopped, and those who watch it are told. What comes to it later is parked as actor.done. To be able to use the address again: perdure delete.',
  ],
  examples: ['stop order/42'],
  flags: { timeout: { type: 'text', value: '5s', about: 'How long to wait until it has ended; 5s by default.' } },
  settings: 'connection',
  json: 'One value: {"address","ended"}.',
  async run(call) {
    const [text, extra] = call.words
    if (text === undefined || extra !== undefined) throw wrong(command, 'Name one actor, for example order/42.')
    const realm = await call.realm()
    const { shown } = await showActor(realm, text)
    const { address } = shown
    if (shown.state.book.ended === undefined) await realm.operate.stop(address)
    const after = await awaitActor(
      realm,
      address,
      call.ms('timeout', 5_000),
      (one) => one === undefined || one.state.book.ended !== undefined,
    )
    const reason = after?.state.book.ended?.reason ?? 'deleted'
    if (call.json) call.out.json({ address, ended: reason })
    else call.out.line(`${addressText(address)} has ended (${reason})`)
    return 0
  },
}
