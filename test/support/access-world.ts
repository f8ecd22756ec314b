/**
 * A server that lets in only some, and clients of it as a configuration makes them. Everything
 * that is said on the way is kept, so that a test can look for what nobody may read there.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { openConfig } from '#config/open-config.ts'
import { busOptionsOf } from '#config/options.ts'
import type { StoredFault } from '#protocol/fault.ts'
import type { Bus } from '#runtime/bus.ts'
import { openBus } from '#runtime/nats/open-bus.ts'
import { onTrace } from '#runtime/trace.ts'
import { accessOf } from '#runtime/wiring.ts'
import { startNats, type TestNats } from './nats.ts'

export type AccessWorld = AsyncDisposable & {
  readonly dir: string
  /** Writes a file and gives its path. */
  file(name: string, text: string): string
  server(config: string): Promise<TestNats>
  /** The server comes back on the same port with another configuration. */
  change(server: TestNats, config: string): Promise<void>
  open(server: Pick<TestNats, 'url'>, flags?: Readonly<Record<string, string>>): Promise<Bus>
  /** The fault with which that ends. */
  refused(server: Pick<TestNats, 'url'>, flags?: Readonly<Record<string, string>>): Promise<unknown>
  /** Why this server lets nobody in who was connected before. */
  barred(server: TestNats): Promise<StoredFault>
  /** All that was thrown and traced, in full. */
  readonly said: string[]
}

export function openAccessWorld(): AccessWorld {
  const dir = mkdtempSync(join(tmpdir(), 'perdure-access-'))
  const said: string[] = []
  const barred: StoredFault[] = []
  const wakes = new Set<() => void>()
  const opened: Bus[] = []
  const servers: TestNats[] = []
  const hearing = onTrace((event) => {
    if (event.is === 'bus.barred') barred.push(event.fault)
    said.push(inspect(event, { depth: 9 }))
    for (const wake of wakes) wake()
  })
  async function open(server: Pick<TestNats, 'url'>, flags: Readonly<Record<string, string>> = {}): Promise<Bus> {
    const config = openConfig({ flags: { servers: server.url, realm: 'shop', dir, ...flags }, env: {}, cwd: dir })
    const bus = await openBus({ ...busOptionsOf(config), ...(await accessOf(config)), create: true })
    opened.push(bus)
    return bus
  }
  return {
    dir,
    said,
    file(name, text) {
      const path = join(dir, name)
      writeFileSync(path, text)
      return path
    },
    async server(config) {
      const server = await startNats({ config })
      servers.push(server)
      return server
    },
    async change(server, config) {
      const store = `jetstream { store_dir: ${JSON.stringify(join(server.dir, 'jetstream'))} }`
      await writeFile(join(server.dir, 'server.conf'), `server_name: perdure-test\n${store}\n${config}\n`)
      await server.restart()
    },
    open,
    async refused(server, flags) {
      const error: unknown = await open(server, flags).then(
        () => new Error('it was let in'),
        (cause: unknown) => cause,
      )
      said.push(inspect(error, { depth: 9 }), JSON.stringify(error))
      return error
    },
    async barred(server) {
      for (;;) {
        // Others that were opened before may still knock at theirs.
        const at = barred.findIndex(({ message }) => message.includes(`:${server.port}`))
        if (at >= 0) return barred.splice(at, 1)[0] as StoredFault
        await new Promise<void>((resolve) => wakes.add(resolve))
      }
    },
    async [Symbol.asyncDispose]() {
      hearing.stop()
      for (const bus of opened) await bus.close()
      for (const server of servers) await server.stop()
      rmSync(dir, { recursive: true, force: true })
    },
  }
}
