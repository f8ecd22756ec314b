/**
 * Why a server does not let us in, as faults that say what to do. Foreign errors of the client
 * library, of TLS and of the server end here. Invariant: no password, seed or JWT is ever part of
 * one; who we are is told by a user's name or a public key.
 */
import { errors, nkeys } from '@nats-io/nats-core'
import { Fault } from '#protocol/fault.ts'
import type { BusAuth, BusTls } from './bus-options.ts'

export type Access = {
  readonly value: string
  readonly auth?: BusAuth | undefined
  readonly tls?: BusTls | undefined
}

/** Undefined when it was not access that failed. */
export function accessFaultOf(cause: unknown, { value, auth, tls }: Access, now: number): Fault | undefined {
  if (cause instanceof errors.UserAuthenticationExpiredError) return expired(value, auth, now, cause)
  if (cause instanceof errors.AuthorizationError) {
    if (auth === undefined) return new Fault('login.missing', { value }, { cause })
    const until = auth !== undefined && 'creds' in auth ? endOf(auth.creds) : undefined
    if (until !== undefined && until <= now) return expired(value, auth, now, cause)
    return new Fault('login.refused', { value, who: whoIs(auth) }, { cause })
  }
  return cause instanceof Error ? tlsFaultOf(cause, value, tls) : undefined
}

function expired(value: string, auth: BusAuth | undefined, now: number, cause: unknown): Fault {
  const until = auth !== undefined && 'creds' in auth ? endOf(auth.creds) : undefined
  const at = new Date(until ?? now).toISOString()
  return new Fault('login.expired', { value, who: whoIs(auth), at }, { cause })
}

/** What can be told of credentials. */
function whoIs(auth: BusAuth | undefined): string {
  if (auth === undefined) return 'nobody'
  if ('user' in auth) return `the user "${auth.user}" with the password given`
  if ('token' in auth) return 'the token given'
  if ('nkey' in auth) return `the nkey ${nkeys.fromSeed(new TextEncoder().encode(auth.nkey)).getPublicKey()}`
  const { name, sub } = claimsOf(auth.creds) ?? {}
  return `the user "${name ?? sub ?? 'unknown'}" of the .creds file`
}

type Claims = { readonly name?: string; readonly sub?: string; /** In seconds. */ readonly exp?: number }

/** The JWT in a .creds file, read and not verified: that is the server's part. */
function claimsOf(creds: string): Claims | undefined {
  const [, body] = /-{3,}BEGIN NATS USER JWT-{3,}\s+[\w-]+\.([\w-]+)\.[\w-]+/.exec(creds) ?? []
  if (body === undefined) return undefined
  try {
    return JSON.parse(Buffer.from(body, 'base64url').toString()) as Claims
  } catch {
    return undefined
  }
}

function endOf(creds: string): number | undefined {
  const { exp = 0 } = claimsOf(creds) ?? {}
  return exp > 0 ? exp * 1000 : undefined
}

/** Throws before anything is dialled; the client library would first ask the server. */
export function requireUsable(auth: BusAuth): void {
  if ('nkey' in auth) requireSeed(auth.nkey, 'nkey seed')
  if (!('creds' in auth)) return
  if (claimsOf(auth.creds) === undefined) throw unusable('.creds file', 'it holds no user JWT')
  const [, seed] = /-{3,}BEGIN USER NKEY SEED-{3,}\s+(\S+)/.exec(auth.creds) ?? []
  if (seed === undefined) throw unusable('.creds file', 'it holds no user nkey seed')
  requireSeed(seed, '.creds file')
}

function requireSeed(seed: string, what: string): void {
  try {
    // The error of the library tells what it read, so it is left behind.
    if (nkeys.fromSeed(new TextEncoder().encode(seed)).getPublicKey().startsWith('U')) return
  } catch {
    throw unusable(what, 'its seed is damaged, or is none')
  }
  throw unusable(what, 'its seed is not that of a user')
}

function unusable(what: string, reason: string): Fault {
  return new Fault('login.unusable', { value: what, reason })
}

const untrusted: Readonly<Record<string, string>> = {
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'no authority known here has signed it',
  UNABLE_TO_GET_ISSUER_CERT: 'no authority known here has signed it',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'no authority known here has signed it',
  SELF_SIGNED_CERT_IN_CHAIN: 'the authority that signed it is not known here',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'it has signed itself',
  CERT_SIGNATURE_FAILURE: 'its signature is wrong',
}

function tlsFaultOf(cause: Error, value: string, tls: BusTls | undefined): Fault | undefined {
  const { code = '' } = cause as NodeJS.ErrnoException
  const reason = untrusted[code]
  if (reason !== undefined) return new Fault('tls.untrusted', { value, reason }, { cause })
  if (code === 'CERT_HAS_EXPIRED') return new Fault('tls.expired', { value, reason: 'has expired' }, { cause })
  if (code === 'CERT_NOT_YET_VALID') return new Fault('tls.expired', { value, reason: 'is not valid yet' }, { cause })
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return new Fault('tls.wrongName', { value }, { cause })
  const alert = /^ERR_SSL_.*ALERT_(.+)$/.exec(code)?.[1]
  if (alert !== undefined) {
    const who = tls?.certFile === undefined ? 'a connection without a certificate of ours' : `our ${tls.certFile}`
    const why = alert.toLowerCase().replaceAll('_', ' ')
    return new Fault('tls.refused', { value, who, reason: why }, { cause })
  }
  if (/server does not support 'tls'/.test(cause.message)) return new Fault('tls.absent', { value }, { cause })
  if (tls === undefined) return undefined
  // A file that is not there, is none, or does not belong to the other one.
  const missing = /^(.*) doesn't exist$/.exec(cause.message)?.[1]
  if (missing !== undefined) return new Fault('tls.unusable', { reason: `there is no file ${missing}` }, { cause })
  const inner = (cause.cause as NodeJS.ErrnoException | undefined)?.code ?? code
  if (/^ERR_OSSL_|^EACCES$|^EISDIR$/.test(inner)) {
    return new Fault(
      'tls.unusable',
      {
        reason: inner
          .replace(/^ERR_OSSL_/, '')
          .toLowerCase()
          .replaceAll('_', ' '),
      },
      { cause },
    )
  }
  return undefined
}
