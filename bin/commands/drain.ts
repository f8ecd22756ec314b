/** `perdure drain`: takes a node out without anybody noticing, or brings it back. */
import type { Call, Command } from '#bin/command.ts'
import { plural } from '#bin/layout.ts'
import { wrong } from '#bin/parse-line.ts'
import { guessOf } from '#config/guess.ts'
import type { DrainRequest } from '#protocol/drain.ts'
import { Fault } from '#protocol/fault.ts'
import type { Draining, RealmHandle } from '#runtime/index.ts'

export const command: Command = {
  name: 'drain',
  title: 'moves the partitions of a node away and stops it',
  usage: ['<node> [--keep-running | --undo]'],
  about: [
    'The node gives its partitions to the others one by one, each in a pause of less than half a second, and then stops. Nothing is lost, and nothing is refused meanwhile. Ctrl-C or SIGTERM on the node itself does the same, for as long as drain.graceMs allows.',
    'With --keep-running it stays without partitions, until --undo or its next start. Ctrl-C of this command ends the waiting only: what was asked for goes on.',
  ],
  examples: ['drain node-2', 'drain node-2 --keep-running', 'drain node-2 --undo'],
  flags: {
    'keep-running': { type: 'yes', about: 'It stays, without partitions.' },
    undo: { type: 'yes', about: 'It takes its share again.' },
  },
  settings: 'connection',
  json: 'A line for each change: {"node","left"}; the last one is {"node","left":0,"state":"stopped"|"drained"|"ready"}.',
  async run(call) {
    const [name, extra] = call.words
    if (name === undefined) throw wrong(command, 'Which node? "perdure nodes" lists them.')
    if (extra !== undefined) throw wrong(command, `"${extra}" is one word too many; one node can be named.`)
    if (call.is('undo') && call.is('keep-running')) throw wrong(command, 'Either --keep-running or --undo.')
    const asked: DrainRequest = call.is('undo') ? 'undo' : call.is('keep-running') ? 'stay' : 'stop'
    const realm = await call.realm()
    await check(realm, name, asked)
    if (asked === 'undo') return await undo(call, realm, name)
    return await drain(call, { realm, name, asked })
  },
}

/** A name that nobody has deserves the one it was meant for; the last node has nobody to give to. */
async function check(realm: RealmHandle, name: string, asked: DrainRequest): Promise<void> {
  const { nodes } = await realm.operate.nodes()
  const names = nodes.map((one) => one.name)
  if (!names.includes(name)) {
    const meant = guessOf(name, names)
    const here = names.length === 0 ? 'No node runs in it.' : `Did you mean "${meant}"?`
    throw new Fault('node.absent', { value: name, realm: realm.name, here })
  }
  const canTake = nodes.some((one) => one.name !== name && one.phase === 'ready' && one.capacity > 0)
  const hasNothing = nodes.every((one) => one.name !== name || one.owned.length === 0)
  if (asked !== 'undo' && !canTake && !hasNothing) throw new Fault('node.last', { value: name, realm: realm.name })
}

async function undo(call: Call, realm: RealmHandle, name: string): Promise<0> {
  const { left } = await realm.operate.drain(name, 'undo')
  if (call.json) call.out.json({ node: name, left, state: 'ready' })
  else call.out.line(`${name} takes its share again; "perdure nodes --watch" shows how it comes back.`)
  return 0
}

type Asked = { readonly realm: RealmHandle; readonly name: string; readonly asked: 'stop' | 'stay' }

async function drain({ json, out }: Call, { realm, name, asked }: Asked): Promise<0> {
  let last: Draining | undefined
  const { state, left } = await realm.operate.drain(name, asked, (progress) => {
    const isStuck = progress.left > 0 && !progress.canGive
    if (json && progress.left !== last?.left) out.json({ node: name, left: progress.left })
    if (!json && progress.left > 0 && progress.left !== last?.left)
      out.line(`${name} has ${plural(progress.left, 'partition')} left`)
    if (isStuck && last?.canGive !== false)
      out.note(`Nobody can take what ${name} has left any more; it keeps that until another node is ready.`)
    last = progress
  })
  if (state === 'ended' || left > 0) throw new Fault('node.ended', { value: name, left })
  if (json) out.json({ node: name, left, state })
  else if (state === 'stopped') out.line(`${name} has given everything away and stopped.`)
  else out.line(`${name} has given everything away and stays; perdure drain ${name} --undo brings it back.`)
  return 0
}
