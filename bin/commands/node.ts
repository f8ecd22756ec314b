/** `perdure node`: only a node, against a server that is there already. */
import type { Command } from '#bin/command.ts'
import { wrong } from '#bin/parse-line.ts'
import { runNode } from '#bin/run-node.ts'

export const command: Command = {
  name: 'node',
  title: 'runs only a node, against a server of yours',
  usage: ['--servers nats://a,nats://b,nats://c [--actors file.ts]'],
  about: [
    'Connects to a nats-server 2.12.1 or newer with JetStream, makes the realm if it is not there, and runs its share of the actors. Nodes of one realm share its partitions by capacity (its cores, by default): one that joins is given its share, one that ends gives it away first, and what one that dies had is taken over by those that followed it.',
    'Each has a name (--name; by default made of host and directory), which stays the same over restarts. --label says what is here and not elsewhere.',
    'Without --servers it connects to the server that "perdure up" started in the same directory.',
  ],
  examples: [
    'node --servers nats://10.0.0.5:4222 --creds ./node.creds --actors ./shop.ts',
    'node --servers nats://a,nats://b,nats://c --realm shop --name web-1 --label gpu',
    'node --servers nats://127.0.0.1:4222 --realm shop --dir ./data',
  ],
  settings: 'all',
  json: 'The log as JSON lines.',
  async run(call) {
    if (call.words.length > 0) throw wrong(command, `"node" takes no words, and "${call.words[0]}" is one.`)
    return await runNode(call, false, () => undefined)
  },
}
