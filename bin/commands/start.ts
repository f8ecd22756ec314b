/** `perdure start`: creates an actor with its input. */
import { awaitActor } from '#bin/await-actor.ts'
import type { Command } from '#bin/command.ts'
import { complainOf } from '#bin/complain.ts'
import { parseJson } from '#bin/event-words.ts'
import { stateText } from '#bin/layout.ts'
import { addressText } from '#bin/look.ts'
import { wrong } from '#bin/parse-line.ts'
import { rootOf } from '#protocol/address.ts'
import { partitionOf } from '#protocol/partition.ts'
import { subjects } from '#protocol/subject.ts'
import { type Address, type ParkedEntry, parseAddress, type RealmHandle } from '#runtime/index.ts'

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
    const before = new Set((await realm.parked.list({ address, limit: Infinity })).map(({ place }) => place))
    await realm.operate.start(address, input)
    const isDecided = await decisionOf(realm, address)
    let refused: ParkedEntry | undefined
    const shown = await awaitActor(realm, address, call.ms('timeout', 5_000), async (one) => {
      if (!(await isDecided())) return false
      refused = await parkedStart(realm, address, before)
      return one !== undefined || refused !== undefined
    })
    if (refused !== undefined) {
      const { fault, place } = refused
      complainOf(call.out, { code: fault.code, message: `${fault.message} It is parked at ${place}.` }, call.json)
      return 1
    }
    const { value, status } = shown?.state.snapshot ?? { value: null, status: 'active' }
    if (call.json) call.out.json({ address, state: value, status })
    else call.out.line(`${addressText(address)} is there${inState(stateText(value, status))}`)
    return 0
  },
}

/** A machine without states is in none. */
function inState(state: string): string {
  return state === '-' ? '' : `, in ${state}`
}

/** A start that was stored is decided once its partition's owner has committed past it; that the actor is there says nothing. */
async function decisionOf(realm: RealmHandle, address: Address): Promise<() => Promise<boolean>> {
  const partition = partitionOf(rootOf(address), realm.partitions)
  const end = (await realm.bus.lastMatching(subjects.mailbox(realm.bus.realm, partition))) ?? 0
  return async () => (await realm.operate.partition(partition)).cursor >= end
}

/** A refused start is an entry without an event of its own. */
async function parkedStart(
  realm: RealmHandle,
  address: Address,
  before: ReadonlySet<number>,
): Promise<ParkedEntry | undefined> {
  const found = await realm.parked.list({ address, limit: Infinity })
  return found.find(({ place, envelope }) => !before.has(place) && envelope?.content.is === 'start')
}
