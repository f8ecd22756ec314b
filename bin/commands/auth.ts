/** `perdure auth`: what a server of one's own must allow, and to whom. */
import type { Command } from '#bin/command.ts'
import { wrong } from '#bin/parse-line.ts'
import { parseForkName } from '#protocol/fork.ts'
import { authTemplateOf, templateText } from '#runtime/server/auth-template.ts'
import { type Role, roles } from '#runtime/server/role-rights.ts'

export const command: Command = {
  name: 'auth',
  title: 'prints the rights that a server of yours must grant',
  usage: ['template [--role node] [--realm shop] [--forks try,next]'],
  about: [
    'Prints accounts, users and permissions as a part of a nats-server configuration, for one realm: each role gets what it needs and nothing else. A node started with only these rights works.',
    'The roles: node runs actors; maker may also make the realm, for the first start; restorer restores it and changes its partitions and copies, also on new servers; operator is for people and tools that look, send, start, stop and mend; reader only looks; outsider publishes events and reads what outside.read grants; observer only reads that.',
    'An account is the border: whoever is let into the account of a realm is trusted with it, and the permissions there only keep mistakes out. Strangers get outsider or observer.',
    'A fork lives beside its realm, in the same account: with --forks those names are granted too. Who restores may make and remove them; nobody from outside reaches one.',
  ],
  examples: [
    'auth template --realm shop > shop.conf',
    'auth template --role node --realm shop',
    'auth template --realm shop --forks try,next',
    'auth template --json',
  ],
  flags: {
    role: { type: 'text', value: 'node', about: 'Only the user of this role.', choices: roles },
    forks: { type: 'text', value: 'name,name', about: 'Names that forks of the realm may have.' },
  },
  settings: 'all',
  json: 'One object: {"realm","accounts":[{"name","users":[{"role","user","publish","subscribe","inboxPrefix", …}], "exports", "imports"}]}.',
  verbs: ['template'],
  async run(call) {
    const [verb, extra] = call.words
    if (verb !== 'template' || extra !== undefined) throw wrong(command, 'Say "perdure auth template".')
    // One of the choices, or the line would have been refused.
    const role = call.text('role') as Role | undefined
    const { cluster, node } = call.config
    const names = call.text('forks')?.split(',') ?? []
    const template = authTemplateOf({
      realm: cluster.realm,
      roles: role === undefined ? roles : [role],
      readable: node['outside.read'],
      forks: names.map((name) => parseForkName(name, cluster.realm)),
    })
    if (call.json) call.out.json(template)
    else call.out.line(templateText(template).trimEnd())
    return 0
  },
}
