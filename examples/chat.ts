/**
 * A chat room on the command line. The room (actors/room.ts) runs in the node that `npm start`
 * starts; it remembers who is in it and what was said, also through a kill of everything.
 *
 *     npm run example chat lobby ada     in one terminal
 *     npm run example chat lobby bob     in another; a line is said, Ctrl-D leaves
 */
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { openRealm } from 'perdure'
import { room } from '#actors/room.ts'

const { values, positionals } = parseArgs({ allowPositionals: true, options: { dir: { type: 'string' } } })
const [name = 'lobby', me = 'somebody'] = positionals

await using realm = await openRealm({ realm: 'main', ...(values.dir === undefined ? {} : { dir: values.dir }) })
const here = realm.ref(room, name)

for (const line of (await here.read())?.context.lines.slice(-10) ?? []) console.log(`${line.name}: ${line.text}`)

const left = Promise.withResolvers<void>()
const listening = await realm.topic(`room.${here.address.slice('room/'.length)}.>`, ({ event }) => {
  const who = String(event['name'])
  if (event.type === 'JOINED') console.log(`* ${who} is here (${(event['members'] as string[]).join(', ')})`)
  if (event.type === 'SAID') console.log(`${who}: ${String(event['text'])}`)
  if (event.type === 'LEFT') console.log(`* ${who} has left`)
  if (event.type === 'LEFT' && who === me) left.resolve()
})

await here.send({ type: 'JOIN', name: me })
for await (const text of createInterface({ input: process.stdin })) {
  if (text.trim() !== '') await here.send({ type: 'SAY', name: me, text })
}
await here.send({ type: 'LEAVE', name: me })
// Everything that was said before stands before this on the log.
await left.promise
await listening.stop()
