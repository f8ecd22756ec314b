/**
 * A chat room. Run `npm start` in one terminal and this in two others:
 *
 *     npm run example chat alice
 *     npm run example chat bob
 *
 * Type a line to say it; the room remembers the last thousand, also over restarts.
 */
import { createInterface } from 'node:readline'
import { openRealm } from 'perdure'
import { room } from '#actors/room.ts'

const name = process.argv[2] ?? 'guest'
await using realm = await openRealm({ realm: process.argv[3] ?? 'main' })
const lobby = realm.ref(room, 'lobby')

await lobby.send({ type: 'JOIN', name })
const before = await lobby.read()
for (const line of before?.context.lines.slice(-10) ?? []) console.log(`${line.name}: ${line.text}`)

let said = before?.context.lines.length ?? 0
const watching = lobby.subscribe((snapshot) => {
  for (const line of snapshot.context.lines.slice(said)) if (line.name !== name) console.log(`${line.name}: ${line.text}`)
  said = snapshot.context.lines.length
})

for await (const text of createInterface({ input: process.stdin })) await lobby.send({ type: 'SAY', name, text })
await lobby.send({ type: 'LEAVE', name })
watching.unsubscribe()
