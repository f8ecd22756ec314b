/**
 * Machines with addresses of their own inside this one: a network namespace each, and a switch
 * between them. A machine is cut off as a firewall or a pulled cable does it, so that nobody is
 * told: packets are dropped and no connection is refused. Needs root on Linux; who lacks it
 * hears why before anything was made.
 */
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'

export type Host = {
  readonly address: string
  /** What a command begins with that is to run there. */
  readonly through: readonly string[]
  cutOff(): void
  heal(): void
}

export type Hosts = {
  readonly hosts: readonly Host[]
  /** How a machine is cut off here. */
  readonly by: 'nft drop' | 'link down'
  close(): void
}

const run = (command: string, ...args: readonly string[]): string =>
  execFileSync(command, args, { stdio: ['ignore', 'pipe', 'pipe'], encoding: 'utf8' })

/** Why there can be no machines here; nothing: there can. */
export function whyNoHosts(): string | undefined {
  const needs = 'the partition of a network needs Linux, root and iproute2'
  if (process.platform !== 'linux') return `${needs}: this is ${process.platform}`
  const probe = `pd-probe-${randomBytes(3).toString('hex')}`
  try {
    run('ip', 'netns', 'add', probe)
    run('ip', 'link', 'add', `${probe.slice(-6)}a`, 'netns', probe, 'type', 'veth', 'peer', 'name', 'b', 'netns', probe)
    run('ip', '-n', probe, 'link', 'add', 'bridge', 'type', 'bridge')
    return undefined
  } catch (error) {
    return `${needs}: ${String((error as { stderr?: string }).stderr || error).split('\n')[0]}`
  } finally {
    try {
      run('ip', 'netns', 'del', probe)
    } catch {
      // It was never made.
    }
  }
}

function hasNft(): boolean {
  try {
    run('nft', '--version')
    return true
  } catch {
    return false
  }
}

/** One for each name, and this process among them, all in one network that nobody routes to. */
export function openHosts(count: number): Hosts {
  const id = randomBytes(2).toString('hex')
  const network = `198.18.${Number.parseInt(id.slice(0, 2), 16)}`
  const [hub, port] = [`pd-${id}-hub`, `pd${id}`]
  const by = hasNft() ? 'nft drop' : 'link down'
  const spaces: string[] = []

  function add(space: string): void {
    run('ip', 'netns', 'add', space)
    spaces.push(space)
    run('ip', '-n', space, 'link', 'set', 'lo', 'up')
  }
  function close(): void {
    process.removeListener('exit', close)
    // With the namespace of the switch its cables go, also the one to this process.
    for (const space of spaces.splice(0).toReversed()) run('ip', 'netns', 'del', space)
  }
  function plug(at: number): Host {
    const space = `pd-${id}-${at}`
    const address = `${network}.${at}`
    add(space)
    run('ip', '-n', hub, 'link', 'add', `p${at}`, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', space)
    run('ip', '-n', hub, 'link', 'set', `p${at}`, 'master', 'switch', 'up')
    run('ip', '-n', space, 'address', 'add', `${address}/24`, 'dev', 'eth0')
    run('ip', '-n', space, 'link', 'set', 'eth0', 'up')
    const through = ['ip', 'netns', 'exec', space]
    const nft = (rule: string): unknown => run('ip', 'netns', 'exec', space, 'nft', rule)
    const link = (state: 'up' | 'down'): unknown => run('ip', '-n', hub, 'link', 'set', `p${at}`, state)
    const drop = (way: string): string =>
      `add chain inet cut ${way} { type filter hook ${way} priority 0; policy drop; }; add rule inet cut ${way} ${way === 'input' ? 'iif' : 'oif'} lo accept`
    return {
      address,
      through,
      cutOff: () =>
        void (by === 'nft drop' ? nft(`add table inet cut; ${drop('input')}; ${drop('output')}`) : link('down')),
      heal: () => void (by === 'nft drop' ? nft('delete table inet cut') : link('up')),
    }
  }

  process.once('exit', close)
  try {
    add(hub)
    run('ip', '-n', hub, 'link', 'add', 'switch', 'type', 'bridge')
    run('ip', '-n', hub, 'link', 'set', 'switch', 'up')
    run('ip', 'link', 'add', port, 'type', 'veth', 'peer', 'name', 'p0', 'netns', hub)
    run('ip', '-n', hub, 'link', 'set', 'p0', 'master', 'switch', 'up')
    run('ip', 'address', 'add', `${network}.254/24`, 'dev', port)
    run('ip', 'link', 'set', port, 'up')
    return { hosts: Array.from({ length: count }, (_, at) => plug(at + 1)), by, close }
  } catch (error) {
    close()
    throw error
  }
}
