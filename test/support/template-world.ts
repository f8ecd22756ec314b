/** A server that runs with nothing but printed templates, and what it says of those who wanted more. */
import { mkdtemp, rm } from 'node:fs/promises'
import { writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { openCli } from './cli.ts'
import { natsServer } from './nats.ts'
import { portsFrom } from '#runtime/server/free-port.ts'
import { type Role, roles, rightsOf } from '#runtime/server/role-rights.ts'
import { runServer } from '#runtime/server/run-server.ts'
import { makeHome } from '#runtime/server/server-home.ts'
import { awaitReady } from '#runtime/server/server-ready.ts'

export type TemplateWorld = AsyncDisposable & {
  readonly dir: string
  readonly url: string
  /** Where the server found somebody without the right; each line once it is written. */
  violations(): readonly string[]
  /** Flags of the configuration that make a role. */
  flags(
    realm: string,
    role: Role,
  ): { readonly user: string; readonly pass: string; readonly 'auth-inbox-prefix'?: string }
  connect(realm: string, role: Role): Promise<NatsConnection>
}

const passwordOf = (realm: string, role: Role): string => `p-${realm}-${role}`
const variableOf = (realm: string, role: Role): string => `${realm}_${role}_PASSWORD`.toUpperCase()

/** One server for these realms, whose configuration includes what the command line printed for each. */
export async function openTemplateWorld(
  realms: readonly string[],
  { forks = [] }: { readonly forks?: readonly string[] } = {},
): Promise<TemplateWorld> {
  const dir = await mkdtemp(join(tmpdir(), 'perdure-template-'))
  const home = await makeHome(join(dir, 'server'))
  const cli = await openCli()
  const passwords: Record<string, string> = {}
  for (const realm of realms) {
    const { code, out, err } = await cli.run([
      ...['auth', 'template', '--realm', realm],
      ...(forks.length === 0 ? [] : ['--forks', forks.join(',')]),
    ])
    if (code !== 0) throw new Error(err)
    writeFileSync(join(home.dir, `${realm}.conf`), out)
    for (const role of roles) passwords[variableOf(realm, role)] = passwordOf(realm, role)
  }
  await cli.close()
  const [port = 0] = await portsFrom(0, 1, '--port')
  writeFileSync(
    home.config,
    `host: 127.0.0.1, port: ${port}, pid_file: "${home.pid}", log_file: "${home.log}"
    jetstream { store_dir: "${home.store}", limits { batch { max_inflight_per_stream: 1000, max_inflight_total: 2000, timeout: 5s } } }
    accounts { ${realms.map((realm) => `include "${realm}.conf"`).join('\n')} }\n`,
  )
  const lines: string[] = []
  const server = await runServer({
    binary: natsServer(),
    home,
    ports: [[port, '--port']],
    graceMs: 5_000,
    environment: passwords,
    onLine: (line) => lines.push(line),
  })
  const login = { user: `${realms[0]}-node`, pass: passwordOf(realms[0] as string, 'node') }
  await awaitReady({ home: home.dir, pid: server.pid, port, login, exited: server.exited })
  const url = `nats://127.0.0.1:${port}`
  const opened: NatsConnection[] = []
  const prefixOf = (realm: string, role: Role): string => rightsOf(role, realm, []).inboxPrefix
  return {
    dir,
    url,
    violations() {
      server.ready()
      return lines.filter((line) => line.includes('Violation'))
    },
    flags: (realm, role) => ({
      user: `${realm}-${role}`,
      pass: passwordOf(realm, role),
      ...(prefixOf(realm, role) === '_INBOX' ? {} : { 'auth-inbox-prefix': prefixOf(realm, role) }),
    }),
    async connect(realm, role) {
      const connection = await connect({
        servers: url,
        user: `${realm}-${role}`,
        pass: passwordOf(realm, role),
        inboxPrefix: prefixOf(realm, role),
        reconnect: false,
      })
      opened.push(connection)
      return connection
    },
    async [Symbol.asyncDispose]() {
      for (const connection of opened) await connection.close()
      await server.stop()
      await rm(dir, { recursive: true, force: true })
    },
  }
}
