/** `perdure node`: only a node, against a server that is there already. */
import type { Command } from '#bin/command.ts'
import { wrong } from '#bin/parse-line.ts'
import { runNode } from '#bin/run-node.ts'

export const command: Command = {
  name: 'node',
  title: 'runs only a node, against a server of yours',
  usage: ['--servers nats://host:4222 [--actors file.ts]'],
  about: [
    'Connects to a nats-server 2.12.1 or newer with JetStream, makes the realm if it is not there, claims its partitions and runs its actors. One node at a time owns the partitions of a realm: a second one takes over from the first.',
    'Without --servers it connects to the server that "perdure up" started in the same directory.',
  ],
  examples: [
    'node --servers nats://10.0.0.5:4222 --creds ./node.creds --actors ./shop.ts',
    'node --servers nats://127.0.0.1:4222 --realm shop --dir ./data',
  ],
  settings: 'all',
  json: 'The log as JSON lines.',
  async run(call) {
    if (call.words.length > 0) throw wrong(command, `"node" takes no words, and "${call.words[0]}" is one.`)
    return await runNode(call, false, () => undefined)
  },
}
