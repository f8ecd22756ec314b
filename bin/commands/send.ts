/** `perdure send`: one event, or a line each from standard input, stored before it says so. */
import { createInterface } from 'node:readline'
import type { Call, Command } from '#bin/command.ts'
import { eventOfWords } from '#bin/event-words.ts'
import { addressText } from '#bin/look.ts'
import { wrong } from '#bin/parse-line.ts'
import { type Address, parseAddress, type RealmHandle } from '#runtime/index.ts'

export const command: Command = {
  name: 'send',
  title: 'sends an event to an actor',
  usage: [
    '<address> <TYPE> [name=value …]',
    "<address> '<json>'",
    '<address> -     (one event a line, from standard input)',
  ],
  about: [
    'An address is kind/key; the first event creates the actor. The event is stored when this ends, and handled exactly once from then on, now or when a node runs. With --id, a second send with the same id is the same event.',
  ],
  examples: [
    'send order/42 PLACE item=book amount=20',
    `send order/42 '{"type":"PAY","amount":20}' --id payment-7`,
    'send counter/a - < events.ndjson',
  ],
  flags: { id: { type: 'text', value: 'id', about: 'Your own id of this send: a retry with it changes nothing.' } },
  settings: 'connection',
  json: 'A line for each event: {"address","type","seq"}; seq is its place on the log.',
  async run(call) {
    const [to, ...words] = call.words
    if (to === undefined) throw wrong(command, 'To whom? Write an address and an event.')
    const address = parseAddress(to)
    if (words[0] === '-' && words.length === 1) return await sendLines(call, address)
    const event = eventOfWords(words)
    await sendOne(call, await call.realm(), { address, event, id: call.text('id') })
    return 0
  },
}

type Sending = {
  readonly address: Address
  readonly event: ReturnType<typeof eventOfWords>
  readonly id: string | undefined
}

async function sendOne({ json, out }: Call, realm: RealmHandle, { address, event, id }: Sending): Promise<void> {
  const { seq } = await realm.send(address, event, id === undefined ? {} : { id })
  if (json) out.json({ address, type: event.type, seq })
  else out.line(`${event.type} to ${addressText(address)} is stored (at ${seq})`)
}

/** In order, and in a pipeline: the sender keeps both. */
async function sendLines(call: Call, address: Address): Promise<0> {
  if (call.text('id') !== undefined) throw wrong(command, 'One --id cannot stand for several events.')
  const realm = await call.realm()
  const sends: Promise<void>[] = []
  let number = 0
  for await (const line of createInterface({ input: process.stdin })) {
    number++
    if (line.trim() === '') continue
    const event = eventOfLine(line, number)
    const sending = sendOne(call, realm, { address, event, id: undefined })
    // Told below, in order; until then it must not count as unheard.
    sending.catch(() => undefined)
    sends.push(sending)
  }
  for (const sending of sends) await sending
  return 0
}

function eventOfLine(line: string, number: number): ReturnType<typeof eventOfWords> {
  try {
    return eventOfWords(line.trimStart().startsWith('{') ? [line] : line.trim().split(/\s+/))
  } catch (cause) {
    throw wrong(
      command,
      `Line ${number}: ${cause instanceof Error ? cause.message : String(cause)} Nothing after it was sent.`,
    )
  }
}
