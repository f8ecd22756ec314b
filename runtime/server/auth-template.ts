/**
 * A server configuration that lets the roles of a realm in and nobody else, as text for a person
 * to take over. It holds no password: each is a variable of the server's environment.
 */
import { crossingOf } from './account-crossing.ts'
import { type Rights, rightsOf, type Role } from './role-rights.ts'

export type TemplateOptions = {
  readonly realm: string
  readonly roles: readonly Role[]
  /** What outsiders may read of the realm, for example `ev.>`. */
  readonly readable: readonly string[]
  /** Of the realm: who may do something in it may do the same in these. */
  readonly forks?: readonly string[]
}

export type AuthTemplate = {
  readonly realm: string
  readonly accounts: readonly TemplateAccount[]
}

export type TemplateAccount = {
  readonly name: string
  readonly jetstream: boolean
  readonly users: readonly (Rights & {
    readonly user: string
    /** The variable that holds it. */ readonly password: string
  })[]
  readonly exports: readonly object[]
  readonly imports: readonly object[]
}

export function authTemplateOf({ realm, roles, readable, forks }: TemplateOptions): AuthTemplate {
  const [own, outside] = [`REALM_${realm}`, `OUTSIDE_${realm}`]
  const { exported, imported } = crossingOf([realm], readable)
  const users = roles.map((role) => ({
    ...rightsOf(role, realm, readable, forks),
    user: `${realm}-${role}`,
    password: `${realm}_${role}_PASSWORD`.toUpperCase().replaceAll('-', '_'),
  }))
  const of = (within: Rights['within']) => users.filter((user) => user.within === within)
  return {
    realm,
    accounts: [
      { name: own, jetstream: true, users: of('realm'), exports: exported(outside), imports: [] },
      { name: outside, jetstream: false, users: of('outside'), exports: [], imports: imported(own) },
    ],
  }
}

const remarks = (realm: string): readonly string[] => [
  `Who may do what in the realm "${realm}". To be included in the configuration of a server,`,
  'with those of other realms beside it: accounts { include "shop.conf" }',
  'Two accounts for each realm: only they keep apart those who do not trust each other. Replies',
  'and deliveries stay inside an account, and the server makes them with rights of its own,',
  'whatever a user may publish to.',
  'Passwords are taken from the environment of the server; each begins with a letter.',
  'The server itself needs JetStream, and room for the commits of nodes beside open batches:',
  '  jetstream { store_dir: "…", limits { batch { max_inflight_per_stream: 1000,',
  '    max_inflight_total: 2000, timeout: 5s } } }',
]

export function templateText({ realm, accounts }: AuthTemplate): string {
  const lines = [...remarks(realm).map((line) => `# ${line}`), ...accounts.flatMap(accountLines)]
  return `${lines.join('\n')}\n`
}

function accountLines({ name, jetstream, users, exports, imports }: TemplateAccount): readonly string[] {
  return [
    `${name} {`,
    ...(jetstream ? ['  jetstream: enabled'] : []),
    '  users: [',
    ...users.flatMap(userLines),
    '  ]',
    ...itemLines('exports', exports),
    ...itemLines('imports', imports),
    '}',
  ]
}

function userLines({
  user,
  password,
  about,
  inboxPrefix,
  publish,
  subscribe,
}: TemplateAccount['users'][number]): readonly string[] {
  const inbox = inboxPrefix === '_INBOX' ? '' : `; its answers come to ${inboxPrefix} (auth.inboxPrefix)`
  return [
    `    # ${about}${inbox}`,
    `    { user: ${user}, password: $${password}, permissions {`,
    ...listLines('publish', publish),
    ...listLines('subscribe', subscribe),
    '    } }',
  ]
}

/** Without a list everything would be allowed. */
function listLines(name: string, subjects: readonly string[]): readonly string[] {
  if (subjects.length === 0) return [`      ${name}: { deny: ">" }`]
  return [`      ${name}: [`, ...subjects.map((subject) => `        ${JSON.stringify(subject)}`), '      ]']
}

function itemLines(name: string, items: readonly object[]): readonly string[] {
  if (items.length === 0) return []
  // JSON is also the server's own configuration language.
  return [`  ${name}: [`, ...items.map((item) => `    ${JSON.stringify(item)}`), '  ]']
}
