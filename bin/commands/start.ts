/** `perdure start`: creates an actor with its input. */
import { awaitActor } from '#bin/await-actor.ts'
import type { Command } from '#bin/command.ts'
import { parseJson } from '#bin/event-words.ts'
import { stateText } from '#bin/layout.ts'
import { addressText } from '#bin/look.ts'
import { wrong } from '#bin/parse-line.ts'
import { parseAddress } from '#runtime/index.ts'

export const command: Command = {
  name: 'start',
  title: 'creates an actor with input',
  usage: ["<address> [--input '<json>']"],
  about: [
    'Only for actors that need an input, or that should be there before their first event: an event creates an actor by itself. Again with the same input changes nothing; with another one, that is parked as actor.exists and the actor stays as it is.',
  ],
  examples: [`start order/43 --input '{"customer":"ada"}'`, 'start counter/b'],
  flags: {
    input: { type: 'text', value: 'json', about: 'What the machine gets as input.' },
    timeout: { type: 'text', value: '5s', about: 'How long to wait until it is there; 5s by default.' },
  },
  settings: 'connection',
  json: 'One value: {"address","state","status"}.',
  async run(call) {
    const [text, extra] = call.words
    if (text === undefined || extra !== undefined) throw wrong(command, 'Name one actor, for example order/43.')
    const address = parseAddress(text)
    const given = call.text('input')
    const input = given === undefined ? undefined : parseJson(given, 'The input')
    const realm = await call.realm()
    await realm.operate.start(address, input)
    const shown = await awaitActor(realm, address, call.ms('timeout', 5_000), (one) => one !== undefined)
    const { value, status } = shown?.state.snapshot ?? { value: null, status: 'active' }
    if (call.json) call.out.json({ address, state: value, status })
    else call.out.line(`${addressText(address)} is there, in ${stateText(value, status)}`)
    return 0
  },
}
