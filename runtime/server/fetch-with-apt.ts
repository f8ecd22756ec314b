/**
 * The nats-server package of the distribution's newest suite, by apt itself and without root:
 * apt gets a room of its own for all it writes, one source line made of the address that this
 * machine already uses, and the distribution's keyring, so the download is as trusted as any
 * other package here. Nothing is installed; the program is taken out of the package.
 */
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { distributionOf, sourcesOf, type Distribution } from './distribution.ts'
import { failedFetch as failed, megabytesOf, type FetchResult } from './fetch-result.ts'
import { isProgram, runCommand, type CommandResult } from './run-command.ts'

export type AptOptions = {
  readonly aptGet: string
  readonly dpkg: string
  readonly room: string
  readonly onProgress: (line: string) => void
  readonly signal?: AbortSignal | undefined
}

export async function fetchWithApt(options: AptOptions): Promise<FetchResult> {
  const distribution = distributionOf(await readFile('/etc/os-release', 'utf8').catch(() => ''))
  if (distribution === undefined) return failed('apt is here, but this is neither Debian nor Ubuntu')
  const keyring = distribution.keyrings.find((file) => existsSync(file))
  if (keyring === undefined) {
    return failed(
      `apt cannot check packages without ${distribution.keyrings[0]}; install ${distribution.keyringPackage}`,
    )
  }
  // Without --no-release-info apt is silent about sources that were never updated, as in a fresh container.
  const format = '$(CREATED_BY)|$(RELEASE)|$(REPO_URI)'
  const targets = await runCommand(options.aptGet, ['--no-release-info', 'indextargets', '--format', format])
  const architecture = await runCommand(options.dpkg, ['--print-architecture'])
  if (targets.is === 'failed') return targets
  if (architecture.is === 'failed') return architecture
  const sources = sourcesOf(targets.output, distribution)
  if (sources.length === 0) return failed(`apt has no ${distribution.name} source configured`)

  let last: FetchResult = failed('apt found nothing')
  for (const [at, uri] of sources.entries()) {
    const room = join(options.room, `apt-${at}`)
    const source = { uri, keyring, architecture: architecture.output.trim() }
    last = await fetchFrom({ ...options, room }, distribution, source)
    if (last.is === 'fetched' || options.signal?.aborted) return last
  }
  return last
}

type Source = { readonly uri: string; readonly keyring: string; readonly architecture: string }

async function fetchFrom(options: AptOptions, distribution: Distribution, source: Source): Promise<FetchResult> {
  const { aptGet, dpkg, room, onProgress, signal } = options
  const config = await writeAptConfig(room, distribution, source)
  const apt = (...args: string[]): Promise<CommandResult> =>
    runCommand(aptGet, ['-c', config, ...args], { cwd: room, signal })

  onProgress('updating the package list…')
  const updated = await apt('update', '--quiet')
  if (updated.is === 'failed') return updated
  const offered = await apt('download', '--print-uris', 'nats-server')
  if (offered.is === 'failed') return offered
  onProgress(`downloading ${megabytesOf(bytesOf(offered.output))}…`)
  const downloaded = await apt('download', '--quiet', 'nats-server')
  if (downloaded.is === 'failed') return downloaded
  const archive = (await readdir(room)).find((name) => name.endsWith('.deb'))
  if (archive === undefined) return failed('apt downloaded no package')

  onProgress('unpacking…')
  const unpacked = await runCommand(dpkg, ['-x', join(room, archive), join(room, 'unpacked')], { signal })
  if (unpacked.is === 'failed') return unpacked
  const places = ['usr/sbin/nats-server', 'usr/bin/nats-server'].map((place) => join(room, 'unpacked', place))
  const binary = places.find(isProgram)
  return binary === undefined ? failed('the package holds no nats-server') : { is: 'fetched', binary, stays: false }
}

/**
 * A file given with `-c` is read after the machine's own configuration, so proxies and
 * credentials stay in force while everything that is written, pinned or run afterwards is ours.
 */
async function writeAptConfig(room: string, distribution: Distribution, source: Source): Promise<string> {
  await mkdir(join(room, 'state', 'lists', 'partial'), { recursive: true })
  await mkdir(join(room, 'cache', 'archives', 'partial'), { recursive: true })
  await writeFile(join(room, 'status'), '')
  const { suite, component } = distribution
  const options = `[arch=${source.architecture} signed-by=${source.keyring}]`
  await writeFile(join(room, 'sources.list'), `deb ${options} ${source.uri} ${suite} ${component}\n`)
  const lines = [
    `Dir::State "${join(room, 'state')}";`,
    `Dir::State::status "${join(room, 'status')}";`,
    `Dir::Cache "${join(room, 'cache')}";`,
    `Dir::Etc::SourceList "${join(room, 'sources.list')}";`,
    'Dir::Etc::SourceParts "/dev/null";',
    'Dir::Etc::Preferences "/dev/null";',
    'Dir::Etc::PreferencesParts "/dev/null";',
    'APT::Sandbox::User "";',
    'Acquire::Languages "none";',
    'Acquire::Retries "2";',
    // Otherwise an unreachable source is only a warning, and the package merely unknown.
    'APT::Update::Error-Mode "any";',
    '#clear APT::Update::Pre-Invoke;',
    '#clear APT::Update::Post-Invoke;',
    '#clear APT::Update::Post-Invoke-Success;',
  ]
  const file = join(room, 'apt.conf')
  await writeFile(file, `${lines.join('\n')}\n`)
  return file
}

/** `'address' file bytes checksum`. */
function bytesOf(printedUris: string): number | undefined {
  const bytes = Number(printedUris.trim().split('\n').at(-1)?.split(' ')[2])
  return Number.isFinite(bytes) ? bytes : undefined
}
