/** What the server says of itself, judged. */
import { bytesText, span } from '#bin/layout.ts'
import { oldestServer } from '#config/options.ts'
import type { ServerFacts } from '#runtime/nats/examine-server.ts'
import { isAtLeast, parseServerVersion } from '#runtime/server/server-version.ts'
import { type Finding, fail, ok, warn } from './finding.ts'

const noticedMs = 1_000

export function checkServer(facts: ServerFacts): readonly Finding[] {
  return [versionOf(facts), featuresOf(facts), clockOf(facts), storageOf(facts)]
}

function versionOf({ address, version, rttMs }: ServerFacts): Finding {
  const says = `nats-server ${version} at ${address}, ${rttMs < 1 ? 'under a millisecond' : span(rttMs)} away.`
  const [have, want] = [parseServerVersion(version), parseServerVersion(oldestServer)]
  if (have !== undefined && want !== undefined && isAtLeast(have, want)) return ok('server', says)
  return fail('server', says, `perdure needs ${oldestServer} or newer: let perdure up fetch one, or upgrade it.`)
}

function featuresOf({ storage, realm, maxPayload }: ServerFacts): Finding {
  if (storage === undefined)
    return fail(
      'features',
      'JetStream is not there for these credentials.',
      'Start the server with JetStream, and give the account access to it.',
    )
  const payload = `The largest payload is ${bytesText(maxPayload)}.`
  if (realm === undefined)
    return warn(
      'features',
      `JetStream is there; the realm is not. ${payload}`,
      'The first node makes it: perdure up, or perdure node.',
    )
  if (!realm.hasBatches)
    return fail(
      'features',
      `The stream "${realm.stream}" takes no atomic batches.`,
      'Something changed it; set allow_atomic again (nats stream edit).',
    )
  return ok('features', `JetStream with atomic batches, stream "${realm.stream}". ${payload}`)
}

function clockOf({ realm, rttMs }: ServerFacts): Finding {
  const ahead = realm?.aheadMs
  if (ahead === undefined) return ok('clock', 'The server did not say its time, which it does once there is a realm.')
  if (Math.abs(ahead) <= noticedMs + rttMs)
    return ok('clock', `The server's clock and this one agree to ${Math.max(1, Math.abs(ahead))} ms.`)
  return warn(
    'clock',
    `The server's clock is ${span(Math.abs(ahead))} ${ahead > 0 ? 'ahead of' : 'behind'} this one.`,
    'Deadlines and ages will be off by that; set both by NTP.',
  )
}

function storageOf({ storage }: ServerFacts): Finding {
  if (storage === undefined) return ok('storage', 'Unknown without JetStream.')
  const { bytes, limit } = storage
  if (limit <= 0) return ok('storage', `${bytesText(bytes)} in use by this account; no limit but the disk.`)
  const says = `${bytesText(bytes)} of ${bytesText(limit)} that this account may use.`
  return bytes > limit * 0.9
    ? warn(
        'storage',
        says,
        'When it is full, nothing can be stored any more: raise the limit of the account, or history.bytes less.',
      )
    : ok('storage', says)
}

/** One copy on one of several servers is seldom meant. */
export function checkReplicas({ cluster, realm }: ServerFacts): readonly Finding[] {
  if (cluster === undefined || realm === undefined || realm.replicas > 1) return []
  return [
    warn(
      'replicas',
      `The servers form a cluster ("${cluster}"), but the log has one replica: while the server that holds it is away, everything waits, and its disk is the only copy.`,
      'perdure replicas 3 changes it while everything runs; new realms are made with --replicas 3.',
    ),
  ]
}
