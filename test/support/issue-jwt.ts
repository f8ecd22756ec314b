/** JWTs of an operator, an account and a user as a nats-server takes them, made by hand with nkeys for a test. */
import { createHash } from 'node:crypto'
import { nkeys } from '@nats-io/nats-core'

type KeyPair = ReturnType<typeof nkeys.createUser>

export type Operator = {
  /** Of a server configuration. */
  readonly config: string
  /** A .creds file; `until` in ms since 1970. */
  creds(name: string, until?: number): string
}

export function makeOperator(): Operator {
  const [operator, system, account] = [nkeys.createOperator(), nkeys.createAccount(), nkeys.createAccount()]
  const unlimited = { subs: -1, data: -1, payload: -1 }
  const limits = { ...unlimited, conn: -1, leaf: -1, imports: -1, exports: -1, wildcards: true }
  const store = { mem_storage: -1, disk_storage: -1, streams: -1, consumer: -1 }
  const issue = (issuer: KeyPair, subject: KeyPair, { nats, ...rest }: Claims): string =>
    sign(issuer, { sub: subject.getPublicKey(), ...rest, nats: { version: 2, ...nats } })
  const accountOf = (pair: KeyPair, name: string, more: object): string =>
    issue(operator, pair, { name, nats: { type: 'account', limits: { ...limits, ...more } } })
  const jwt = issue(operator, operator, {
    name: 'operator',
    nats: { type: 'operator', system_account: system.getPublicKey() },
  })
  return {
    config: `
      operator: ${jwt}
      system_account: ${system.getPublicKey()}
      resolver: MEMORY
      resolver_preload: {
        ${system.getPublicKey()}: ${accountOf(system, 'SYS', {})}
        ${account.getPublicKey()}: ${accountOf(account, 'REALM', store)}
      }`,
    creds(name, until) {
      const user = nkeys.createUser()
      const exp = until === undefined ? {} : { exp: Math.floor(until / 1000) }
      const token = issue(account, user, { name, ...exp, nats: { type: 'user', ...unlimited } })
      const seed = new TextDecoder().decode(user.getSeed())
      return [
        ...['-----BEGIN NATS USER JWT-----', token, '------END NATS USER JWT------', ''],
        ...['-----BEGIN USER NKEY SEED-----', seed, '------END USER NKEY SEED------', ''],
      ].join('\n')
    },
  }
}

type Claims = { readonly name: string; readonly exp?: number; readonly nats: object }

function sign(issuer: KeyPair, claims: object): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const now = Math.floor(Date.now() / 1000)
  const jti = createHash('sha256').update(JSON.stringify(claims)).digest('hex')
  const body = { jti, iat: now, iss: issuer.getPublicKey(), ...claims }
  const text = `${part({ typ: 'JWT', alg: 'ed25519-nkey' })}.${part(body)}`
  return `${text}.${Buffer.from(issuer.sign(new TextEncoder().encode(text))).toString('base64url')}`
}
