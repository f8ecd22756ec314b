/** The life of the embedded server: it holds the log through stops and kills, alone, and says why when it cannot. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { appendFile, chmod, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { connect as dial, createServer, type AddressInfo } from 'node:net'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { jetstreamManager } from '@nats-io/jetstream'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Fault, StoredFault } from '#protocol/fault.ts'
import { ensureCredentials, nodeLoginFile, outsideLoginFile, readLogin } from '#runtime/server/credentials.ts'
import { lockDirectory } from '#runtime/server/directory-lock.ts'
import { launchServer, type LaunchOptions, type RunningServer } from '#runtime/server/launch-server.ts'
import { followLog } from '#runtime/server/log-tail.ts'
import { isAlive } from '#runtime/server/process-identity.ts'
import { launchOptionsOf } from '#test/support/launch-options.ts'
import { natsServer } from '#test/support/nats.ts'
import { skipBecause } from '#test/support/skip.ts'

let dir: string
let lines: string[]
const atEnd: (() => Promise<void> | void)[] = []
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'perdure-launch-'))
  lines = []
})
afterEach(async () => {
  for (const end of atEnd.splice(0).toReversed()) await end()
  await rm(dir, { recursive: true, force: true })
})

async function launch(change: Partial<LaunchOptions> = {}): Promise<RunningServer> {
  const options = await launchOptionsOf(natsServer(), change.dir ?? dir)
  const onLine = (line: string): void => void lines.push(line)
  const server = await launchServer({ ...options, onLine, onProgress: onLine, ...change })
  atEnd.push(() => server.stop())
  return server
}

async function asNode({ url, credentials }: Pick<RunningServer, 'url' | 'credentials'>): Promise<NatsConnection> {
  const { user, pass } = credentials.node
  const connection = await connect({ servers: url, user, pass, reconnect: false })
  atEnd.push(() => connection.close())
  return connection
}

type Parent = { readonly child: ChildProcess; readonly said: { pid: number; url: string; fault?: StoredFault } }

/** A launch in a process of its own, which can be killed. */
async function launchElsewhere(at = dir): Promise<Parent> {
  const script = fileURLToPath(import.meta.resolve('#test/support/server-parent.ts'))
  const child = spawn(process.execPath, [script, natsServer(), at], { stdio: ['ignore', 'pipe', 'inherit'] })
  atEnd.push(() => void child.kill('SIGKILL'))
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
  const said = JSON.parse(line)
  if (said.pid !== undefined) atEnd.push(() => killQuietly(said.pid))
  return { child, said }
}

function killQuietly(pid: number): void {
  if (isAlive(pid)) process.kill(pid, 'SIGKILL')
}

async function killParent({ child }: Parent): Promise<void> {
  const ended = once(child, 'exit')
  child.kill('SIGKILL')
  await ended
}

async function storeOne(server: Pick<RunningServer, 'url' | 'credentials'>): Promise<void> {
  const connection = await asNode(server)
  const streams = (await jetstreamManager(connection)).streams
  await streams.add({ name: 'main', subjects: ['main.in.>'] })
  await connection.request('main.in.0.x.order.a', 'kept', { timeout: 20_000 })
  await connection.close()
}

async function stored(server: Pick<RunningServer, 'url' | 'credentials'>): Promise<string | undefined> {
  const connection = await asNode(server)
  const { streams } = await jetstreamManager(connection)
  const entry = await streams.getMessage('main', { seq: 1 })
  return entry?.string()
}

test('it gets nothing of our environment', async () => {
  vi.stubEnv('MODEL_KEY', 'secret')
  atEnd.push(() => void vi.unstubAllEnvs())
  const server = await launch()
  if (process.platform !== 'linux') return
  expect(await readFile(`/proc/${server.pid}/environ`, 'utf8')).toBe('')
})

test('it is ready when it says so: the log can be written at once, over loopback, with the credentials of a node', async () => {
  const server = await launch()
  await storeOne(server)
  expect(await stored(server)).toBe('kept')
  expect(server.url).toBe(`nats://127.0.0.1:${server.port}`)
  expect(lines.some((line) => line.includes('Server is ready'))).toBe(true)
})

test('nobody else gets in', async () => {
  const { url, credentials } = await launch()
  const wrong = [{}, { user: 'node', pass: credentials.outside.pass }, { user: 'nobody', pass: 'x' }]
  for (const each of wrong)
    await expect(connect({ servers: url, reconnect: false, ...each })).rejects.toThrow(/Authorization/)
})

test('no other address of this machine answers', async (context) => {
  const { port } = await launch()
  const own = Object.values(networkInterfaces()).flatMap((each) => each ?? [])
  const other = own.find(({ internal, family }) => !internal && family === 'IPv4')
  if (other === undefined) skipBecause(context, 'this machine has no address but loopback')
  const socket = dial(port, other.address)
  await expect(once(socket, 'connect')).rejects.toMatchObject({ code: 'ECONNREFUSED' })
})

test('credentials and configuration are readable by their owner alone, and the same ones are used again', async () => {
  const first = await launch()
  await first.stop()
  for (const file of [
    nodeLoginFile(dir),
    outsideLoginFile(dir),
    join(dir, 'server', 'nats.conf'),
    join(dir, 'server', 'nats.log'),
  ]) {
    expect([file, (await stat(file)).mode & 0o777]).toEqual([file, 0o600])
  }
  await chmod(nodeLoginFile(dir), 0o644)
  const second = await launch()
  expect(second.credentials).toEqual(first.credentials)
  expect((await stat(nodeLoginFile(dir))).mode & 0o777).toBe(0o600)
  expect(await readLogin(outsideLoginFile(dir))).toEqual({
    ...first.credentials.outside,
    inboxPrefix: '_INBOX_outside',
    servers: second.url,
  })
  expect(first.credentials.node.pass).not.toBe(first.credentials.outside.pass)
})

test('processes that make the credentials at once end up with the same ones', async () => {
  const all = await Promise.all(Array.from({ length: 8 }, () => ensureCredentials(join(dir, 'new'))))
  expect(new Set(all.map((each) => JSON.stringify(each))).size).toBe(1)
  expect((await readdir(join(dir, 'new'))).toSorted()).toEqual(['credentials.json', 'outside.json'])
})

test('a credentials file that holds something else is named, and not replaced', async () => {
  await writeFile(nodeLoginFile(dir), 'oops', { mode: 0o600 })
  await expect(ensureCredentials(dir)).rejects.toMatchObject({ code: 'config.unreadable' })
  expect(await readFile(nodeLoginFile(dir), 'utf8')).toBe('oops')
})

test('a stop is orderly, and the next start finds what was stored', async () => {
  const first = await launch()
  await storeOne(first)
  await first.stop()
  expect(await first.exited).toBeUndefined()
  expect(isAlive(first.pid)).toBe(false)
  expect(lines.some((line) => line.includes('Server Exiting'))).toBe(true)
  expect(await stored(await launch())).toBe('kept')
})

test('it leads a process group of its own, so what a terminal sends to ours does not reach it', async () => {
  const { pid } = await launch()
  expect(process.kill(-pid, 0)).toBe(true)
})

test('a server that does not stop in time is killed', async () => {
  const server = await launch({ graceMs: 50 })
  process.kill(server.pid, 'SIGSTOP')
  await server.stop()
  expect(isAlive(server.pid)).toBe(false)
})

test('with durability power what is acknowledged was synced first', async () => {
  const server = await launch({ durability: 'power' })
  await storeOne(server)
  expect(await stored(server)).toBe('kept')
  expect(await readFile(join(dir, 'server', 'nats.conf'), 'utf8')).toContain('"sync_interval": "always"')
})

test('when its owner is killed the server ends by itself, and the next start finds what was stored', async () => {
  const parent = await launchElsewhere()
  const credentials = await ensureCredentials(dir)
  const connection = await asNode({ url: parent.said.url, credentials })
  await storeOne({ url: parent.said.url, credentials })
  await killParent(parent)
  await connection.closed()
  expect(await stored(await launch())).toBe('kept')
})

test('a server that outlived its killed owner is stopped by the next start, which finds what was stored', async () => {
  const parent = await launchElsewhere()
  await storeOne({ url: parent.said.url, credentials: await ensureCredentials(dir) })
  // Standing still it cannot take the signal that ends it with its owner.
  process.kill(parent.said.pid, 'SIGSTOP')
  await killParent(parent)
  expect(isAlive(parent.said.pid)).toBe(true)
  const next = await launch({ graceMs: 100 })
  expect(isAlive(parent.said.pid)).toBe(false)
  expect(lines[0]).toBe(`stopping the nats-server (pid ${parent.said.pid}) that an earlier run left behind`)
  expect(await stored(next)).toBe('kept')
})

test('a process that only got the number of the old server is left alone', async () => {
  const bystander = spawn('sleep', ['600'])
  atEnd.push(() => void bystander.kill('SIGKILL'))
  await mkdir(join(dir, 'server'), { recursive: true })
  await writeFile(join(dir, 'server', 'nats.pid'), String(bystander.pid))
  await launch()
  expect(isAlive(bystander.pid!)).toBe(true)
})

test('two starts on one directory: the second is told who holds it, from this process and from another', async () => {
  await launch()
  await expect(launch()).rejects.toMatchObject({ code: 'store.locked', details: { value: dir, pid: process.pid } })
  const { said } = await launchElsewhere()
  expect(said.fault).toMatchObject({ code: 'store.locked' })
  expect(said.fault?.message).toContain(String(process.pid))
})

test('of many that find the lock of a dead process at once, one takes it', async () => {
  const gone = spawn('true')
  await once(gone, 'exit')
  await writeFile(join(dir, 'lock.7'), JSON.stringify({ pid: gone.pid, birth: 'before' }))
  const taken = await Promise.allSettled(Array.from({ length: 20 }, () => lockDirectory(dir, dir)))
  const [winner, ...others] = taken.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
  expect(others).toEqual([])
  expect(await readdir(dir)).toEqual(['lock.8'])
  await winner?.release()
  await (await lockDirectory(dir, dir)).release()
})

test('a lock that a power cut left empty holds nobody out, nor one whose number belongs to another process now', async () => {
  await writeFile(join(dir, 'lock.1'), '')
  await (await lockDirectory(dir, dir)).release()
  await writeFile(join(dir, 'lock.1'), JSON.stringify({ pid: process.pid, birth: 'of another' }))
  await (await lockDirectory(dir, dir)).release()
})

test('a port that is taken is one sentence with the option to use', async () => {
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  atEnd.push(() => void other.close())
  const { port } = other.address() as AddressInfo
  await expect(launch({ port })).rejects.toMatchObject({
    code: 'port.taken',
    details: { value: port, option: '--port' },
  })
  await expect(launch({ httpPort: port })).rejects.toMatchObject({
    code: 'port.taken',
    details: { option: '--monitor-port' },
  })
  // Nothing of the failed start is in the way of the next one.
  await launch()
})

test('a port that was given is the one it listens on', async () => {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as AddressInfo
  probe.close()
  await once(probe, 'close')
  expect((await launch({ port })).port).toBe(port)
})

/** A server that is killed on demand, each time until it has been started again or given up. */
async function launchMortal(change: Partial<LaunchOptions> = {}) {
  const faults: Fault[] = []
  let again = Promise.withResolvers<void>()
  const server = await launch({
    ...change,
    onFault: (fault) => faults.push(fault),
    onProgress: (line) => line.includes('runs again') && again.resolve(),
  })
  return {
    server,
    faults,
    async kill() {
      process.kill(server.pid, 'SIGKILL')
      await Promise.race([again.promise, server.exited])
      again = Promise.withResolvers()
    },
  }
}

test('a server that is killed is started again at its port, with all that was stored', async () => {
  const { server, faults, kill } = await launchMortal()
  await storeOne(server)
  const { pid, url } = server
  await kill()
  expect(faults).toMatchObject([{ code: 'server.died', details: { reason: 'SIGKILL' } }])
  expect([isAlive(server.pid), server.pid === pid, server.url]).toEqual([true, false, url])
  expect(await stored(server)).toBe('kept')
  await server.stop()
  expect([await server.exited, isAlive(server.pid)]).toEqual([undefined, false])
})

test('one that is killed again and again is given up with a sentence, and the directory is free', async () => {
  const { server, faults, kill } = await launchMortal()
  await storeOne(server)
  for (let times = 1; times <= 4; times++) await kill()
  const fault = await server.exited
  expect(faults).toHaveLength(4)
  expect(fault).toMatchObject({ code: 'server.restless', details: { value: 4, limit: 60, reason: 'SIGKILL', dir } })
  expect(fault?.message).toContain('Server is ready')
  expect(isAlive(server.pid)).toBe(false)
  await server.stop()
  expect(await stored(await launch())).toBe('kept')
})

test('a server that cannot have its port again is given up with that sentence', async () => {
  const other = createServer((socket) => socket.destroy())
  atEnd.push(() => void other.close())
  const codes: string[] = []
  const server = await launch({
    onFault(fault) {
      if (codes.push(fault.code) === 1) other.listen(server.port, '127.0.0.1')
    },
  })
  process.kill(server.pid, 'SIGKILL')
  expect(await server.exited).toMatchObject({ code: 'port.taken', details: { value: server.port, option: '--port' } })
  expect(codes).toEqual(['server.died', 'port.taken', 'port.taken', 'port.taken'])
})

test('a stop while it is started again gives that up', async () => {
  const file = join(dir, 'slow-server')
  const script = `[ -e '${dir}/slow' ] && echo recovering >&2 && exec sleep 600\nexec '${natsServer()}' "$@"\n`
  await writeFile(file, `#!/bin/sh\n${script}`, { mode: 0o755 })
  const recovers = Promise.withResolvers<void>()
  const server = await launch({ binary: file, onLine: (line) => line === 'recovering' && recovers.resolve() })
  await writeFile(join(dir, 'slow'), '')
  process.kill(server.pid, 'SIGKILL')
  await recovers.promise
  await server.stop()
  expect(await server.exited).toBeUndefined()
})

test('a program that is no server ends the start with what it said', async () => {
  const binary = join(dir, 'nats-server')
  await writeFile(binary, '#!/bin/sh\necho "unknown option" >&2; exit 3\n', { mode: 0o755 })
  await expect(launch({ binary })).rejects.toThrow(/exit code 3.*unknown option/)
  await expect(launch({ binary: join(dir, 'absent') })).rejects.toMatchObject({ code: 'server.died' })
})

test('the log is followed from its end on, through a rotation', async () => {
  const file = join(dir, 'nats.log')
  await writeFile(file, 'of an earlier run\n')
  const tail = followLog(file, (line) => lines.push(line))
  await appendFile(file, 'one\ntwo, half')
  tail.read()
  await appendFile(file, ' and whole\n')
  tail.read()
  await rename(file, `${file}.1`)
  await writeFile(file, 'three, in a file that is longer than the one before was\n')
  tail.stop()
  expect(lines).toEqual(['one', 'two, half and whole', 'three, in a file that is longer than the one before was'])
  expect(tail.last(1)).toEqual([lines[2]])
})

test('a start can be given up', async () => {
  const giveUp = new AbortController()
  const binary = join(dir, 'nats-server')
  await writeFile(binary, '#!/bin/sh\necho recovering >&2; exec sleep 600\n', { mode: 0o755 })
  const starting = launch({ binary, signal: giveUp.signal, onLine: () => giveUp.abort() })
  await expect(starting).rejects.toThrow(/abort/i)
  await launch()
})
