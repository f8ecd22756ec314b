/** `perdure up`: everything on one machine, from nothing. */
import { relative } from 'node:path'
import { readAuth } from '#config/read-auth.ts'
import { outsideLoginFile } from '#runtime/server/credentials.ts'
import type { Call, Command } from '#bin/command.ts'
import { wrong } from '#bin/parse-line.ts'
import { greetCluster } from '#bin/greet-cluster.ts'
import { runCluster } from '#bin/run-cluster.ts'
import { type Running, runNode } from '#bin/run-node.ts'

export const command: Command = {
  name: 'up',
  title: 'starts a nats-server and a node here, with the example actors',
  usage: ['[--cluster 3] [--actors file.ts] [--port 4222] [--dir .perdure]'],
  about: [
    'Finds a nats-server (or fetches one into your cache), starts it on loopback with its store and generated credentials in the directory, and runs one node. Ctrl-C ends all of it; the next start finds all state again.',
    '--cluster 3 starts three servers that keep the log together, and three nodes that share the partitions: all on this machine, for trying out what many do. One that dies is started again.',
    'With --actors it runs the kinds that a module exports instead of the examples: export const actors = [actor("order", orderMachine)]. With --servers it starts no server and is the same as "perdure node".',
  ],
  examples: ['up', 'up --cluster 3', 'up --actors ./shop.ts --port 4333 --dir ./data', 'up --json | jq .text'],
  flags: { cluster: { type: 'text', value: '3', about: 'So many servers and nodes.', choices: ['3', '5'] } },
  settings: 'all',
  json: 'The log as JSON lines; one of them is {"is":"up.ready", …}.',
  async run(call) {
    if (call.words.length > 0)
      throw wrong(
        command,
        `"up" takes no words, and "${call.words[0]}" is one. To run kinds of your own: --actors ${call.words[0]}.`,
      )
    const { config } = call
    const withServer = !config.isSet('servers')
    if (withServer && readAuth(config) !== undefined) {
      throw wrong(
        command,
        'Credentials are configured, but "up" makes its own for the server that it starts. Name your server with --servers, or leave them out.',
      )
    }
    const count = call.count('cluster', 1)
    if (count > 1) {
      if (!withServer) throw wrong(command, '--cluster starts servers of its own; leave --servers out.')
      return await runCluster(call, count, (running) => greetCluster(call, running))
    }
    return await runNode(call, withServer, (running) => greet(call, running))
  },
}

/** Something that its machine knows, so that the line can be copied as it stands. */
function firstEventOf(logic: unknown): string {
  const { events = [] } = (logic ?? {}) as { readonly events?: readonly string[] }
  return events.find((type) => /^[A-Za-z][\w.-]*$/.test(type) && !type.startsWith('xstate.')) ?? 'TYPE'
}

function greet(call: Call, { isText, actors, server, health, node }: Running): void {
  const { out, config } = call
  const { realm } = config.cluster
  const dir = relative(process.cwd(), config.node.dir) || '.'
  const url = server?.server.url ?? config.node.servers.join(',')
  const hasOrder = actors.some(({ kind }) => kind === 'order') && config.node['actors.module'] === undefined
  const kind = hasOrder ? 'order' : (actors[0]?.kind ?? 'order')
  const address = `${kind}/42`
  const event = hasOrder ? 'PLACE item=book amount=20' : firstEventOf(actors[0]?.logic)
  const flags = config.isSet('dir') ? ` --dir ${dir}` : ''
  const more = `${flags}${config.isSet('realm') ? ` --realm ${realm}` : ''}`
  const subject = `${realm}.to.${kind}.42`
  if (!isText) {
    return out.json({
      at: new Date().toISOString(),
      level: 'info',
      is: 'up.ready',
      text: `perdure is up at ${url}`,
      url,
      realm,
      subject,
      kinds: actors.map((one) => one.kind),
      node: node?.name,
      pid: process.pid,
      health: health?.url,
      server: server === undefined ? undefined : { version: server.version, pid: server.server.pid },
    })
  }
  const rows: readonly (readonly [string, string])[] = [
    ['Send an event', `npx perdure send ${address} ${event}${more}`],
    ['See what it did', `npx perdure show ${address}${more}`],
    ['Watch everything', `npx perdure watch${more}`],
    ['From any client', `publish {"type":…} to ${subject} at ${url}`],
    ['', `as the user in ${relative(process.cwd(), outsideLoginFile(config.node.dir))}`],
    ...(health === undefined ? [] : [['Health', `${health.url}/health/ready`] as const]),
  ]
  out.line()
  out.line(
    `  ${out.style('bold', 'perdure is up')}: realm ${realm}, kinds ${actors.map((one) => one.kind).join(', ')}${server === undefined ? '' : `, nats-server ${server.version}`}`,
  )
  out.line()
  for (const [what, how] of rows) out.line(`  ${out.style('dim', what.padEnd(17))} ${how}`)
  out.line()
  out.line(`  Ctrl-C ends all of it (process ${process.pid}); the next start goes on from here.`)
  out.line()
}
