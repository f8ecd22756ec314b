/**
 * Which suite of which distribution a machine may take its nats-server from, and from which of
 * the addresses that are configured on it. Pure, because getting it wrong means asking a
 * stranger for a program.
 */

export type Distribution = {
  readonly name: 'Debian' | 'Ubuntu'
  readonly codename: string | undefined
  /** Where the newest packages are; the released suites carry a server that is too old. */
  readonly suite: string
  readonly component: string
  readonly keyrings: readonly string[]
  readonly keyringPackage: string
}

const keyringsOf = (name: string): readonly string[] =>
  ['gpg', 'pgp'].map((ending) => `/usr/share/keyrings/${name}-archive-keyring.${ending}`)

const debian = {
  name: 'Debian',
  suite: 'testing',
  component: 'main',
  keyrings: keyringsOf('debian'),
  keyringPackage: 'debian-archive-keyring',
} as const

const ubuntu = {
  name: 'Ubuntu',
  suite: 'devel',
  component: 'universe',
  keyrings: keyringsOf('ubuntu'),
  keyringPackage: 'ubuntu-keyring',
} as const

/** From the text of /etc/os-release; a derivative is taken for what it says it is like. */
export function distributionOf(osRelease: string): Distribution | undefined {
  const fields = new Map<string, string>()
  for (const line of osRelease.split('\n')) {
    const [, name, value] = /^([A-Z_]+)=(.*)$/.exec(line.trim()) ?? []
    if (name !== undefined && value !== undefined) fields.set(name, value.replace(/^(["'])(.*)\1$/, '$2'))
  }
  const names = [fields.get('ID') ?? '', ...(fields.get('ID_LIKE') ?? '').split(' ')]
  const base = names.includes('ubuntu') ? ubuntu : names.includes('debian') ? debian : undefined
  return base === undefined ? undefined : { ...base, codename: codenameOf(fields, base.name) }
}

function codenameOf(fields: ReadonlyMap<string, string>, name: string): string | undefined {
  return (name === 'Ubuntu' ? fields.get('UBUNTU_CODENAME') : undefined) ?? fields.get('VERSION_CODENAME')
}

/** Trying more addresses than this only delays the sentence that says what is wrong. */
const mostSources = 3

/**
 * The addresses worth asking, from the lines `created by|release|address` of `apt-get
 * indextargets`: first where the machine's own release comes from, never a security archive
 * (it holds no suite of its own for newer releases).
 */
export function sourcesOf(indexTargets: string, { codename }: Pick<Distribution, 'codename'>): readonly string[] {
  const rows = indexTargets
    .split('\n')
    .map((line) => line.split('|'))
    .flatMap(([by, release, uri]) => (by === 'Packages' && release !== undefined && uri ? [{ release, uri }] : []))
    .filter(({ release }) => !/security/.test(release))
  const own = rows.filter(({ release }) => release === codename)
  const named = rows.filter(({ release }) => /^(stable|testing|unstable|sid|devel)$/.test(release))
  const preferred = [...own, ...named]
  const chosen = preferred.length > 0 ? preferred : rows
  return [...new Set(chosen.map(({ uri }) => uri))].slice(0, mostSources)
}
