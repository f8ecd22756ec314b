/** Which promise is in force, in plain words, and by whose word: a server tells no client how it syncs. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Finding, ok, warn } from './finding.ts'

export type Durability = 'process' | 'power'

/** From the configuration that the embedded server was started with; nothing for a server of another's. */
export async function embeddedDurability(dir: string): Promise<Durability | undefined> {
  try {
    const config = JSON.parse(await readFile(join(dir, 'server', 'nats.conf'), 'utf8')) as {
      jetstream?: { sync_interval?: string }
    }
    return config.jetstream?.sync_interval === 'always' ? 'power' : 'process'
  } catch {
    return undefined
  }
}

export function promiseOf(configured: Durability, embedded: Durability | undefined, replicas: number): Finding {
  const durability = embedded ?? configured
  const check = 'durability'
  if (embedded !== undefined && embedded !== configured) {
    return warn(
      check,
      `The server here was started with durability ${embedded}, but the configuration says ${configured}.`,
      'Start it again: perdure up reads the configuration only then.',
    )
  }
  const source = embedded === undefined ? ' This is what is configured here; the server itself tells nobody.' : ''
  if (replicas > 1)
    return ok(
      check,
      `${replicas} replicas: nothing acknowledged is lost when ${(replicas - 1) / 2} of ${replicas} servers lose power, disk or both.${source}`,
    )
  if (durability === 'power') {
    return ok(
      check,
      `power: a crash of any process loses nothing, and a power cut loses nothing that was acknowledged. The loss of the disk loses everything.${source}`,
    )
  }
  return ok(
    check,
    `process: a crash of any process (node, server, client) loses nothing. A power cut or a crash of the kernel can lose what was acknowledged in the last two minutes; --durability power excludes that, at about a fifth of the speed.${source}`,
  )
}
