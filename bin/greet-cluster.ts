/** What `up --cluster` says when all of it runs: who is there, and what to try. */
import { relative } from 'node:path'
import type { Call } from './command.ts'
import type { ClusterRunning } from './run-cluster.ts'

export function greetCluster({ out, config }: Call, { isText, version, servers, nodes }: ClusterRunning): void {
  const { realm } = config.cluster
  if (!isText) {
    return out.json({
      at: new Date().toISOString(),
      level: 'info',
      is: 'up.ready',
      text: `perdure is up with ${nodes.length} nodes at ${servers.url}`,
      url: servers.url,
      realm,
      pid: process.pid,
      nodes: nodes.map(({ name, dir, health, pid }) => ({ name, dir, health, pid: pid() })),
      server: { version },
      servers: servers.servers.map(({ name, url, pid }) => ({ name, url, pid: pid() })),
    })
  }
  const dir = relative(process.cwd(), config.node.dir) || '.'
  const more = `${config.isSet('dir') ? ` --dir ${dir}` : ''}${config.isSet('realm') ? ` --realm ${realm}` : ''}`
  const victim = nodes[1] ?? nodes[0]
  const rows: readonly (readonly [string, string])[] = [
    ['Servers', servers.servers.map(({ port, pid }) => `port ${port} (process ${pid()})`).join(', ')],
    ['Nodes', nodes.map(({ name, pid }) => `${name} (process ${pid()})`).join(', ')],
    ['Who has what', `npx perdure nodes --watch${more}`],
    ['Send an event', `npx perdure send counter/a ADD by=1${more}`],
    ['Kill a node', `kill -9 ${victim?.pid() ?? ''}     # the others take over; it is started again`],
    ['Kill a server', `kill -9 ${servers.servers[0]?.pid() ?? ''}     # the other two go on`],
    ['Take one out', `npx perdure drain ${nodes.at(-1)?.name ?? ''} --keep-running${more}`],
  ]
  out.line()
  out.line(`  ${out.style('bold', 'perdure is up')}: realm ${realm}, ${nodes.length} nodes, nats-server ${version}`)
  out.line()
  for (const [what, how] of rows) out.line(`  ${out.style('dim', what.padEnd(14))} ${how}`)
  out.line()
  out.line(`  Ctrl-C ends all of it (process ${process.pid}); the next start with --cluster goes on from here.`)
  out.line()
}
